//! A client session from the greeting until it can take messages: EHLO, STARTTLS, AUTH.
//!
//! Standards: RFC 5321 3.1 and 3.2, 3207, 4954. In: replies. Out: commands; `Ready`, or why not.
//! HELO is said where EHLO is not known, but neither where TLS is required nor where there is a login.
//! Left out: SMTP on a server's word alone: a required TLS that is not offered ends the session. Shown by: `fixtures/dialogues/smtp/client-*`.

use super::base64::encode;
use super::client::{Client, Offer, Output, Phase, Tls};
use super::limits::Timer;
use crate::email::reply::Reply;
use crate::time::Instant;
use smtp_proto::{
    AUTH_LOGIN, AUTH_PLAIN, EXT_8BIT_MIME, EXT_CHUNKING, EXT_DSN, EXT_MT_PRIORITY, EXT_PIPELINING, EXT_SIZE, EXT_SMTP_UTF8, EXT_START_TLS,
    EhloResponse,
};

impl Client {
    pub(super) fn connected(&mut self, now: Instant, secured: bool) {
        if matches!(self.phase, Phase::New) {
            self.secured = secured;
            self.wait(now, Phase::Greeting, Some(Timer::Greeting));
        }
    }

    pub(super) fn greeted(&mut self, now: Instant, reply: &Reply) {
        match reply.code {
            220 => self.hello(now, false),
            _ if reply.code / 100 < 4 => self.nonsense(&format!("greeted with {}", reply.code)),
            _ => self.fail_by(reply),
        }
    }

    fn hello(&mut self, now: Instant, plain: bool) {
        let word = if plain { "HELO" } else { "EHLO" };
        let line = format!("{word} {}\r\n", self.config.host);
        self.send(line.as_bytes());
        self.wait(now, Phase::Hello { plain }, Some(Timer::Answer));
    }

    pub(super) fn answered_hello(&mut self, now: Instant, plain: bool, reply: &Reply, octets: &[u8]) {
        if !reply.is_yes() {
            // RFC 5321 3.2: who does not know EHLO knows HELO.
            let may = !plain && reply.code / 100 == 5 && self.config.tls != Tls::Required && self.config.login.is_none();
            return if may { self.hello(now, true) } else { self.fail_by(reply) };
        }
        self.offer = if plain { Offer::default() } else { offer(octets) };
        match self.config.tls {
            Tls::Required | Tls::Wanted if self.offer.tls && !self.secured => {
                self.send(b"STARTTLS\r\n");
                self.wait(now, Phase::StartTls, Some(Timer::Answer));
            }
            Tls::Required if !self.secured => {
                self.fail_peer(format!(
                    "{} does not offer STARTTLS, and TLS is required for it; nothing was handed over",
                    self.config.peer
                ));
            }
            _ => self.log_in(now),
        }
    }

    pub(super) fn answered_tls(&mut self, now: Instant, reply: &Reply) {
        match reply.code {
            220 if self.has_more() => {
                self.fail_peer(format!("{} sent more behind its answer to STARTTLS; somebody may stand in between", self.config.peer));
            }
            220 => {
                self.put(Output::StartTls);
                self.wait(now, Phase::Handshake, Some(Timer::Handshake));
            }
            _ if self.config.tls == Tls::Wanted && reply.code / 100 >= 4 && reply.code != 421 => self.log_in(now),
            _ => self.fail_by(reply),
        }
    }

    pub(super) fn now_secured(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Handshake) {
            // RFC 3207 4.2: what was offered in clear is forgotten.
            (self.secured, self.offer) = (true, Offer::default());
            self.hello(now, false);
        }
    }

    fn log_in(&mut self, now: Instant) {
        let Some((name, password)) = self.config.login.clone() else { return self.idle(now) };
        let peer = &self.config.peer;
        match () {
            () if !self.secured => {
                self.fail_us(format!("{peer} is not under TLS, and the password for it is said only there; set tls for that line"))
            }
            () if self.offer.plain => {
                let line = format!("AUTH PLAIN {}\r\n", encode(format!("\0{name}\0{password}").as_bytes()));
                self.send(line.as_bytes());
                self.wait(now, Phase::Login(vec![]), Some(Timer::Answer));
            }
            () if self.offer.login => {
                self.send(b"AUTH LOGIN\r\n");
                let answers = vec![encode(password.as_bytes()), encode(name.as_bytes())];
                self.wait(now, Phase::Login(answers), Some(Timer::Answer));
            }
            () => self.fail_us(format!(
                "{peer} offers neither AUTH PLAIN nor AUTH LOGIN, and there is a login for it; remove it or use another server"
            )),
        }
    }

    pub(super) fn answered_login(&mut self, now: Instant, reply: &Reply) {
        let Phase::Login(answers) = &mut self.phase else { return };
        match (reply.code, answers.pop()) {
            (334, Some(answer)) => {
                self.send(format!("{answer}\r\n").as_bytes());
                self.await_(now, Some(Timer::Answer));
            }
            (235, _) => self.idle(now),
            (code, _) if code < 400 => self.nonsense(&format!("answered AUTH with {code}")),
            _ => self.fail_by(reply),
        }
    }
}

/// What an answer to EHLO offers. One that the parser cannot read offers nothing.
fn offer(octets: &[u8]) -> Offer {
    let mut text = octets.to_vec();
    if !text.ends_with(b"\r\n") {
        text.truncate(text.len().saturating_sub(1));
        text.extend_from_slice(b"\r\n");
    }
    let Ok(said) = EhloResponse::parse(&mut text.iter()) else { return Offer::default() };
    let has = |bit| said.has_capability(bit);
    Offer {
        pipelining: has(EXT_PIPELINING),
        sizes: has(EXT_SIZE),
        size: has(EXT_SIZE).then_some(said.size as u64).filter(|s| *s > 0),
        eight: has(EXT_8BIT_MIME),
        utf8: has(EXT_SMTP_UTF8),
        chunking: has(EXT_CHUNKING),
        dsn: has(EXT_DSN),
        priority: has(EXT_MT_PRIORITY),
        tls: has(EXT_START_TLS),
        plain: said.auth() & AUTH_PLAIN != 0,
        login: said.auth() & AUTH_LOGIN != 0,
    }
}
