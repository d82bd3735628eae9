//! The keys of an e-mail port in a station file.
//!
//! Standards: the words are those of RFC 5321 and 3207. In: the table `[port.NAME]`, its `backend` taken off. Out: [`Keys`], checked.
//! Left out: the files that keys name (they are read when the port starts). Shown by: the tests below, `docs/email.md`.

use super::mime::{Domains, LARGEST};
use super::smtp::address::is_plain;
use super::smtp::client::Tls;
use super::smtp::limits::Limits;
use crate::message::Name;
use crate::time::parse_duration;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// All keys, each with its default.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// What is at the far end: `line`, the station `peer`; or `gateway`, the world outside.
    pub kind: Kind,
    /// Where mail goes to and comes from. In a scenario the circuit gives it.
    pub line: Line,
    /// The station at the far end of a `line`.
    pub peer: Option<Name>,
    /// The name that stands for the world outside, of a `gateway`: alice@example.org is `alice@mail`.
    pub outside: Option<Name>,
    /// Correspondents outside that have a name from the start: `alice = "alice@example.org"`.
    pub people: BTreeMap<Name, String>,
    /// The name that this host says of itself; if missing, the domain.
    pub host: Option<String>,
    /// The mail domains of stations, this one's too; a station without one has its own name for a domain.
    pub domains: BTreeMap<Name, String>,
    /// A file of those who may log in, made by `molink mail user`.
    pub users: Option<PathBuf>,
    /// Whether nobody is let in without a login or a pinned certificate.
    pub login_required: bool,
    /// A file of two lines, name and password, for the far end's server.
    pub login: Option<PathBuf>,
    /// The largest message, in octets.
    pub size: u64,
    /// Connections at one time.
    pub connections: usize,
    /// Of these from one address.
    pub per_address: usize,
    /// Messages an hour from one stranger, and ten times that from all of them; 0: without a limit.
    pub quota: u32,
    /// After so long a sender is told that his message still waits.
    pub delay_notice: String,
    /// How long the connection is kept for the next message.
    pub idle: String,
}

/// What is at the far end.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A station of molink.
    #[default]
    Line,
    /// The world outside, by one server (a smart-host).
    Gateway,
}

/// Where mail goes to and comes from.
#[derive(Clone, Default, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Line {
    /// The server that mail is handed to, `HOST:PORT`; without it the port only receives.
    pub smtp: Option<String>,
    /// Where ours listens, `HOST:PORT`; without it the port only sends.
    pub listen: Option<String>,
    /// Whether others than this machine may connect.
    pub anyone: bool,
    /// The folder of this station's key and certificate and of the pinned ones. Without it a throw-away certificate is made at the start.
    pub tls: Option<PathBuf>,
    /// Whether mail goes out only under TLS: `required`, `wanted`, `never`. Unsaid: required to a station if `tls` is there, and through a
    /// smart-host if `authority` is; else wanted.
    pub security: Option<Security>,
    /// The authority that the far end's certificate is judged by, of a `gateway`: a PEM file.
    pub authority: Option<PathBuf>,
}

/// Whether mail goes out under TLS.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// Or not at all.
    Required,
    /// Where it is offered.
    Wanted,
    /// In clear.
    Never,
}

impl Default for Keys {
    fn default() -> Keys {
        Keys {
            kind: Kind::Line,
            line: Line::default(),
            peer: None,
            outside: None,
            people: BTreeMap::new(),
            host: None,
            domains: BTreeMap::new(),
            users: None,
            login_required: false,
            login: None,
            size: Limits::default().size,
            connections: 100,
            per_address: 20,
            quota: 60,
            delay_notice: "4h".into(),
            idle: "30s".into(),
        }
    }
}

impl Keys {
    /// Reads and checks them.
    pub fn read(table: toml::Table) -> Result<Keys, String> {
        let keys: Keys = table.try_into().map_err(|e: toml::de::Error| e.to_string().trim_end().replace('\n', "; "))?;
        match (keys.kind, &keys.peer, &keys.line.smtp) {
            (Kind::Line, None, Some(_)) => return Err("`peer` is missing; name the station at the far end".into()),
            (Kind::Gateway, Some(_), _) => return Err("`peer` is for a line to a station; a gateway leads to the world outside".into()),
            (Kind::Line, ..) if keys.outside.is_some() || !keys.people.is_empty() => {
                return Err("`outside` and `people` are for `kind = \"gateway\"`".into());
            }
            (Kind::Line | Kind::Gateway, ..) => {}
        }
        let pinned = keys.line.tls.is_some() && keys.kind == Kind::Line;
        match (&keys.line.authority, keys.kind, keys.line.security) {
            (Some(_), Kind::Line, _) => {
                return Err("`authority` is for a gateway's smart-host; a station is known by its pinned certificate: give `tls`".into());
            }
            (authority, _, Some(Security::Wanted | Security::Never)) if pinned || authority.is_some() => {
                return Err(
                    "`security` lets mail out in clear, and the far end is to be known by its certificate; write \"required\"".into()
                );
            }
            (Some(_) | None, ..) => {}
        }
        if keys.line.smtp.is_none() && keys.line.listen.is_none() {
            return Err("`line` is missing; write line = { smtp = \"HOST:PORT\", listen = \"HOST:PORT\" }, or one of the two".into());
        }
        if !(1..=LARGEST as u64).contains(&keys.size) {
            return Err(format!("`size = {}` cannot be: a mail that is read has 1 to {LARGEST} octets", keys.size));
        }
        if let Some((name, address)) = keys.people.iter().find(|(_, address)| !is_plain(address)) {
            let shown = address.escape_debug();
            return Err(format!("`people`: `{shown}`, the address of {name}, is not one that mail can be sent to; write NAME@DOMAIN"));
        }
        let domains = keys.domains();
        for (station, domain) in &keys.domains {
            if let Some(other) = domains.stations(&domain.to_ascii_lowercase()).find(|other| *other != station) {
                return Err(format!(
                    "`domains`: {station} and {other} have one domain, `{domain}`, and its mail could be for one only; give each its own"
                ));
            }
        }
        for (key, value) in [("delay_notice", &keys.delay_notice), ("idle", &keys.idle)] {
            parse_duration(value).map_err(|e| format!("`{key}`: {e}"))?;
        }
        Ok(keys)
    }
    /// The name of the world outside, of a gateway.
    pub fn outside(&self) -> Option<Name> {
        let usual = || "mail".parse().ok();
        (self.kind == Kind::Gateway).then(|| self.outside.clone().or_else(usual)).flatten()
    }
    /// Which domain is which station's.
    pub fn domains(&self) -> Domains {
        self.domains.iter().fold(Domains::default(), |all, (station, domain)| all.with(station.clone(), domain))
    }
    /// What this host says of itself.
    pub fn host(&self, station: &Name) -> String {
        self.host.clone().unwrap_or_else(|| self.domains().of(station))
    }
    /// What a server session takes at the most.
    pub fn limits(&self) -> Limits {
        let all = Limits { size: self.size, ..Limits::default() };
        Limits { desks: if self.quota == 0 { all.desks } else { self.quota as usize }, ..all }
    }
    /// Whether mail goes out under TLS.
    pub fn security(&self) -> Tls {
        match (self.line.security, self.kind, &self.line.tls) {
            (Some(Security::Required), ..) | (None, Kind::Line, Some(_)) => Tls::Required,
            // Who is to be known by a certificate has to show one.
            (None, Kind::Gateway, _) if self.line.authority.is_some() => Tls::Required,
            (Some(Security::Wanted), ..) | (None, Kind::Gateway | Kind::Line, _) => Tls::Wanted,
            (Some(Security::Never), ..) => Tls::Never,
        }
    }
    /// See [`Keys::delay_notice`].
    pub fn delay(&self) -> Duration {
        parse_duration(&self.delay_notice).unwrap_or(Duration::from_secs(4 * 3600))
    }
    /// See [`Keys::idle`].
    pub fn idle(&self) -> Duration {
        parse_duration(&self.idle).unwrap_or(Duration::from_secs(30))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Keys, String> {
        Keys::read(text.parse().unwrap())
    }

    #[test]
    fn a_line_and_a_gateway_are_read_with_their_defaults() {
        let line = read("peer = \"moscow\"\nline = { smtp = \"127.0.0.1:2526\", listen = \"127.0.0.1:2525\", tls = \"certs\" }").unwrap();
        assert_eq!((line.security(), line.outside()), (Tls::Required, None));
        let gateway =
            read("kind = \"gateway\"\nline = { listen = \"127.0.0.1:2525\" }\npeople = { alice = \"alice@example.org\" }").unwrap();
        assert_eq!((gateway.security(), gateway.outside().unwrap().as_str()), (Tls::Wanted, "mail"));
    }

    #[test]
    fn what_does_not_fit_together_is_said() {
        for (text, word) in [
            ("", "`line` is missing"),
            ("line = { smtp = \"a:1\" }", "`peer` is missing"),
            ("kind = \"gateway\"\npeer = \"moscow\"\nline = { smtp = \"a:1\" }", "`peer` is for"),
            ("peer = \"moscow\"\noutside = \"mail\"\nline = { smtp = \"a:1\" }", "`outside`"),
            ("peer = \"moscow\"\nline = { smtp = \"a:1\" }\nidle = \"soon\"", "`idle`"),
            (
                "kind = \"gateway\"\nline = { smtp = \"a:1\" }\npeople = { alice = \"not an address\" }",
                "`not an address`, the address of alice",
            ),
            (
                "line = { listen = \"a:1\" }\ndomains = { moscow = \"a.example\", washington = \"A.example\" }",
                "`domains`: moscow and washington have one domain",
            ),
            ("line = { listen = \"a:1\" }\nsize = 0", "`size = 0`"),
            ("line = { listen = \"a:1\" }\nsize = 67108865", "`size = 67108865`"),
            ("peer = \"moscow\"\nline = { smtp = \"a:1\", authority = \"ca.pem\" }", "`authority` is for"),
            ("kind = \"gateway\"\nline = { smtp = \"a:1\", authority = \"ca.pem\", security = \"wanted\" }", "`security` lets"),
            ("peer = \"moscow\"\nline = { smtp = \"a:1\", tls = \"certs\", security = \"never\" }", "`security` lets"),
            ("peer = \"moscow\"\nline = { smtp = \"a:1\", tls = \"certs\", security = \"wanted\" }", "`security` lets"),
            ("peer = \"moscow\"\nline = { smpt = \"a:1\" }", "smpt"),
        ] {
            let why = read(text).unwrap_err();
            assert!(why.contains(word), "{text}: {why}");
        }
    }
}
