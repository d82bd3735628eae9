//! Routes: `desk@station` to an ordered list of ports.
//!
//! Standards: none. In: patterns such as `*@moscow`. Out: the ports of the first pattern that fits, or who may have been meant.
//! Left out: whether a port works just now (see `queue`). Shown by: `router::route::tests`.

use crate::message::address::nearest;
use crate::message::{Address, Name};
use std::collections::BTreeSet;
use std::str::FromStr;

/// Which addresses a route is for: `desk@station`, either part `*`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern {
    desk: Option<Name>,
    station: Option<Name>,
}

impl Pattern {
    /// Whether the address fits.
    pub fn fits(&self, to: &Address) -> bool {
        self.desk.as_ref().is_none_or(|d| *d == to.desk) && self.station.as_ref().is_none_or(|s| *s == to.station)
    }
    /// The station it names, if one.
    pub fn station(&self) -> Option<&Name> {
        self.station.as_ref()
    }
}

impl FromStr for Pattern {
    type Err = String;
    fn from_str(s: &str) -> Result<Pattern, String> {
        let (desk, station) =
            s.split_once('@').ok_or_else(|| format!("`{s}` is not a route; write it as desk@station, with * for any, e.g. *@moscow"))?;
        let part = |p: &str| if p == "*" { Ok(None) } else { p.parse().map(Some) };
        Ok(Pattern { desk: part(desk)?, station: part(station)? })
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let part = |p: &Option<Name>| p.as_ref().map_or("*".to_owned(), Name::to_string);
        write!(f, "{}@{}", part(&self.desk), part(&self.station))
    }
}

/// One route: a pattern and its ports, in the order they are tried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route {
    /// For whom.
    pub to: Pattern,
    /// By which ports.
    pub ports: Vec<String>,
}

/// The ports for an address, by the first route that fits.
pub fn ports_for<'a>(routes: &'a [Route], to: &Address) -> Option<&'a [String]> {
    routes.iter().find(|r| r.to.fits(to)).map(|r| r.ports.as_slice())
}

/// A few words for a desk that is not here, short enough for a line of the slowest medium.
pub fn no_desk(desk: &Name, desks: &BTreeSet<Name>) -> String {
    match nearest(desk.as_str(), desks.iter().map(Name::as_str)) {
        Some(meant) => format!("no desk `{desk}` here; did you mean `{meant}`"),
        None => format!("no desk `{desk}` here"),
    }
}

/// One sentence for an address that nobody here knows.
pub fn unknown(to: &Address, own: &Name, desks: &BTreeSet<Name>, routes: &[Route]) -> String {
    if to.station == *own {
        let hint = match nearest(to.desk.as_str(), desks.iter().map(Name::as_str)) {
            Some(desk) => format!("did you mean `{desk}@{own}`"),
            None => format!("desks here: {}", list(desks.iter())),
        };
        return format!("there is no desk `{}` at {own}; {hint}", to.desk);
    }
    let stations: BTreeSet<&Name> = routes.iter().filter_map(|r| r.to.station()).chain([own]).collect();
    let hint = match nearest(to.station.as_str(), stations.iter().map(|s| s.as_str())) {
        Some(station) if station != to.station.as_str() => format!("did you mean `{}@{station}`", to.desk),
        _ => format!("stations known here: {}", list(stations.into_iter())),
    };
    format!("{own} has no route to `{to}`; {hint}")
}

fn list<'a>(names: impl Iterator<Item = &'a Name>) -> String {
    names.map(Name::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_route_that_fits_is_taken() {
        let route = |to: &str, port: &str| Route { to: to.parse().unwrap(), ports: vec![port.into()] };
        let routes = [route("chairman@moscow", "cable"), route("*@moscow", "radio"), route("*@*", "mail")];
        let port = |to: &str| ports_for(&routes, &to.parse().unwrap()).unwrap()[0].clone();
        assert_eq!([port("chairman@moscow"), port("operator@moscow"), port("x@london")], ["cable", "radio", "mail"]);
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        let own: Name = "washington".parse().unwrap();
        let desks = BTreeSet::from(["operator".parse().unwrap()]);
        let routes = [Route { to: "*@moscow".parse().unwrap(), ports: vec![] }];
        let say = |to: &str| unknown(&to.parse().unwrap(), &own, &desks, &routes);
        assert!(say("operator@moskow").contains("did you mean `operator@moscow`"));
        assert!(say("operater@washington").contains("did you mean `operator@washington`"));
        assert!(say("x@paris").contains("moscow, washington"));
    }
}
