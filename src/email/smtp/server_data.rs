//! DATA and BDAT of a server session.
//!
//! Standards: RFC 5321 4.1.1.4, RFC 3030 2. In: octets. Out: pieces for the spool, then the complete mail; 250 only when it is filed.
//! A message with a flaw is heard to its end (up to twice its limit, so that its sender reads the reply) and then refused; one with a bare CR or
//! LF ends the connection. Left out: BINARYMIME. Shown by: `fixtures/dialogues/smtp/{data,chunking,smuggling}-*`.

use super::data::{Flaw, Reader};
use super::replies::Say;
use super::server::{Mail, Output, Phase, Server};
use crate::time::Instant;

impl Server {
    /// Whether a message may come now.
    fn may_come(&self) -> Result<(), Say> {
        match &self.mail {
            None if self.who.helo.is_empty() => Err(Say::HelloFirst),
            None => Err(Say::MailFirst),
            Some(mail) if mail.to.is_empty() => Err(Say::NoRecipients),
            Some(_) => Ok(()),
        }
    }

    pub(super) fn data(&mut self, now: Instant) {
        match self.may_come() {
            Err(say) => self.say(say, ""),
            Ok(()) if self.reader.is_some() => self.say(Say::ChunksOpen, ""),
            Ok(()) => {
                self.say(Say::StartData, ""); // before the spool: in one piece with the replies before it (RFC 2920 3.2)
                self.open(true);
                self.enter(now, Phase::Data);
            }
        }
    }

    fn open(&mut self, dots: bool) {
        self.reader = Some(Reader::new(dots, &self.config.limits));
        self.spool_failed = false;
        self.put(Output::Open);
    }

    /// `BDAT size [LAST]`, read strictly: what a wrong one would leave behind it could be read as commands, so that the connection ends.
    pub(super) fn chunk_command(&mut self, now: Instant, line: &str) {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let (size, last) = match words[..] {
            [_, size] => (size, false),
            [_, size, last] if last.eq_ignore_ascii_case("LAST") => (size, true),
            _ => ("", false),
        };
        // RFC 3030 2: digits, at most 20 of them.
        match size.parse::<u64>() {
            Ok(size) if words[1].bytes().all(|b| b.is_ascii_digit()) => self.bdat(now, size, last),
            Err(e) if *e.kind() == std::num::IntErrorKind::PosOverflow => self.end(Say::ChunkTooBig),
            _ => self.end(Say::BadChunk),
        }
    }

    fn bdat(&mut self, now: Instant, size: u64, last: bool) {
        let heard = self.may_come();
        let before = self.reader.as_ref().map_or(0, |r| r.came);
        if before.saturating_add(size) > self.config.limits.size.saturating_mul(2) {
            return self.end(Say::ChunkTooBig);
        }
        if heard.is_ok() && self.reader.is_none() {
            self.open(false);
        }
        // A chunk that cannot be taken is passed over, then refused (RFC 3030 2: its octets come all the same).
        self.enter(now, Phase::Chunk { left: size, last, heard: heard.is_ok() });
        if size == 0 {
            self.chunk_ends(now, last, heard.is_ok());
        }
    }

    /// Takes what has come of a message. Says whether it went on.
    pub(super) fn some_data(&mut self, now: Instant) -> bool {
        let come = self.held.len() - self.read;
        if come == 0 {
            return false;
        }
        match self.phase {
            Phase::Chunk { left, last, heard } => {
                let n = come.min(usize::try_from(left).unwrap_or(come));
                if heard {
                    self.take_in(n);
                }
                self.read += n;
                self.progress(now, n);
                let left = left - n as u64;
                self.phase = Phase::Chunk { left, last, heard };
                if left == 0 {
                    self.chunk_ends(now, last, heard);
                }
            }
            _ => {
                let (n, ended) = self.take_in(come);
                self.read += n;
                self.progress(now, n);
                if ended {
                    self.message_ends(now);
                } else if self.reader.as_ref().is_some_and(|r| r.came > self.config.limits.size.saturating_mul(2)) {
                    // Heard long enough: it will not end.
                    let say = if self.flaw_is_bare() { Say::BareInData } else { Say::TooBig };
                    self.say(say, &self.config.limits.size.to_string());
                    self.gone(true);
                }
            }
        }
        !matches!(self.phase, Phase::Closed)
    }

    /// Reads the next `n` octets into the spool; returns how many, and whether the end of DATA was among them.
    fn take_in(&mut self, n: usize) -> (usize, bool) {
        let Some(reader) = &mut self.reader else { return (n, true) };
        let mut piece = Vec::with_capacity(n);
        let taken = reader.feed(&self.held[self.read..self.read + n], &mut piece);
        if !piece.is_empty() && !self.spool_failed {
            self.put(Output::Piece(piece));
        }
        taken
    }

    fn flaw_is_bare(&self) -> bool {
        self.reader.as_ref().is_some_and(|r| r.flaw == Some(Flaw::Bare))
    }

    fn chunk_ends(&mut self, now: Instant, last: bool, heard: bool) {
        self.enter(now, Phase::Commands);
        if !heard {
            let say = self.may_come().err().unwrap_or(Say::OutOfOrder);
            return self.say(say, "");
        }
        if let Some(reader) = self.reader.as_mut().filter(|_| last) {
            reader.end();
        }
        let flawed = self.spool_failed || self.reader.as_ref().is_some_and(|r| r.flaw.is_some());
        if last || flawed {
            return self.message_ends(now);
        }
        self.counts.idle = 0;
        let octets = self.reader.as_ref().map_or(0, |r| r.came);
        self.say(Say::ChunkOk, &octets.to_string());
    }

    fn message_ends(&mut self, now: Instant) {
        self.enter(now, Phase::Commands);
        let limits = &self.config.limits;
        let refused = match self.reader.as_ref().and_then(|r| r.flaw) {
            Some(Flaw::Bare) => Some((Say::BareInData, String::new())),
            Some(Flaw::Nul) => Some((Say::NulInData, String::new())),
            Some(Flaw::LongLine) => Some((Say::LongInData, limits.line.to_string())),
            Some(Flaw::LongHeader) => Some((Say::HeaderTooBig, limits.header.to_string())),
            Some(Flaw::TooBig) => Some((Say::TooBig, limits.size.to_string())),
            None if self.spool_failed => Some((Say::NoRoom, String::new())),
            None => None,
        };
        match (refused, self.reader.take(), self.mail.clone()) {
            (None, Some(reader), Some(envelope)) => {
                let (octets, eight) = (reader.octets, reader.eight);
                self.counts.messages += 1;
                let number = self.counts.messages;
                self.put(Output::Finish(Mail { number, envelope, who: self.who.clone(), asked: self.asked, octets, eight }));
                self.enter(now, Phase::Filing);
            }
            (refused, _, _) => {
                self.put(Output::Discard);
                self.forget();
                let (say, with) = refused.unwrap_or((Say::OutOfOrder, String::new()));
                self.say(say, &with);
                if say == Say::BareInData {
                    self.gone(true);
                }
            }
        }
    }
}
