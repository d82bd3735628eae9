//! Facilities between stations of molink: what the fields of NSF and NSS say. Ours, in the place that T.30 keeps for makers.
//!
//! Standard: ITU-T T.30 5.3.6.2.7 has the place (a field of the maker's own); what stands in it is ours (`docs/fax-call.md`).
//! In: entries of tag, length and value. Out: the fields of a few frames; and back, bounded and checked. What an entry means is its owner's.
//! Left out: a maker's code after T.35, which molink has none of. Shown by: the tests below, `tests/it/fax_facility.rs`.

/// Octets of a field at most: a frame of it takes under three seconds at 300 bit/s.
pub const MOST_OCTETS: usize = 90;
/// Frames of one signal at most: it ends within `Timer::Carrier`.
pub const MOST_FRAMES: usize = 8;
/// The version that is said; a higher one may have tags that are passed over, and no other form.
pub const VERSION: u8 = 1;
/// How a field of ours begins: an octet that is no country's code in T.35's list of them, and the name.
const MARK: &[u8] = b"\xffMOLINK";
/// The mark, the version, which frame of how many.
const HEAD: usize = MARK.len() + 2;

/// What the tags of entries are.
pub mod tag {
    /// Who the message is from and for (`fax::envelope`); said by the caller.
    pub const ENVELOPE: u8 = 1;
    /// Of the cipher (`cipher`): where a page's key begins; said by both ends of an enciphered line.
    pub const CIPHER: u8 = 2;
    /// Why the message is refused for good, one sentence; said by the answerer before DCN.
    pub const REFUSED: u8 = 3;
    /// Why it cannot be taken now, one sentence; said by the answerer before DCN.
    pub const NOT_NOW: u8 = 4;
    /// From which page on the message is wanted, in decimal digits; said by the answerer beside [`NOT_NOW`].
    pub const FROM_PAGE: u8 = 5;
    /// The name of the station that speaks.
    pub const STATION: u8 = 6;
}

/// One thing that is said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// What it is about (see [`tag`]).
    pub tag: u8,
    /// What it says.
    pub value: Vec<u8>,
}

impl Entry {
    /// An entry.
    pub fn new(tag: u8, value: impl Into<Vec<u8>>) -> Entry {
        Entry { tag, value: value.into() }
    }
}

/// What the far end said of itself, or of the message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Facilities {
    /// The form's version.
    pub version: u8,
    /// In the order they were said.
    pub entries: Vec<Entry>,
}

impl Facilities {
    /// The first value of a tag.
    pub fn value(&self, tag: u8) -> Option<&[u8]> {
        self.entries.iter().find(|e| e.tag == tag).map(|e| e.value.as_slice())
    }
    /// Takes the first value of a tag out.
    pub fn take(&mut self, tag: u8) -> Option<Vec<u8>> {
        let at = self.entries.iter().position(|e| e.tag == tag)?;
        Some(self.entries.remove(at).value)
    }
    /// A value that is a text: control characters are shown as blanks, and what is no UTF-8 as `�`.
    pub fn text(&self, tag: u8) -> Option<String> {
        let text = String::from_utf8_lossy(self.value(tag)?).into_owned();
        Some(text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect())
    }
    /// Why the far end refuses or puts off what it was sent, if it said so.
    pub fn why(&self) -> Option<String> {
        self.text(tag::REFUSED).or_else(|| self.text(tag::NOT_NOW))
    }
}

/// Octets that entries may take together.
pub const ROOM: usize = (MOST_OCTETS - HEAD) * MOST_FRAMES;

/// The fields of the frames that say these entries: one at the least. `Err`: by how many octets they are too long.
pub fn encode(entries: &[Entry]) -> Result<Vec<Vec<u8>>, usize> {
    let mut octets = vec![];
    for entry in entries {
        let length = u16::try_from(entry.value.len()).map_err(|_| entry.value.len() - ROOM)?;
        octets.push(entry.tag);
        octets.extend_from_slice(&length.to_be_bytes());
        octets.extend_from_slice(&entry.value);
    }
    if octets.len() > ROOM {
        return Err(octets.len() - ROOM);
    }
    let pieces: Vec<&[u8]> = if octets.is_empty() { vec![&[]] } else { octets.chunks(MOST_OCTETS - HEAD).collect() };
    let count = pieces.len() as u8; // at most MOST_FRAMES
    let field = |(n, piece): (usize, &&[u8])| [MARK, &[VERSION, (n as u8 + 1) << 4 | count], piece].concat();
    Ok(pieces.iter().enumerate().map(field).collect())
}

/// Which frame of how many a field of ours is.
pub fn part(field: &[u8]) -> Option<(u8, u8)> {
    let part = field.strip_prefix(MARK)?.get(1)?;
    Some((part >> 4, part & 15))
}

/// Reads the fields of one signal. `None`: none of them is ours. `Err`: some of it is missing or does not fit, in a sentence.
pub fn decode<'a>(fields: impl IntoIterator<Item = &'a [u8]>) -> Option<Result<Facilities, String>> {
    let ours: Vec<&[u8]> = fields.into_iter().filter_map(|f| f.strip_prefix(MARK)).collect();
    (!ours.is_empty()).then(|| joined(&ours))
}

fn joined(fields: &[&[u8]]) -> Result<Facilities, String> {
    let mut octets = vec![];
    let (mut version, mut next) = (0, 1);
    for field in fields {
        let &[v, part, ref piece @ ..] = *field else {
            return Err(format!("facilities of {} octets, where their head has 2", field.len()));
        };
        let (this, count) = (usize::from(part >> 4), usize::from(part & 15));
        if this != next || count != fields.len() || count > MOST_FRAMES {
            return Err(format!("frame {this} of {count} of the facilities where {next} of {} is expected", fields.len()));
        }
        (version, next) = (v, next + 1);
        octets.extend_from_slice(piece);
    }
    let mut entries = vec![];
    let mut rest = octets.as_slice();
    while let [tag, high, low, after @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some((value, after)) = after.split_at_checked(length) else {
            return Err(format!("an entry {tag} of {length} octets, and {} are left", after.len()));
        };
        entries.push(Entry::new(*tag, value));
        rest = after;
    }
    if !rest.is_empty() {
        return Err(format!("{} octets after the last entry", rest.len()));
    }
    Ok(Facilities { version, entries })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(fields: &[Vec<u8>]) -> Option<Result<Facilities, String>> {
        decode(fields.iter().map(Vec::as_slice))
    }

    #[test]
    fn entries_read_back_over_several_frames() {
        for entries in [vec![], vec![Entry::new(1, "a")], vec![Entry::new(2, vec![]), Entry::new(1, vec![7; 300]), Entry::new(200, "x")]] {
            let fields = encode(&entries).unwrap();
            assert!(fields.iter().all(|f| f.len() <= MOST_OCTETS) && !fields.is_empty() && fields.len() <= MOST_FRAMES);
            assert_eq!(back(&fields), Some(Ok(Facilities { version: VERSION, entries })));
        }
        assert_eq!(encode(&[Entry::new(1, vec![0; ROOM])]), Err(3), "three octets too many");
        assert_eq!(encode(&[Entry::new(1, vec![0; ROOM - 3])]).unwrap().len(), MOST_FRAMES);
    }

    #[test]
    fn other_makers_are_nobody_of_ours_and_half_a_field_is_named() {
        assert_eq!(decode([b"\xb5\x00\x2aHylaFAX".as_slice()]), None);
        assert_eq!(decode([]), None);
        let why = |fields: &[Vec<u8>]| back(fields).unwrap().unwrap_err();
        let fields = encode(&[Entry::new(1, vec![7; 200])]).unwrap();
        assert_eq!(why(&fields[..2]), "frame 1 of 3 of the facilities where 1 of 2 is expected");
        assert_eq!(
            why(&[fields[0].clone(), fields[2].clone(), fields[1].clone()]),
            "frame 3 of 3 of the facilities where 2 of 3 is expected"
        );
        assert_eq!(why(&[MARK.to_vec()]), "facilities of 0 octets, where their head has 2");
        let with = |rest: &[u8]| why(&[[MARK, &[1, 0x11], rest].concat()]);
        assert_eq!(with(&[3, 0, 9, 1]), "an entry 3 of 9 octets, and 1 are left");
        assert_eq!(with(&[3, 0]), "2 octets after the last entry");
    }

    #[test]
    fn a_refusal_is_one_line() {
        let said = Facilities { version: 1, entries: vec![Entry::new(tag::REFUSED, "UNKNOWN\nDESK")] };
        assert_eq!(said.why().unwrap(), "UNKNOWN DESK");
    }
}
