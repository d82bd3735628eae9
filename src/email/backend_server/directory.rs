//! Whom an e-mail server takes mail for, and who may log in.
//!
//! Standards: RFC 5321 4.5.1 (`postmaster`), 7.7 (no relay for strangers). In: mail addresses, names and passwords. Out: where they belong.
//! Left out: what a message may be (the router's). Shown by: the tests below, `tests/it/email_server.rs`.

use crate::email::backend::Shared;
use crate::email::backend_users::Users;
use crate::email::smtp::envelope::Who;
use crate::email::smtp::server::{self, Checked, Standing};
use crate::message::{Address, Class, Name};
use crate::time::Instant;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// So many failed logins an hour on a port; then nobody can log in until some are older. A password that is guessed needs more.
const FAILURES: usize = 300;
const HOUR: Duration = Duration::from_secs(3600);

/// The directory of one port.
pub(super) struct Directory {
    shared: Arc<Shared>,
    users: Option<Users>,
    failed: Mutex<VecDeque<Instant>>,
    /// What is wrong with the file of users, as it was said.
    trouble: Mutex<String>,
}

impl Directory {
    /// Of one port.
    pub fn new(shared: Arc<Shared>) -> Directory {
        let users = shared.keys.users.as_ref().map(Users::at);
        Directory { shared, users, failed: Mutex::default(), trouble: Mutex::default() }
    }

    /// The desk at a station that an address means, or the desk of `postmaster`; `None`: none of the stations' or of nobody known there.
    pub fn desk(&self, address: &str) -> Option<Address> {
        let place = &self.shared.place;
        let here = &self.shared.station;
        let meant = match address.eq_ignore_ascii_case("postmaster") {
            true => Address { desk: "postmaster".parse().ok()?, station: here.clone() },
            false => self.shared.domains.desk(address)?,
        };
        if meant.station == *here {
            let postmaster = || (meant.desk.as_str() == "postmaster").then(|| self.postmaster()).flatten();
            let desk = place.all_desks.iter().find(|d| **d == meant.desk).cloned().or_else(postmaster)?;
            return Some(Address { desk, station: meant.station });
        }
        // The correspondents outside are no desks of a station: to write to them by their names here is to have mail passed on.
        (!place.outsides.contains(&meant.station) && (place.reachable)(&meant, Class::Message).is_ok()).then_some(meant)
    }

    /// The correspondent outside whom those who are known may call by the name he has here: alice@mail.
    pub fn correspondent(&self, address: &str) -> Option<Address> {
        let meant = self.shared.domains.desk(address).filter(|a| self.shared.keys.outside().as_ref() == Some(&a.station))?;
        let known = self.shared.book.address(&meant.desk).is_some() && (self.shared.place.reachable)(&meant, Class::Message).is_ok();
        known.then_some(meant)
    }

    /// Who reads what is for the postmaster: the operator, else the first desk.
    fn postmaster(&self) -> Option<Name> {
        let desks = &self.shared.place.all_desks;
        desks.iter().find(|d| d.as_str() == "operator").or(desks.first()).cloned()
    }

    /// Whether its domain is of a station that is known here, whatever stands before it: then it is nobody else's.
    fn is_ours(&self, address: &str) -> bool {
        let (here, place) = (&self.shared.station, &self.shared.place);
        let domain = address.rsplit_once('@').map_or(address, |(_, domain)| domain);
        let station = self.shared.domains.desk(&format!("postmaster@{domain}")).map(|a| a.station);
        station.is_some_and(|s| s == *here || place.known.contains(&s) || place.outsides.contains(&s))
    }

    /// Whether mail for an address that is no station's can go somewhere.
    fn goes_out(&self, address: &str) -> bool {
        let Some(outside) = self.shared.keys.outside() else { return false };
        let someone = || Some(Address { desk: "someone".parse().ok()?, station: outside });
        address.contains('@') && someone().is_some_and(|to| (self.shared.place.reachable)(&to, Class::Message).is_ok())
    }

    /// The desk that a user writes from, if there is one of that name here. An error: the users cannot be read, and nobody knows.
    pub fn desk_of(&self, user: &str) -> Result<Option<Name>, String> {
        let Some(users) = &self.users else { return Ok(None) };
        Ok(users.desk(user)?.filter(|desk| self.shared.place.all_desks.contains(desk)))
    }

    /// Looks at the users when the server starts, so that nobody's first login has to find out.
    pub fn look(&self) {
        let Some(users) = &self.users else { return };
        match users.read() {
            Ok(all) if all.is_empty() => {
                let file = users.path().display();
                self.shared
                    .warn(format!("nobody can log in: there is no user in `{file}`; `molink mail user NAME --file {file}` adds one"));
            }
            Ok(_) => {}
            Err(why) => self.said(&why),
        }
    }

    /// Says what is wrong with the file of users, or with nothing that it is well again; once, not at each login.
    fn said(&self, why: &str) {
        let mut said = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if *said != why {
            let well = || "the users can be read again; logins are checked".to_owned();
            match why.is_empty() {
                true => self.shared.note(well()),
                false => self.shared.warn(format!("nobody can log in: {why}")),
            }
            why.clone_into(&mut said);
        }
    }
}

impl server::Directory for Directory {
    fn standing(&self, who: &Who, address: &str) -> Standing {
        // A route with a `*` for its station leads anywhere: those who are known may use it, a stranger is bound to stations that have a name here.
        let desk = self
            .desk(address)
            .filter(|d| who.trusted() || d.station == self.shared.station || self.shared.place.known.contains(&d.station));
        if desk.is_some() || who.trusted() && self.correspondent(address).is_some() {
            return Standing::Known;
        }
        match self.is_ours(address) || who.trusted() && !self.goes_out(address) {
            true => Standing::Unknown,
            false => Standing::Elsewhere, // the session refuses it to strangers
        }
    }

    fn owner(&self, address: &str) -> String {
        self.desk(address).map_or_else(|| address.to_owned(), |desk| desk.to_string())
    }

    fn login(&self, name: &str, password: &str) -> Checked {
        let Some(users) = &self.users else { return Checked::Wrong };
        let now = self.shared.clock.now();
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        while failed.front().is_some_and(|at| now.since(*at) >= HOUR) {
            failed.pop_front();
        }
        if failed.len() >= FAILURES {
            return Checked::NotNow; // nor is a right one known, so that it is not called wrong
        }
        drop(failed);
        let right = users.login(name, password);
        self.said(right.as_ref().err().map_or("", String::as_str));
        match right {
            Ok(true) => Checked::Right,
            Ok(false) => {
                // At most as many an hour as there may be failures.
                let shown: String = name.chars().take(80).collect();
                self.shared.note(format!("a login as `{}` was refused: the name or the password is wrong", shown.escape_debug()));
                self.failed.lock().unwrap_or_else(PoisonError::into_inner).push_back(now);
                Checked::Wrong
            }
            // Our own trouble, and no wrong password of anybody's.
            Err(_) => Checked::NotNow,
        }
    }
}
