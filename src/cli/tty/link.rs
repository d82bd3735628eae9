//! The way from a terminal to its station: events that come, messages that go, each on a thread of its own.
//!
//! Standards: the API of `docs/api.md`. In: events of the feed, typed messages. Out: what the machine should know ([`super::Input`]).
//! Left out: when it is printed (`tty`). Shown by: `tests/it/tty.rs`.

use super::Input;
use crate::cli::Usage;
use crate::cli::client::{AGAIN, Client, error_of};
use crate::cli::send::{PATIENCE, hand_in};
use crate::message::{Identity, Message, Name};
use crate::router::{Event, Stamped};
use crate::teletype::typist::Typed;
use anyhow::{anyhow, bail};
use serde_json::{Value, json};
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::Sender;

/// What each thread needs.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) client: Arc<Client>,
    pub(super) token: String,
    pub(super) station: Name,
    pub(super) desk: Name,
    pub(super) tell: Sender<Input>,
}

/// The station's name and the number of its last event, if it has such a desk.
pub(super) fn ask(client: &Client, desk: &Name) -> anyhow::Result<(Name, u64)> {
    match client.get("/api/messages?limit=0").map_err(|lost| anyhow!(lost.why))? {
        (200, Value::Object(answer)) => {
            let name = answer.get("station").and_then(Value::as_str).and_then(|name| name.parse().ok());
            let name = name.ok_or_else(|| anyhow!("the station at {} does not say its name; is it an older molink?", client.url()))?;
            let desks: Vec<&str> = answer.get("desks").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
            if !desks.contains(&desk.as_str()) {
                return Err(Usage(format!("there is no desk `{desk}` at {name}; its desks: {}", desks.join(", "))).into());
            }
            Ok((name, answer.get("last_event").and_then(Value::as_u64).unwrap_or(0)))
        }
        (_, answer) => bail!("{}", error_of(&answer)),
    }
}

impl Link {
    /// Follows the station's events from now on, for as long as the program runs.
    pub(super) fn follow(self, mut after: u64) {
        std::thread::spawn(move || {
            let mut gone = false;
            loop {
                let path = format!("/api/events?after={after}");
                let there = || {
                    if std::mem::take(&mut gone) {
                        let _ = self.tell.send(Input::Back);
                    }
                };
                let ended: Result<io::Result<()>, _> = self.client.feed(&path, None, there, &mut |n, event| {
                    self.event(event)?;
                    after = n.unwrap_or(after); // only once it is dealt with
                    Ok(ControlFlow::Continue(()))
                });
                let why = match ended {
                    Ok(Ok(())) => "the station's events ended".to_owned(),
                    Ok(Err(e)) => e.to_string(),
                    Err(lost) => lost.why,
                };
                if !std::mem::replace(&mut gone, true) && self.tell.send(Input::Gone(why)).is_err() {
                    return;
                }
                std::thread::sleep(AGAIN);
            }
        });
    }

    fn event(&self, event: &Stamped) -> io::Result<()> {
        let Some(id) = &event.id else { return Ok(()) };
        let told = match &event.event {
            // Filed here: for a desk of this station, perhaps ours.
            Event::Filed { receipt, at } if receipt.is_empty() && *at == self.station => match self.message(id)? {
                message if message.envelope.to.desk == self.desk => Input::Came(Box::new(message)),
                _ => return Ok(()),
            },
            Event::Filed { .. } | Event::Custody { .. } | Event::Returned { .. } => Input::Became(id.clone(), event.event.clone()),
            _ => return Ok(()),
        };
        self.tell.send(told).map_err(|_| io::Error::other("nobody listens"))
    }
    fn message(&self, id: &Identity) -> io::Result<Message> {
        let answer = self.client.get_as(&format!("/api/messages/{id}/content"), &self.token);
        match answer.map_err(|lost| io::Error::other(lost.why))? {
            (200, message) => serde_json::from_value(message).map_err(|e| io::Error::other(format!("{id} is not understood: {e}"))),
            (_, answer) => Err(io::Error::other(format!("{id} cannot be read: {}", error_of(&answer)))),
        }
    }

    /// Hands a message in.
    pub(super) fn hand_in(self, typed: Typed) {
        std::thread::spawn(move || {
            let from = typed.from.unwrap_or(self.desk);
            let message = json!({ "to": typed.to, "from": from, "precedence": typed.precedence, "class": typed.class,
                "subject": typed.subject, "parts": [{ "text": typed.text }] });
            let until = self.client.clock.now() + PATIENCE;
            let _ = self.tell.send(Input::HandedIn(hand_in(&self.client, &self.token, &message, Some(until))));
        });
    }
}
