//! Routes: `desk@station`, and the class of the message, to an ordered list of ports.
//!
//! Standards: none. In: patterns such as `*@moscow`. Out: the ports of the first route that fits, or who may have been meant.
//! Left out: whether a port works just now (see `queue`). Shown by: `router::route::tests`.

use crate::message::address::nearest;
use crate::message::{Address, Class, Name};
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

/// One route: for whom, for which class, and its ports in the order they are tried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route {
    /// For whom.
    pub to: Pattern,
    /// Only for this class; `None` for both.
    pub class: Option<Class>,
    /// By which ports.
    pub ports: Vec<String>,
}

impl Route {
    /// Whether it takes a message of this class to this address.
    pub fn fits(&self, to: &Address, class: Class) -> bool {
        self.to.fits(to) && self.class.is_none_or(|c| c == class)
    }
}

/// The ports for an address and a class, by the first route that fits both.
pub fn ports_for<'a>(routes: &'a [Route], to: &Address, class: Class) -> Option<&'a [String]> {
    routes.iter().find(|r| r.fits(to, class)).map(|r| r.ports.as_slice())
}

/// A few words for a desk that is not here, short enough for a line of the slowest medium.
pub fn no_desk(desk: &Name, desks: &BTreeSet<Name>) -> String {
    match nearest(desk.as_str(), desks.iter().map(Name::as_str)) {
        Some(meant) => format!("no desk `{desk}` here; did you mean `{meant}`"),
        None => format!("no desk `{desk}` here"),
    }
}

/// Whether an address can be reached: a desk here, or one that a route fits; else one sentence that names the nearest.
pub fn reachable(to: &Address, class: Class, own: &Name, desks: &BTreeSet<Name>, routes: &[Route]) -> Result<(), String> {
    let found = if to.station == *own { desks.contains(&to.desk) } else { ports_for(routes, to, class).is_some() };
    if found { Ok(()) } else { Err(unknown(to, class, own, desks, routes)) }
}

/// One sentence for an address that nobody here knows, or that no route takes this class to.
pub fn unknown(to: &Address, class: Class, own: &Name, desks: &BTreeSet<Name>, routes: &[Route]) -> String {
    if to.station == *own {
        let hint = match nearest(to.desk.as_str(), desks.iter().map(Name::as_str)) {
            Some(desk) => format!("did you mean `{desk}@{own}`"),
            None => format!("desks here: {}", list(desks.iter())),
        };
        return format!("there is no desk `{}` at {own}; {hint}", to.desk);
    }
    if let Some(only) = routes.iter().find(|r| r.to.fits(to)) {
        return format!("{own} has no route to `{to}` for the class {class}; the route to `{}` is for the other class only", only.to);
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

    fn route(to: &str, class: Option<Class>, port: &str) -> Route {
        Route { to: to.parse().unwrap(), class, ports: vec![port.into()] }
    }

    #[test]
    fn the_first_route_that_fits_is_taken() {
        let routes = [route("chairman@moscow", None, "cable"), route("*@moscow", None, "radio"), route("*@*", None, "mail")];
        let port = |to: &str| ports_for(&routes, &to.parse().unwrap(), Class::Message).unwrap()[0].clone();
        assert_eq!([port("chairman@moscow"), port("operator@moscow"), port("x@london")], ["cable", "radio", "mail"]);
    }

    #[test]
    fn a_route_for_one_class_is_passed_over_by_the_other() {
        let service = Some(Class::Service);
        let routes = [route("*@moscow", service, "radio"), route("*@moscow", None, "cable"), route("*@london", service, "telex")];
        let ports = |to: &str| Class::ALL.map(|c| ports_for(&routes, &to.parse().unwrap(), c).map(|p| p[0].clone()));
        assert_eq!(ports("operator@moscow"), [Some("cable".into()), Some("radio".into())]);
        assert_eq!(ports("operator@london"), [None, Some("telex".into())]);
        let said = unknown(&"x@london".parse().unwrap(), Class::Message, &"washington".parse().unwrap(), &BTreeSet::new(), &routes);
        assert_eq!(
            said,
            "washington has no route to `x@london` for the class message; the route to `*@london` is for the other class only"
        );
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        let own: Name = "washington".parse().unwrap();
        let desks = BTreeSet::from(["operator".parse().unwrap()]);
        let routes = [route("*@moscow", None, "cable")];
        let say = |to: &str| unknown(&to.parse().unwrap(), Class::Message, &own, &desks, &routes);
        assert!(say("operator@moskow").contains("did you mean `operator@moscow`"));
        assert!(say("operater@washington").contains("did you mean `operator@washington`"));
        assert!(say("x@paris").contains("moscow, washington"));
    }
}
