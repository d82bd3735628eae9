//! A client session with a message in hand: MAIL, RCPT, then DATA or BDAT, and what becomes of each recipient.
//!
//! Standards: RFC 5321 3.3 and 4.5.2, 2920 (groups of commands; DATA is the last of one), 3030, 1870, 3461, 6152, 6531, 6710.
//! In: a job, pieces of its message, replies. Out: commands, octets, verdicts. Parameters are said where they are offered; a message that
//! needs what is not offered is refused here, by name. Left out: conversion (MIME's). Shown by: `fixtures/dialogues/smtp/client-*`.

use super::address::is_plain;
use super::client::{Client, Job, Offer, Output, Phase};
use super::envelope::{Body, Envelope, Says};
use super::limits::Timer;
use super::stuffing::Writer;
use crate::email::reply::{Reply, Stage, Verdict, verdict};
use crate::router::{Fault, Reason};
use crate::time::Instant;
use std::collections::VecDeque;

/// Commands and chunks that may be under way unanswered, where the server takes groups.
const WINDOW: usize = 100;
/// The same for chunks, each about [`super::client::PIECE`] octets.
const CHUNKS: usize = 4;

/// What is said, and then answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Mail,
    Recipient(usize),
    Data,
    Chunk,
    End,
}

/// How far the message is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Text {
    /// Not begun.
    Not,
    /// A piece was asked for.
    Asked,
    /// As many chunks as may be are under way.
    Held,
    /// All of it is out.
    Out,
}

/// A message in hand.
#[derive(Debug)]
pub(super) struct Transfer {
    job: Job,
    verdicts: Vec<Option<Verdict>>,
    accepted: Vec<bool>,
    open: bool,
    to_say: VecDeque<Step>,
    said: VecDeque<Step>,
    chunks: bool,
    window: usize,
    says: Says,
    text: Text,
    writer: Writer,
    /// The chunk that is held until it is known whether it is the last.
    chunk: Option<Vec<u8>>,
}

impl Transfer {
    fn new(job: Job, offer: Offer, chunks: bool) -> Transfer {
        let n = job.envelope.to.len();
        let chunks = chunks && offer.chunking;
        let recipients = (0..n).map(Step::Recipient);
        let to_say = std::iter::once(Step::Mail).chain(recipients).chain((!chunks).then_some(Step::Data)).collect();
        let utf8 = needs_utf8(&job.envelope);
        let says = Says { size: offer.sizes, eight: offer.eight, utf8: offer.utf8, dsn: offer.dsn, priority: offer.priority };
        let writer = Writer::new(!chunks, job.envelope.body == Body::Eight || utf8);
        Transfer {
            verdicts: vec![None; n],
            accepted: vec![false; n],
            open: false,
            to_say,
            said: VecDeque::new(),
            chunks,
            window: if offer.pipelining { WINDOW } else { 1 },
            says,
            text: Text::Not,
            writer,
            chunk: None,
            job,
        }
    }

    pub(super) fn stage(&self) -> Stage {
        match self.said.front() {
            // Behind the last octet there is a doubt, whatever is answered first.
            _ if self.said.contains(&Step::End) => Stage::End,
            Some(Step::Mail) => Stage::Sender,
            Some(Step::Recipient(_)) => Stage::Recipient,
            Some(Step::Data) => Stage::Data,
            Some(Step::Chunk | Step::End) | None => Stage::Message,
        }
    }

    /// Everything that has no verdict yet gets this one.
    pub(super) fn settled(self, rest: &Verdict) -> Output {
        Output::Settled(self.job.number, self.verdicts.into_iter().map(|v| v.unwrap_or_else(|| rest.clone())).collect())
    }

    fn judge_accepted(&mut self, by: &Verdict) {
        for (slot, accepted) in self.verdicts.iter_mut().zip(&self.accepted) {
            if *accepted && slot.is_none() {
                *slot = Some(by.clone());
            }
        }
    }

    fn judge_rest(&mut self, by: &Verdict) {
        self.verdicts.iter_mut().for_each(|slot| *slot = slot.take().or_else(|| Some(by.clone())));
    }

    /// Whether somebody waits for the message.
    fn wanted(&self) -> bool {
        self.open && self.accepted.iter().zip(&self.verdicts).any(|(a, v)| *a && v.is_none())
    }

    fn line(&self, step: Step) -> String {
        match step {
            Step::Mail => self.job.envelope.command(self.says),
            Step::Recipient(n) => self.job.envelope.to[n].command(self.says.dsn),
            Step::Data => "DATA".into(),
            Step::Chunk | Step::End => String::new(),
        }
    }

    /// The commands that may go now.
    fn group(&mut self) -> String {
        let mut group = String::new();
        while self.said.len() < self.window {
            // Alone, DATA is said only if it is wanted; in a group nobody knows yet.
            let unwanted = self.to_say.front() == Some(&Step::Data) && self.said.is_empty() && !self.wanted();
            let Some(step) = self.to_say.pop_front().filter(|_| !unwanted) else { break };
            group.push_str(&self.line(step));
            group.push_str("\r\n");
            self.said.push_back(step);
        }
        group
    }
}

impl Client {
    pub(super) fn begin(&mut self, now: Instant, job: Job) {
        if let Some(reason) = self.unfit(&job.envelope) {
            self.put(Output::Settled(job.number, vec![Verdict::Refused(reason, None); job.envelope.to.len()]));
            return self.idle(now);
        }
        self.phase = Phase::Message(Transfer::new(job, self.offer, self.config.chunks));
        self.go_on(now);
    }

    /// Why the message cannot be handed to this server.
    fn unfit(&self, envelope: &Envelope) -> Option<Reason> {
        let peer = &self.config.peer;
        let us = |text: String| Some(Reason::new(Fault::Us, text));
        let them = |text: String| Some(Reason::new(Fault::Peer, text));
        let mut addresses = envelope.to.iter().map(|t| t.address.as_str()).chain(Some(envelope.from.as_str()).filter(|f| !f.is_empty()));
        if let Some(bad) = addresses.find(|a| !is_plain(a) && *a != "postmaster") {
            return us(format!("`{}` is not an address of mail", bad.escape_debug()));
        }
        match (envelope.size, self.offer.size) {
            (Some(size), Some(most)) if size > most => {
                return them(format!("{peer} takes messages of {most} octets at the most, and this one has {size}"));
            }
            _ => {}
        }
        match () {
            () if envelope.to.is_empty() => us("the message has no recipients".into()),
            () if needs_utf8(envelope) && !self.offer.utf8 => {
                them(format!("{peer} does not take SMTPUTF8, and the message has addresses or headers in UTF-8; write them in ASCII"))
            }
            () if envelope.body == Body::Eight && !self.offer.eight => them(format!(
                "{peer} does not take 8BITMIME, and the message has eight-bit octets; encode them as quoted-printable or base64"
            )),
            () => None,
        }
    }

    /// Says what may be said, asks for text, or ends the message.
    fn go_on(&mut self, now: Instant) {
        let Phase::Message(transfer) = &mut self.phase else { return };
        let group = transfer.group();
        let answered = transfer.said.is_empty();
        let begin_chunks = answered && transfer.chunks && transfer.to_say.is_empty() && transfer.text == Text::Not;
        let timer = match transfer.said.front() {
            Some(Step::Mail) => Some(Timer::Mail),
            Some(Step::Recipient(_)) => Some(Timer::Recipient),
            Some(Step::Data) => Some(Timer::Data),
            Some(Step::Chunk) => Some(Timer::Sent),
            Some(Step::End) => Some(Timer::Final),
            None => None,
        };
        if begin_chunks && transfer.wanted() {
            transfer.text = Text::Asked;
            self.put(Output::Read);
            return self.await_(now, Some(Timer::Sent));
        }
        let asked = transfer.text == Text::Asked;
        if !group.is_empty() {
            self.send(group.as_bytes());
        }
        match answered && !asked && group.is_empty() {
            true => self.message_over(now),
            false => self.await_(now, timer.or(Some(Timer::Sent))),
        }
    }

    /// Every command is answered and nothing more is to be said.
    fn message_over(&mut self, now: Instant) {
        let Phase::Message(mut transfer) = std::mem::replace(&mut self.phase, Phase::Idle) else { return };
        let open = transfer.open;
        // A recipient without a verdict here was never asked about: the sender was refused, or nobody was taken.
        let left = Verdict::Deferred(Reason::new(Fault::Peer, format!("{} took nothing of the message", self.config.peer)), None);
        transfer.judge_rest(&left);
        self.put(transfer.settled(&left));
        match open {
            true => {
                self.send(b"RSET\r\n");
                self.wait(now, Phase::Reset, Some(Timer::Answer));
            }
            false => self.idle(now),
        }
    }

    pub(super) fn answered_message(&mut self, now: Instant, reply: &Reply) {
        let stage = self.stage();
        let Phase::Message(transfer) = &mut self.phase else { return };
        let Some(step) = transfer.said.pop_front() else {
            // An answer in the middle of the text: the server has had enough of it.
            return match reply.code / 100 {
                4 | 5 => self.fail_by(reply),
                _ => self.nonsense(&format!("answered {} in the middle of the message", reply.code)),
            };
        };
        if reply.code == 421 {
            // RFC 5321 3.8: the session is over, whatever was asked. Behind the last octet it is the answer to that only if it is its turn.
            transfer.said.push_front(step);
            let own = step == Step::End || stage != Stage::End;
            return if own { self.fail_by(reply) } else { self.nonsense("ended the session") };
        }
        let no = verdict(if step == Step::End { Stage::End } else { step_stage(step) }, &self.config.peer, reply);
        match (step, reply.code / 100) {
            (Step::Mail, 2) => transfer.open = true,
            (Step::Mail, 4 | 5) => {
                transfer.judge_rest(&no);
                transfer.to_say.clear();
            }
            (Step::Recipient(n), 2) => transfer.accepted[n] = true,
            (Step::Recipient(n), 4 | 5) => transfer.verdicts[n] = transfer.verdicts[n].take().or(Some(no)),
            (Step::Data, 3) => return self.text_begins(now),
            (Step::Data | Step::Chunk, 4 | 5) => {
                transfer.judge_accepted(&no);
                transfer.text = Text::Out;
                transfer.chunk = None;
            }
            (Step::Chunk, 2) => {}
            (Step::End, 2) => {
                transfer.judge_accepted(&Verdict::Taken(reply.clone()));
                transfer.open = false;
            }
            (Step::End, 4 | 5) => {
                transfer.judge_accepted(&no);
                transfer.open = false;
            }
            _ => return self.nonsense(&format!("answered {} where that means nothing,", reply.code)),
        }
        if transfer.text == Text::Held && transfer.said.len() < CHUNKS {
            transfer.text = Text::Asked;
            self.put(Output::Read);
        }
        self.go_on(now);
    }

    fn text_begins(&mut self, now: Instant) {
        let Phase::Message(transfer) = &mut self.phase else { return };
        if transfer.wanted() {
            transfer.text = Text::Asked;
            self.put(Output::Read);
            return self.await_(now, Some(Timer::Sent));
        }
        // RFC 2920 3.1: 354 though nobody was taken: an empty message ends it, and its answer says nothing.
        transfer.said.push_back(Step::End);
        transfer.text = Text::Out;
        self.send(b".\r\n");
        self.await_(now, Some(Timer::Final));
    }

    /// A piece of the message, or its end.
    pub(super) fn piece(&mut self, now: Instant, piece: Option<&[u8]>) {
        let Phase::Message(transfer) = &mut self.phase else { return };
        if transfer.text != Text::Asked {
            return;
        }
        let mut octets = vec![];
        match piece.map(|p| transfer.writer.piece(p, &mut octets)) {
            Some(Ok(())) => {}
            Some(Err(unfit)) => {
                // Without the final dot nothing is filed: the connection is given up.
                let reason = Reason::new(Fault::Us, unfit.words());
                return self.fail(&Verdict::Refused(reason, None));
            }
            None => transfer.writer.end(&mut octets),
        }
        match transfer.chunks {
            true => self.chunk(now, octets, piece.is_none()),
            false => self.some_text(now, &octets, piece.is_none()),
        }
    }

    fn some_text(&mut self, now: Instant, octets: &[u8], last: bool) {
        let Phase::Message(transfer) = &mut self.phase else { return };
        if last {
            transfer.text = Text::Out;
            transfer.said.push_back(Step::End);
        }
        if !octets.is_empty() {
            self.send(octets);
        }
        if !last {
            self.put(Output::Read);
        }
        self.await_(now, Some(if last { Timer::Final } else { Timer::Sent }));
    }

    fn chunk(&mut self, now: Instant, octets: Vec<u8>, last: bool) {
        let Phase::Message(transfer) = &mut self.phase else { return };
        let mut wire = vec![];
        let mut say = |chunk: &[u8], last: &str| {
            wire.extend_from_slice(format!("BDAT {}{last}\r\n", chunk.len()).as_bytes());
            wire.extend_from_slice(chunk);
        };
        match (transfer.chunk.take(), last) {
            (before, true) => {
                let mut all = before.unwrap_or_default();
                all.extend_from_slice(&octets);
                say(&all, " LAST");
                transfer.said.push_back(Step::End);
                transfer.text = Text::Out;
            }
            (Some(before), false) => {
                say(&before, "");
                transfer.said.push_back(Step::Chunk);
                transfer.chunk = Some(octets);
            }
            (None, false) => transfer.chunk = Some(octets),
        }
        let most = if transfer.window > 1 { CHUNKS } else { 1 };
        let read = !last && transfer.said.len() < most;
        if !last && !read {
            transfer.text = Text::Held;
        }
        if !wire.is_empty() {
            self.send(&wire);
        }
        if read {
            self.put(Output::Read);
        }
        self.await_(now, Some(if last { Timer::Final } else { Timer::Sent }));
    }
}

fn step_stage(step: Step) -> Stage {
    match step {
        Step::Mail => Stage::Sender,
        Step::Recipient(_) => Stage::Recipient,
        Step::Data => Stage::Data,
        Step::Chunk => Stage::Message,
        Step::End => Stage::End,
    }
}

/// Whether the envelope needs SMTPUTF8, said or not.
fn needs_utf8(envelope: &Envelope) -> bool {
    envelope.utf8 || !envelope.from.is_ascii() || envelope.to.iter().any(|t| !t.address.is_ascii())
}
