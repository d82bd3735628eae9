//! What an answerer does with pages: bits and frames to rows, a verdict, and an answer once the page is on disk.
//!
//! Standard: ITU-T T.30 5.3.6.1.6 and .7 (commands and answers after a page), annex A.4 and A.5 (PPS, PPR, RNR, CTC, EOR).
//! In: bits and frames of a page, the command after it. Out: rows as events, a page, an answer. Bounded: a page's octets and rows.
//! Left out: how long it waits (see `answerer`). Shown by: `fixtures/dialogues/fax`.

use super::answerer::{Answerer, Await, State};
use super::correction::{MOST_OCTETS, Receiver};
use super::event::CallEvent;
use super::frame::{Frame, Kind, Post};
use super::outcome::Blame;
use super::settings::Settings;
use super::timers::{REPEATED, Timer};
use super::verdict::Verdict;
use super::{Output, Received};
use crate::fax::code::{BitOrder, Decoder, ReadAs};
use crate::fax::modem::Training;
use crate::paper::Page;
use crate::time::Instant;

/// A page that is coming in.
pub(super) struct Incoming {
    settings: Settings,
    decoder: Decoder,
    page: Page,
    octets: usize,
    receiver: Receiver,
}

impl Incoming {
    fn new(settings: Settings) -> Incoming {
        let read = ReadAs { order: BitOrder::LsbFirst, rows: None, aligned: false };
        let width = settings.width.pels();
        Incoming {
            settings,
            decoder: Decoder::new(settings.coding, width, read),
            page: Page::new(width, settings.resolution),
            octets: 0,
            receiver: Receiver::default(),
        }
    }
}

/// A page that was handed out to be stored.
pub(super) struct Storing {
    page: usize,
    post: Post,
    verdict: Verdict,
    /// What is said once it is stored.
    answer: Vec<Frame>,
    stored: bool,
}

impl Answerer {
    /// A fast carrier, where a page is awaited.
    pub(super) fn page_begins(&mut self, now: Instant) {
        let Some(settings) = self.settings else { return };
        if !self.key_for_page(now) {
            return;
        }
        self.stirred = true;
        // Without correction every carrier is a page; with it, a page comes in several.
        if settings.correction.is_none() || self.incoming.is_none() {
            self.incoming = Some(Incoming::new(settings));
        }
        self.enter(now, State::Receiving);
    }
    pub(super) fn page_bits(&mut self, now: Instant, bits: &[u8]) {
        let mut octets = bits.to_vec();
        self.decipher(&mut octets, self.incoming.as_ref().map_or(0, |i| i.octets));
        self.rows(&octets);
        if self.incoming.as_ref().is_some_and(|i| i.octets > MOST_OCTETS) {
            self.fail(now, format!("a page of more than {MOST_OCTETS} octets"), Blame::Peer);
        }
    }
    pub(super) fn page_frame(&mut self, octets: &[u8]) {
        match (Frame::decode(octets), &mut self.incoming) {
            (Ok(frame), Some(incoming)) if frame.kind == Kind::Fcd => incoming.receiver.frame(&frame),
            (Ok(frame), _) if frame.kind == Kind::Rcp => {} // the end of the frames; the carrier's end says the same
            (Ok(frame), _) => self.leg.odd(format!("{} among the frames of a page", frame.kind.name())),
            (Err(flaw), _) => self.leg.odd(flaw.to_string()),
        }
    }
    /// Coded octets of the page to rows.
    fn rows(&mut self, octets: &[u8]) {
        let Some(Incoming { decoder, page, octets: count, .. }) = &mut self.incoming else { return };
        let first = page.height();
        let mut words = vec![];
        *count += octets.len();
        decoder.push(octets, &mut |row| {
            page.push(row);
            words.extend_from_slice(row);
        });
        let width = page.width();
        if !words.is_empty() {
            self.leg.event(CallEvent::Rows { page: self.pages + 1, first, width, words });
        }
    }

    /// MPS, EOM, EOP.
    pub(super) fn on_post(&mut self, now: Instant, frame: &Frame) {
        let Some(post) = Post::of(frame.kind) else { return };
        match self.state {
            State::Storing => self.asked = now, // asked again; answered as soon as the page is stored
            _ if self.settings.is_none_or(|s| s.correction.is_some()) => self.unexpected(now, frame),
            State::Awaiting(Await::Post) => self.judge(now, post),
            State::Awaiting(Await::Page | Await::Settings | Await::Begin | Await::End) if self.repeats(post) => self.answer_again(now),
            State::Awaiting(Await::Page) => self.judge(now, post),
            _ => self.unexpected(now, frame),
        }
    }
    /// Whether a question is the last one over again, because its answer was lost. Not if any other signal came since, read or not, or the
    /// time is longer than a sender waits: then a page was missed, and to answer MCF again would confirm what never came.
    fn repeats(&self, post: Post) -> bool {
        self.about == Some(post) && !self.stirred && self.leg.began.since(self.asked) <= REPEATED
    }
    /// The page is over: what is it worth?
    fn judge(&mut self, now: Instant, post: Post) {
        if let Some(refusal) = self.refusal.take() {
            return self.refuse(now, refusal);
        }
        let Some(settings) = self.settings else { return };
        self.asked = now;
        let Incoming { decoder, mut page, settings: as_sent, .. } = self.incoming.take().unwrap_or_else(|| Incoming::new(settings));
        let damage = decoder.finish(&mut |row| page.push(row));
        if !self.key_is_spent(now, &damage, settings.correction.is_some()) {
            return;
        }
        let verdict = match settings.correction {
            Some(_) if damage.rows > 0 => Verdict::Good, // every octet is there
            _ => self.config.thresholds.judge(&damage),
        };
        let number = self.pages + 1;
        self.leg.event(CallEvent::Judged { page: number, rows: damage.rows, bad: damage.bad_rows, verdict });
        let answer = match verdict {
            Verdict::Good => Kind::Mcf,
            Verdict::Fair => Kind::Rtp,
            Verdict::Bad => {
                self.about = Some(post);
                return self.answer(now, vec![Frame::bare(Kind::Rtn)], Await::Settings);
            }
        };
        self.store(
            now,
            Received { number, page, damage, verdict, settings: as_sent, last: post == Post::Eop },
            post,
            vec![Frame::bare(answer)],
        );
    }
    fn store(&mut self, now: Instant, received: Received, post: Post, answer: Vec<Frame>) {
        let (page, verdict) = (received.number, received.verdict);
        self.storing = Some(Storing { page, post, verdict, answer, stored: false });
        self.leg.out.push(Output::Page(received));
        self.leg.arm(now, Timer::Stored);
        self.wait_for_storing(now);
    }
    fn wait_for_storing(&mut self, now: Instant) {
        if self.settings.is_some_and(|s| s.correction.is_some()) {
            self.leg.arm(now, Timer::Storing);
        }
        self.enter(now, State::Storing);
    }
    /// A page is on disk.
    pub(super) fn stored(&mut self, now: Instant, page: usize) {
        match &mut self.storing {
            Some(storing) if storing.page == page => {
                storing.stored = true;
                self.answer_if_stored(now);
            }
            _ => self.leg.odd(format!("page {page} was stored, which nobody asked for")),
        }
    }
    /// Says what a stored page is answered with, unless the far end is speaking or this end is.
    pub(super) fn answer_if_stored(&mut self, now: Instant) {
        if self.state == State::Storing
            && !self.leg.carrier
            && let Some(refusal) = self.refusal.take()
        {
            return self.refuse(now, refusal);
        }
        if self.state != State::Storing || self.leg.carrier || self.storing.as_ref().is_none_or(|s| !s.stored) {
            return;
        }
        let Some(Storing { page, post, verdict, answer, .. }) = self.storing.take() else { return };
        self.leg.stop([Timer::Stored, Timer::Storing]);
        (self.pages, self.turns) = (page, 0);
        match verdict {
            Verdict::Good => {
                self.leg.report.confirmed.push(page);
                self.leg.event(CallEvent::Confirmed { page });
            }
            Verdict::Fair | Verdict::Bad => self.leg.report.doubtful.push(page),
        }
        self.about = Some(post);
        let then = match (post, verdict) {
            (Post::Eop, _) => Await::End,
            (Post::Eom, _) => Await::Begin,
            (Post::Mps | Post::Null, Verdict::Good) => Await::Page,
            (Post::Mps | Post::Null, _) if self.settings.is_some_and(|s| s.correction.is_some()) => Await::Page,
            (Post::Mps | Post::Null, _) => Await::Settings,
        };
        self.answer(now, answer, then);
    }

    /// PPS: a block is over (annex A.4.3).
    pub(super) fn on_partial(&mut self, now: Instant, frame: &Frame) {
        let (Some(partial), Some(settings)) = (frame.partial(), self.settings) else {
            return self.unexpected(now, frame);
        };
        match self.state {
            State::Storing => return,
            State::Awaiting(_) if settings.correction.is_some() => {}
            _ => return self.unexpected(now, frame),
        }
        if self.closed == Some((partial.page, partial.block)) && self.storing.is_none() && self.incoming.is_none() {
            return self.answer_again(now); // the answer to this block was lost
        }
        let incoming = self.incoming.get_or_insert_with(|| Incoming::new(settings));
        let missing = incoming.receiver.missing(partial.last);
        if !missing.is_empty() {
            self.about = None;
            return self.answer(now, vec![Frame::ppr(missing)], Await::Page);
        }
        self.close_block(now);
        if matches!(self.state, State::Leaving | State::Ended) {
            return;
        }
        self.closed = Some((partial.page, partial.block));
        self.training = Training::Short;
        match partial.post {
            Post::Null => self.answer(now, vec![Frame::bare(Kind::Mcf)], Await::Page),
            post => self.judge(now, post),
        }
    }
    fn close_block(&mut self, now: Instant) {
        let (Some(incoming), size) = (&mut self.incoming, self.settings.and_then(|s| s.correction)) else { return };
        if let (Some(mixer), Some(size)) = (&self.mixer, size) {
            incoming.receiver.each(size, |octets, from| mixer.decipher(octets, from));
        }
        let (octets, room) = incoming.receiver.close();
        if !room {
            return self.fail(now, format!("a page of more than {MOST_OCTETS} octets"), Blame::Peer);
        }
        self.turns = 0;
        self.rows(&octets);
    }
    /// RR: ready by now?
    pub(super) fn on_ready(&mut self, now: Instant) {
        match (self.state, &self.storing) {
            (State::Storing, _) => {}
            (State::Awaiting(_), Some(_)) => {
                self.wait_for_storing(now);
                self.answer_if_stored(now);
            }
            (State::Awaiting(_), None) => self.answer_again(now),
            _ => self.leg.odd("RR while it was not this station's turn to hear"),
        }
    }
    /// The page is still being stored: RNR (annex A.4.4), and RR is to follow.
    pub(super) fn not_ready(&mut self, now: Instant) {
        if self.leg.carrier {
            return self.leg.arm(now, Timer::Storing);
        }
        self.answer(now, vec![Frame::bare(Kind::Rnr)], Await::Post);
    }
    /// CTC: the block goes on at another rate.
    pub(super) fn on_correct(&mut self, now: Instant, frame: &Frame) {
        let offered = &self.config.capabilities;
        match (Settings::rate(&frame.fif), &mut self.settings) {
            (Some(modulation), Some(settings)) if settings.correction.is_some() && offered.has(modulation) => {
                settings.modulation = modulation;
                self.training = Training::Long;
                self.answer(now, vec![Frame::bare(Kind::Ctr)], Await::Page);
            }
            _ => self.fail(now, "its CTC asks for a rate that was not offered".into(), Blame::Peer),
        }
    }
    /// EOR: the far end corrects no more. What came is handed out as damaged, and ERR says so be it; it is not confirmed.
    pub(super) fn on_no_more(&mut self, now: Instant, frame: &Frame) {
        let (Some(post), Some(Some(_))) = (frame.end_of_retransmission(), self.settings.map(|s| s.correction)) else {
            return self.unexpected(now, frame);
        };
        self.close_block(now);
        if post == Post::Null {
            return self.answer(now, vec![Frame::bare(Kind::Err)], Await::Page);
        }
        let Some(Incoming { decoder, mut page, settings, .. }) = self.incoming.take() else {
            return self.unexpected(now, frame);
        };
        let damage = decoder.finish(&mut |row| page.push(row));
        self.key_is_spent(now, &damage, false);
        let (number, verdict) = (self.pages + 1, Verdict::Fair);
        self.leg.event(CallEvent::Judged { page: number, rows: damage.rows, bad: damage.bad_rows, verdict });
        self.training = Training::Long;
        self.store(now, Received { number, page, damage, verdict, settings, last: post == Post::Eop }, post, vec![Frame::bare(Kind::Err)]);
    }
}
