//! The commands of a server session, one line at a time.
//!
//! Standards: RFC 5321 4.1 and 4.3, 2920 3.1 (which commands may have others behind them), 3207 4, 1870, 6710.
//! In: a line. Out: a reply, a change of phase. Left out: MAIL and RCPT (`server_envelope`), AUTH (`server_auth`), DATA and BDAT (`server_data`).
//! Shown by: `fixtures/dialogues/smtp/commands-*`.

use super::address::is_host;
use super::lines::{Front, front, skip};
use super::priority::PROFILE;
use super::replies::Say;
use super::server::{Output, Phase, Server};
use crate::time::Instant;
use smtp_proto::{Error, Request};
use std::borrow::Cow;
use std::fmt::Write;

impl Server {
    /// Takes a line, if there is one. Says whether it went on.
    pub(super) fn a_line(&mut self, now: Instant) -> bool {
        let limits = &self.config.limits;
        let login = match &self.phase {
            Phase::Login(login) => Some(login.clone()),
            _ => None,
        };
        match front(&self.held[self.read..], if login.is_some() { limits.auth } else { limits.command }) {
            Front::Part => false,
            Front::Bare => {
                self.end(Say::BareInCommand);
                false
            }
            Front::TooLong => {
                self.enter(now, Phase::Skipping);
                self.say(if login.is_some() { Say::LoginTooLong } else { Say::LineTooLong }, "");
                true
            }
            Front::Line(octets) => {
                let line = self.held[self.read..self.read + octets].to_vec();
                self.read += octets + 2;
                self.enter(now, Phase::Commands);
                match login {
                    Some(login) => self.login_line(now, &line, login),
                    None => self.command(now, &line),
                }
            }
        }
    }

    /// Passes over the rest of a line that was too long.
    pub(super) fn skip_line(&mut self, now: Instant) -> bool {
        let (octets, ended) = skip(&self.held[self.read..]);
        self.read += octets;
        if ended {
            self.enter(now, Phase::Commands);
        }
        ended
    }

    fn command(&mut self, now: Instant, line: &[u8]) -> bool {
        let Some(text) = std::str::from_utf8(line).ok().filter(|l| !l.chars().any(char::is_control)) else {
            self.say(Say::Unreadable, "");
            return true;
        };
        if ["GET ", "POST ", "CONNECT ", "HEAD ", "PUT ", "OPTIONS "].iter().any(|w| text.starts_with(w)) {
            self.end(Say::WrongProtocol);
            return false;
        }
        let mut terminated = text.as_bytes().to_vec();
        terminated.extend_from_slice(b"\r\n");
        let request = Request::parse(&mut terminated.iter());
        let last = request.as_ref().is_ok_and(|r| must_be_last(r) || !self.who.extended && !matches!(r, Request::Bdat { .. }));
        if last && self.read < self.held.len() {
            // RFC 2920 3.1: what changes the session is the last of its group, and without EHLO there are no groups.
            self.end(Say::Ahead);
            return false;
        }
        self.counts.idle += 1;
        if self.counts.idle > self.config.limits.idle_commands {
            self.end(Say::TooManyCommands);
            return false;
        }
        match request {
            Ok(request) => self.request(now, text, request),
            // How much of what follows is a chunk, nobody knows then.
            Err(_) if text.trim_start().get(..4).is_some_and(|w| w.eq_ignore_ascii_case("BDAT")) => self.chunk_command(now, text),
            Err(error) => self.misread(&error),
        }
        !matches!(self.phase, Phase::Closed)
    }

    fn request(&mut self, now: Instant, text: &str, request: Request<Cow<'_, str>>) {
        match request {
            Request::Ehlo { host } => self.hello(&host, true),
            Request::Helo { host } => self.hello(&host, false),
            Request::Mail { from } => self.mail(text, &from),
            Request::Rcpt { to } => self.rcpt(text, &to),
            Request::Data if text.trim().len() > "DATA".len() => self.say(Say::Syntax, "DATA"),
            Request::Data => self.data(now),
            Request::Bdat { .. } => self.chunk_command(now, text),
            Request::Auth { mechanism, initial_response } => self.auth(now, mechanism, &initial_response),
            Request::StartTls => self.start_tls(now, text),
            Request::Rset => {
                self.forget();
                self.say(Say::Done, "");
            }
            Request::Noop { .. } => self.say(Say::Noop, ""),
            Request::Vrfy { .. } => self.say(Say::Unverified, ""),
            Request::Help { .. } => self.say(Say::Help, ""),
            Request::Quit => self.end(Say::Bye),
            Request::Expn { .. } | Request::Etrn { .. } | Request::Atrn { .. } | Request::Burl { .. } | Request::Lhlo { .. } => {
                self.say(Say::NotImplemented, "");
            }
        }
    }

    fn misread(&mut self, error: &Error) {
        match error {
            Error::UnknownCommand | Error::ResponseTooLong | Error::InvalidResponse { .. } => self.say(Say::Unknown, ""),
            Error::NeedsMoreData { .. } => self.say(Say::Syntax, "RFC 5321 has it"),
            Error::InvalidSenderAddress => self.say(Say::BadSender, ""),
            Error::InvalidRecipientAddress => self.say(Say::BadRecipient, ""),
            Error::SyntaxError { syntax } => self.say(Say::Syntax, syntax),
            Error::InvalidParameter { param } => self.say(Say::BadParameter, param),
            Error::UnsupportedParameter { param } => self.say(Say::NoSuchParameter, param.split('=').next().unwrap_or_default()),
        }
    }

    fn hello(&mut self, host: &str, extended: bool) {
        if !is_host(host) {
            return self.say(Say::Syntax, if extended { "EHLO domain" } else { "HELO domain" });
        }
        self.forget();
        self.who.helo = host.to_owned();
        self.who.extended = extended;
        if extended {
            let list = self.extensions();
            self.send(list.as_bytes());
        } else {
            self.say(Say::Hello, &self.config.host.clone());
        }
    }

    /// The answer to EHLO.
    fn extensions(&self) -> String {
        let mut words = vec!["PIPELINING".to_owned(), format!("SIZE {}", self.config.limits.size)];
        words.extend(["8BITMIME", "SMTPUTF8", "CHUNKING", "DSN", "ENHANCEDSTATUSCODES"].map(str::to_owned));
        words.push(format!("MT-PRIORITY {PROFILE}"));
        if self.config.tls && !self.who.secured {
            words.push("STARTTLS".into());
        }
        if self.config.auth && self.who.secured {
            words.push("AUTH PLAIN LOGIN".into());
        }
        words.push("HELP".into());
        let mut list = format!("250-{}\r\n", self.config.host);
        let last = words.len() - 1;
        for (n, word) in words.iter().enumerate() {
            let _ = write!(list, "250{}{word}\r\n", if n == last { ' ' } else { '-' });
        }
        list
    }

    fn start_tls(&mut self, now: Instant, text: &str) {
        match () {
            () if text.trim_end().len() > "STARTTLS".len() => self.say(Say::Syntax, "STARTTLS"),
            () if self.who.secured => self.say(Say::TlsStands, ""),
            () if !self.config.tls => self.say(Say::NotImplemented, ""),
            () if self.who.helo.is_empty() => self.say(Say::HelloFirst, ""),
            () if self.mail.is_some() => self.say(Say::MailOpen, ""),
            () => {
                self.say(Say::GoAhead, "");
                self.put(Output::StartTls);
                self.enter(now, Phase::Handshake);
            }
        }
    }
}

/// RFC 2920 3.1, RFC 3207 4, RFC 4954 4: nothing may stand behind these before they are answered.
fn must_be_last(request: &Request<Cow<'_, str>>) -> bool {
    use Request::{Auth, Data, Ehlo, Helo, StartTls};
    matches!(request, Ehlo { .. } | Helo { .. } | Data | StartTls | Auth { .. })
}
