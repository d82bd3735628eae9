//! Error correction: a page as blocks of numbered frames, and back.
//!
//! Standards: ITU-T T.30 annex A, T.4 annex A. In: a page's coded octets; frames in any order, twice, or not at all. Out: frames; the octets.
//! Bounded: a block has at most 256 frames, a page `MOST_OCTETS`. Left out: who says what when (see `caller`, `answerer`).
//! Shown by: the tests below, `fixtures/dialogues/fax`.

use super::capabilities::FrameSize;
use super::frame::{FRAME_OCTETS, Frame, Kind};
use std::collections::BTreeMap;

/// Frames of a block, at most (annex A.1.3).
pub const BLOCK: usize = 256;
/// Ours: coded octets of the longest page that is taken: what half an hour at 14400 bit/s brings, and some.
pub const MOST_OCTETS: usize = 4 << 20;
/// How often RCP is said (T.4 A.3.5).
const RCPS: usize = 3;

/// A page that is being sent: its octets and where the block begins.
#[derive(Clone, Debug)]
pub struct Sender {
    octets: Vec<u8>,
    size: usize,
    block: usize,
    /// Frames of the block that the far end does not have.
    wanted: Vec<u8>,
    /// How often the block was asked for at this rate.
    pub asks: u32,
}

impl Sender {
    /// A page. What the last frame lacks is filled with zeros (T.4 A.3.6.2).
    pub fn new(mut octets: Vec<u8>, size: FrameSize) -> Sender {
        Sender::fill(&mut octets, size);
        let mut sender = Sender { octets, size: size.octets(), block: 0, wanted: vec![], asks: 0 };
        sender.all();
        sender
    }
    /// Fills the last frame.
    pub fn fill(octets: &mut Vec<u8>, size: FrameSize) {
        octets.resize(octets.len().max(1).next_multiple_of(size.octets()), 0);
    }
    fn frames(&self) -> std::slice::Chunks<'_, u8> {
        let from = (self.block * BLOCK * self.size).min(self.octets.len());
        let to = (from + BLOCK * self.size).min(self.octets.len());
        self.octets[from..to].chunks(self.size)
    }
    fn all(&mut self) {
        let count = self.frames().len();
        self.wanted = (0..count).map(|n| n as u8).collect();
        self.asks = 0;
    }
    /// The frames that are wanted, and RCP three times, as octets.
    pub fn signal(&self) -> Vec<Vec<u8>> {
        let mut frames: Vec<Vec<u8>> = vec![];
        for (n, octets) in self.frames().enumerate() {
            if self.wanted.contains(&(n as u8)) {
                frames.push(Frame::fcd(n as u8, octets).encode());
            }
        }
        frames.extend((0..RCPS).map(|_| Frame { last: false, ..Frame::bare(Kind::Rcp) }.encode()));
        frames
    }
    /// How many frames are wanted.
    pub fn count(&self) -> usize {
        self.wanted.len()
    }
    /// Which block it is, from 0.
    pub fn block(&self) -> usize {
        self.block
    }
    /// The number of the block's last frame.
    pub fn last(&self) -> u8 {
        (self.frames().len().max(1) - 1) as u8
    }
    /// Whether no block follows.
    pub fn ends(&self) -> bool {
        (self.block + 1) * BLOCK * self.size >= self.octets.len()
    }
    /// The block is there: on to the next.
    pub fn next(&mut self) {
        self.block += 1;
        self.all();
    }
    /// The far end lacks these. What the block does not have is passed over; false if nothing is left.
    pub fn lacks(&mut self, wanted: &[u8]) -> bool {
        let last = self.last();
        self.wanted = wanted.iter().copied().filter(|n| *n <= last).collect();
        self.asks += 1;
        !self.wanted.is_empty()
    }
}

/// A page that is being received.
#[derive(Clone, Debug, Default)]
pub struct Receiver {
    octets: Vec<u8>,
    block: BTreeMap<u8, Vec<u8>>,
    /// Blocks closed.
    closed: usize,
    /// The number of the block's last frame, once a PPS said it.
    last: Option<u8>,
}

impl Receiver {
    /// A frame came.
    pub fn frame(&mut self, frame: &Frame) {
        if let (Kind::Fcd, Some((number, octets))) = (frame.kind, frame.fif.split_first()) {
            self.block.insert(*number, octets[..octets.len().min(FRAME_OCTETS)].to_vec());
        }
    }
    /// The block has frames up to this one: which are missing? A repeated PPS may count only the frames of its own burst, so the most counts.
    pub fn missing(&mut self, last: u8) -> Vec<u8> {
        let last = last.max(self.last.unwrap_or(0));
        self.last = Some(last);
        (0..=last).filter(|n| !self.block.contains_key(n)).collect()
    }
    /// Has each frame of the block worked on with the place that its first octet has in the page.
    pub fn each(&mut self, size: FrameSize, work: impl Fn(&mut [u8], usize)) {
        let begins = self.closed * BLOCK;
        for (number, octets) in &mut self.block {
            work(octets, (begins + usize::from(*number)) * size.octets());
        }
    }
    /// The block is done, as far as it came: its octets, and whether there is room for more.
    pub fn close(&mut self) -> (Vec<u8>, bool) {
        self.closed += 1;
        self.last = None;
        let block: Vec<u8> = std::mem::take(&mut self.block).into_values().flatten().collect();
        self.octets.extend_from_slice(&block);
        (block, self.octets.len() <= MOST_OCTETS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands the wanted frames over, but for those that are lost.
    fn carry(sender: &Sender, receiver: &mut Receiver, lost: impl Fn(u8) -> bool) {
        for octets in sender.signal() {
            let frame = Frame::decode(&octets).unwrap();
            if frame.kind != Kind::Fcd || !lost(frame.fif[0]) {
                receiver.frame(&frame);
            }
        }
    }

    #[test]
    fn a_page_of_three_blocks_arrives_whatever_is_lost_at_first() {
        let page: Vec<u8> = (0..40_000u32).map(|i| ((i * i) >> 7) as u8).collect();
        let (mut sender, mut receiver) = (Sender::new(page.clone(), FrameSize::Small), Receiver::default());
        let (mut got, mut blocks) = (vec![], 0);
        loop {
            blocks += 1;
            carry(&sender, &mut receiver, |n| n % 7 == 3);
            let missing = receiver.missing(sender.last());
            assert!(missing.iter().all(|n| n % 7 == 3) && !missing.is_empty());
            assert!(sender.lacks(&missing) && sender.count() == missing.len());
            carry(&sender, &mut receiver, |_| false);
            assert_eq!(receiver.missing((sender.count() - 1) as u8), [0u8; 0], "a count of the burst alone does no harm");
            got.extend(receiver.close().0);
            if sender.ends() {
                break;
            }
            sender.next();
        }
        assert_eq!((blocks, &got[..page.len()]), (3, &page[..]));
        assert!(got[page.len()..].iter().all(|o| *o == 0) && got.len() - page.len() < 64);
    }

    #[test]
    fn frames_that_do_not_exist_are_not_sent() {
        let mut sender = Sender::new(vec![1; 1000], FrameSize::Large);
        assert_eq!((sender.last(), sender.ends(), sender.signal().len()), (3, true, 4 + 3));
        assert!(!sender.lacks(&[4, 255]));
        assert!(sender.lacks(&[2, 200]) && sender.count() == 1);
    }

    #[test]
    fn a_page_without_octets_is_one_frame_of_zeros() {
        let sender = Sender::new(vec![], FrameSize::Large);
        assert_eq!((sender.count(), sender.last(), sender.ends()), (1, 0, true));
    }
}
