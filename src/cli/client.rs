//! What the commands know of a station's API: asking, following its events, and what to say when it does not answer.
//!
//! Standards: HTTP/1.1, Server-Sent Events. In: a URL. Out: JSON answers; durable events, each once, also across a lost connection.
//! Left out: TLS (a station listens on loopback). Shown by: `tests/it/send.rs`.

use super::{INTERRUPTED, Usage};
use crate::router::Stamped;
use crate::time::{Clock, Instant, Speed};
use serde_json::Value;
use std::io::{self, BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Where a station listens unless its file says otherwise.
pub(super) const STATION: &str = "http://127.0.0.1:1963";
/// The station that is meant if none is named: the one of `MOLINK_STATION`, or that which listens where most do.
pub(super) fn usual() -> String {
    std::env::var("MOLINK_STATION").ok().filter(|url| !url.is_empty()).unwrap_or(STATION.into())
}

/// A feed that says nothing for so long is dead: the station says something each 15 s.
const SILENCE: Duration = Duration::from_secs(45);
/// Between two tries to reach a station that is gone.
pub(super) const AGAIN: Duration = Duration::from_secs(1);
/// The longest line of a feed.
const LINE: u64 = 16 << 20;

/// A station, reached by its API.
pub(super) struct Client {
    base: String,
    pub(super) host: String,
    pub(super) port: u16,
    agent: ureq::Agent,
    pub(super) clock: Clock,
}

/// Why there was no answer.
pub(super) struct Lost {
    /// Nobody listens there: nothing was sent.
    pub(super) refused: bool,
    /// One sentence.
    pub(super) why: String,
}

impl Client {
    /// The station at `http://HOST:PORT`.
    pub(super) fn new(url: &str) -> Result<Client, Usage> {
        let bad = |why: &str| Usage(format!("`--station {}` {why}; write it as {STATION}", url.escape_debug()));
        if url.starts_with("https://") {
            return Err(bad("asks for TLS, which stations do not speak yet"));
        }
        let rest = url.strip_prefix("http://").ok_or_else(|| bad("is not a URL"))?;
        let place = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match place.rsplit_once(':').filter(|(_, p)| !p.ends_with(']')) {
            Some((host, port)) => (host, port.parse().map_err(|_| bad("has no port number"))?),
            None => (place, 80),
        };
        let legal = |c: char| c.is_ascii_alphanumeric() || ".-:[]_".contains(c);
        if host.is_empty() || !host.chars().all(legal) {
            return Err(bad("names no host"));
        }
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .max_redirects(0)
            .timeout_connect(Some(Duration::from_secs(5)))
            .build()
            .new_agent();
        let clock = Clock::new(None, Speed::REAL);
        Ok(Client { base: format!("http://{place}"), host: host.into(), port, agent, clock })
    }

    /// The URL it was given.
    pub(super) fn url(&self) -> &str {
        &self.base
    }

    fn lost(&self, e: &ureq::Error) -> Lost {
        match e {
            ureq::Error::Io(e) if e.kind() == io::ErrorKind::ConnectionRefused => Lost {
                refused: true,
                why: format!(
                    "no station answers at {}; start it with `molink station FILE.toml`, or say where with `--station`",
                    self.base
                ),
            },
            ureq::Error::Protocol(_) => Lost { refused: true, why: format!("what answers at {} is not a molink station", self.base) },
            ureq::Error::HostNotFound => Lost { refused: true, why: format!("there is no host `{}`", self.host) },
            e => Lost { refused: false, why: format!("the connection to {} was lost: {}", self.base, one_line(&e.to_string())) },
        }
    }

    fn read(&self, reply: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<(u16, Value), Lost> {
        let mut reply = reply.map_err(|e| self.lost(&e))?;
        let status = reply.status().as_u16();
        let text = reply.body_mut().with_config().limit(64 << 20).read_to_string().map_err(|e| self.lost(&e))?;
        let value = serde_json::from_str(&text);
        let stranger = || Lost { refused: true, why: format!("what answers at {} is not a molink station (status {status})", self.base) };
        value.map(|v| (status, v)).map_err(|_| stranger())
    }

    /// `GET`.
    pub(super) fn get(&self, path: &str) -> Result<(u16, Value), Lost> {
        self.get_as(path, "")
    }

    /// `GET` with a token, where one is needed.
    pub(super) fn get_as(&self, path: &str, token: &str) -> Result<(u16, Value), Lost> {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        if !token.is_empty() {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let request = request.config().timeout_global(Some(Duration::from_secs(30))).build();
        self.read(request.call())
    }

    /// `PUT` or `POST`: `path`, headers, body.
    pub(super) fn write(&self, put: bool, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<(u16, Value), Lost> {
        let url = format!("{}{path}", self.base);
        let mut request = if put { self.agent.put(url) } else { self.agent.post(url) };
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        // A station answers within 30 s even when its disk does not.
        self.read(request.config().timeout_global(Some(Duration::from_secs(60))).build().send(body))
    }

    /// Follows durable events after number `after` (from now on without one), until `each` breaks or `until` comes (`None`).
    ///
    /// A lost connection is made anew and goes on after the last number; `gone` is told the first time.
    pub(super) fn follow<B>(
        &self,
        mut after: Option<u64>,
        until: Option<Instant>,
        mut gone: impl FnMut(&Lost),
        mut each: impl FnMut(Option<u64>, &Stamped) -> io::Result<ControlFlow<B>>,
    ) -> anyhow::Result<Option<B>> {
        let mut told = false;
        loop {
            let path = after.map_or("/api/events".into(), |n| format!("/api/events?after={n}"));
            let mut here = |n: Option<u64>, event: &Stamped| {
                after = n.or(after);
                each(n, event)
            };
            match self.feed(&path, until, || {}, &mut here) {
                Ok(Ok(found)) => return Ok(Some(found)),
                Ok(Err(output)) => return Err(output.into()),
                // At the end of the time the connection is dropped by ourselves: nothing to tell.
                Err(_) if until.is_some_and(|at| self.clock.until(at).is_zero()) => return Ok(None),
                Err(lost) if !std::mem::replace(&mut told, true) => gone(&lost),
                Err(_) => {}
            }
            let left = until.map_or(AGAIN, |at| self.clock.until(at));
            std::thread::sleep(AGAIN.min(left));
        }
    }

    /// One connection to the feed; `there` is called once it stands. `Ok(Err)` is an error of `each`; `Err` a lost connection, or the end of the time.
    pub(super) fn feed<B>(
        &self,
        path: &str,
        until: Option<Instant>,
        there: impl FnOnce(),
        each: &mut impl FnMut(Option<u64>, &Stamped) -> io::Result<ControlFlow<B>>,
    ) -> Result<io::Result<B>, Lost> {
        let left = until.map(|at| self.clock.until(at).max(Duration::from_millis(1)));
        let request = self.agent.get(format!("{}{path}", self.base));
        let request = request.config().timeout_global(left).timeout_per_read(Some(SILENCE)).build();
        let reply = request.call().map_err(|e| self.lost(&e))?;
        let broken = |e: io::Error| self.lost(&ureq::Error::Io(e));
        if reply.status() != 200 {
            let (status, answer) = self.read(Ok(reply))?;
            return Err(Lost { refused: false, why: format!("the station's event feed says {status}: {}", error_of(&answer)) });
        }
        there();
        let mut lines = BufReader::new(reply.into_body().into_reader());
        let mut n = None;
        loop {
            let mut line = String::new();
            if lines.by_ref().take(LINE).read_line(&mut line).map_err(broken)? == 0 {
                return Err(Lost { refused: false, why: format!("the station at {} has closed its event feed", self.base) });
            }
            let line = line.trim_end();
            if let Some(id) = line.strip_prefix("id: ") {
                n = id.parse().ok();
            } else if let Some(json) = line.strip_prefix("data: ") {
                let number = n.take();
                // An event that a newer station knows and we do not is passed over.
                let Ok(event) = serde_json::from_str::<Stamped>(json) else { continue };
                match each(number, &event) {
                    Ok(ControlFlow::Continue(())) => {}
                    Ok(ControlFlow::Break(found)) => return Ok(Ok(found)),
                    Err(e) => return Ok(Err(e)),
                }
            }
        }
    }
}

/// The sentence in an error answer.
pub(super) fn error_of(answer: &Value) -> String {
    one_line(answer["error"].as_str().unwrap_or("(no reason given)"))
}

/// Text from outside on one line, with nothing in it that moves a terminal's cursor.
pub(super) fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str(" / "),
            c if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// JSON on one line, safe to look at: serde_json leaves DEL and the C1 controls as they are.
pub(super) fn json_line(value: &impl serde::Serialize) -> io::Result<String> {
    let json = serde_json::to_string(value)?;
    Ok(json.chars().fold(String::with_capacity(json.len()), |mut out, c| {
        if c.is_control() {
            out.push_str(&format!("\\u{:04x}", u32::from(c)))
        } else {
            out.push(c)
        }
        out
    }))
}

/// What stands at the moment, for whoever presses Ctrl-C.
#[derive(Clone, Default)]
pub(super) struct Standing(Arc<Mutex<String>>);

impl Standing {
    /// Says it in place of what was said before.
    pub(super) fn say(&self, text: impl Into<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = text.into();
    }
    /// From now on Ctrl-C says what stands, and exits with 130.
    pub(super) fn on_interrupt(&self) {
        let standing = self.clone();
        // In force before the first line is printed, not when a thread gets its turn.
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        let inside = runtime.enter();
        let Ok(mut interrupt) = signal(SignalKind::interrupt()) else { return };
        drop(inside);
        std::thread::spawn(move || {
            if runtime.block_on(interrupt.recv()).is_some() {
                eprintln!("molink: interrupted; {}", standing.0.lock().unwrap_or_else(PoisonError::into_inner));
                std::process::exit(INTERRUPTED.into());
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart_or_refused() {
        let parts = |u: &str| Client::new(u).map(|c| (c.host, c.port)).map_err(|e| e.0);
        assert_eq!(parts("http://127.0.0.1:1963"), Ok(("127.0.0.1".into(), 1963)));
        assert_eq!(parts("http://localhost:1/"), Ok(("localhost".into(), 1)));
        assert_eq!(parts("http://[::1]:1963"), Ok(("[::1]".into(), 1963)));
        assert_eq!(parts("http://[::1]"), Ok(("[::1]".into(), 80)));
        for bad in ["127.0.0.1:1963", "https://x:1", "http://", "http://x:port", "http://a b:1", "http://x:1/path"] {
            assert!(parts(bad).unwrap_err().contains(STATION), "{bad}");
        }
    }

    #[test]
    fn nothing_from_outside_moves_the_cursor() {
        assert_eq!(one_line("A\u{1b}[2J\nB\u{9b}"), "A\\u{1b}[2J / B\\u{9b}");
        assert_eq!(json_line(&"\u{9b}\u{7f}\n").unwrap(), r#""\u009b\u007f\n""#);
    }
}
