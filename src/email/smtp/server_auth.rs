//! AUTH of a server session: PLAIN and LOGIN, only under TLS.
//!
//! Standards: RFC 4954 4, RFC 4616 (PLAIN); LOGIN as draft-murchison-sasl-login describes what clients do.
//! In: the mechanism, lines of base64. Out: 235, 535, 454 (nobody can be checked now), or a prompt. Left out: mechanisms that need more than one answer of ours; the authorisation
//! identity of PLAIN must be empty or the same. Shown by: `fixtures/dialogues/smtp/auth-*`.

use super::base64::{decode, encode};
use super::replies::Say;
use super::server::{Checked, Phase, Server};
use crate::time::Instant;
use smtp_proto::{AUTH_LOGIN, AUTH_PLAIN};

/// How far a login is.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Login {
    /// PLAIN without an initial response.
    Plain,
    /// LOGIN, asked for the name.
    Name,
    /// LOGIN, asked for the password of this name.
    Password(String),
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login")
    }
}

impl Server {
    pub(super) fn auth(&mut self, now: Instant, mechanism: u64, initial: &str) {
        match () {
            () if !self.config.auth => self.say(Say::NotImplemented, ""),
            () if !self.who.secured => self.say(Say::LoginNeedsTls, ""),
            () if !self.who.extended => self.say(Say::HelloFirst, ""),
            () if self.who.login.is_some() => self.say(Say::LoginStands, ""),
            () if self.mail.is_some() => self.say(Say::MailOpen, ""),
            () => match (mechanism, initial) {
                (AUTH_PLAIN, "") => self.prompt(now, "", Login::Plain),
                (AUTH_PLAIN, initial) => self.plain(initial),
                (AUTH_LOGIN, "") => self.prompt(now, "Username:", Login::Name),
                (AUTH_LOGIN, initial) => self.name(now, initial),
                _ => self.say(Say::NoMechanism, ""),
            },
        }
    }

    fn prompt(&mut self, now: Instant, text: &str, login: Login) {
        self.say(Say::Prompt, &encode(text.as_bytes()));
        self.enter(now, Phase::Login(login));
    }

    /// A line in the middle of AUTH. The phase is `Commands` again already.
    pub(super) fn login_line(&mut self, now: Instant, line: &[u8], login: Login) -> bool {
        match (std::str::from_utf8(line), login) {
            (Ok("*"), _) => self.say(Say::LoginCancelled, ""),
            (Ok(text), Login::Plain) => self.plain(text),
            (Ok(text), Login::Name) => self.name(now, text),
            (Ok(text), Login::Password(name)) => self.password(&name, text),
            (Err(_), _) => self.say(Say::BadParameter, "AUTH"),
        }
        !matches!(self.phase, Phase::Closed)
    }

    fn plain(&mut self, text: &str) {
        let octets = decode(text).and_then(|o| String::from_utf8(o).ok());
        let parts: Option<Vec<&str>> = octets.as_ref().map(|o| o.split('\0').collect());
        match parts.as_deref() {
            Some([who, name, password]) if who.is_empty() || who == name => self.login(name, password),
            Some([_, _, _]) => self.failed(),
            _ => self.say(Say::BadParameter, "AUTH"),
        }
    }

    fn name(&mut self, now: Instant, text: &str) {
        match decoded(text) {
            Some(name) => self.prompt(now, "Password:", Login::Password(name)),
            None => self.say(Say::BadParameter, "AUTH"),
        }
    }

    fn password(&mut self, name: &str, text: &str) {
        match decoded(text) {
            Some(password) => self.login(name, &password),
            None => self.say(Say::BadParameter, "AUTH"),
        }
    }

    fn login(&mut self, name: &str, password: &str) {
        // An empty password is never right, whatever the directory says.
        let possible = !name.is_empty() && !password.is_empty();
        match if possible { self.config.directory.clone().login(name, password) } else { Checked::Wrong } {
            Checked::Right => {
                self.who.login = Some(name.to_owned());
                self.counts.idle = 0;
                self.say(Say::LoggedIn, "");
            }
            Checked::Wrong => self.failed(),
            // RFC 4954 6: a temporary failure; the client keeps its password, and nothing is counted against it.
            Checked::NotNow => self.say(Say::LoginNotNow, ""),
        }
    }

    fn failed(&mut self) {
        self.counts.logins += 1;
        self.say(Say::LoginFailed, "");
        if self.counts.logins >= self.config.limits.logins {
            self.end(Say::TooManyLogins);
        }
    }
}

fn decoded(text: &str) -> Option<String> {
    decode(text).and_then(|o| String::from_utf8(o).ok()).filter(|t| !t.contains('\0'))
}
