//! HDLC: any bits as frames, and what frames say, as `call` has it among much else; here alone.
//!
//! Held to: no panic; bits in any pieces give the same frames, none of them longer than is taken; what is written again reads the same.

use super::Bytes;
use molink::fax::hdlc::{Deframer, Found, Framer, LONGEST};

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let at = usize::from(bytes.word());
    let line = bytes.rest();
    let (a, b) = line.split_at(at.min(line.len()));
    let frames = found(&[line]);
    assert_eq!(found(&[a, b]), frames);
    let good: Vec<Vec<u8>> = frames.into_iter().flatten().collect();
    assert!(good.iter().all(|f| (1..=LONGEST).contains(&f.len())));
    let mut framer = Framer::new();
    framer.flags(2);
    good.iter().for_each(|f| framer.frame(f));
    assert_eq!(found(&[&framer.finish()]).into_iter().flatten().collect::<Vec<_>>(), good);
}

fn found(pieces: &[&[u8]]) -> Vec<Found> {
    let (mut deframer, mut all) = (Deframer::new(), vec![]);
    pieces.iter().for_each(|p| deframer.push(p, &mut |f| all.push(f)));
    all
}
