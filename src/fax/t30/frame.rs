//! Frames of T.30: their names, lengths and fields.
//!
//! Standards: ITU-T T.30 5.3.2 to 5.3.6 (address, control, FCF), annex A.4 (PPS, EOR, PPR, CTC); T.4 annex A (FCD, RCP). FCFs as 3GPP TS 23.146 lists them too.
//! In: octets of a frame without its check. Out: a [`Frame`], or why it is none. A frame of a known type has a length its type can have.
//! Left out: what DIS, DTC and DCS say (see `capabilities`, `settings`). Shown by: the tests below, `tests/fuzz/bodies/call.rs`.

use super::facility::part;
use std::fmt;

/// All stations (T.30 5.3.3).
const ADDRESS: u8 = 0xff;
/// Control of a frame that others follow (T.30 5.3.4), lowest bit first.
const MORE: u8 = 0x03;
/// Control of the last frame.
const LAST: u8 = 0x13;
/// Octets of a page in a frame, at most (T.4 A.3.6).
pub const FRAME_OCTETS: usize = 256;

/// The types of frames.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[rustfmt::skip]
#[allow(missing_docs)] // each is a name of T.30; the table below says which
pub enum Kind {
    Dis, Csi, Nsf, Dtc, Cig, Nsc, Pwd, Sep, Dcs, Tsi, Nss, Sub, Sid, Ctc, Cfr, Ftt, Ctr,
    Eom, Mps, Eop, PriEom, PriMps, PriEop, Pps, Eor, Rr, Mcf, Rtp, Rtn, Pip, Pin, Ppr, Rnr, Err, Dcn, Crp, Fcd, Rcp,
}

/// A line of the table of types.
struct Row {
    kind: Kind,
    name: &'static str,
    /// As printed: the first bit on the line on top. The X of X-types is 0 here.
    fcf: u8,
    /// Whether the first bit says who sends: 1 from the station that got a DIS (T.30 5.3.6.1).
    x: bool,
    /// Fewest and most octets of the information field.
    fif: (usize, usize),
    means: &'static str,
}

const fn row(kind: Kind, name: &'static str, fcf: u8, x: bool, fif: (usize, usize), means: &'static str) -> Row {
    Row { kind, name, fcf, x, fif, means }
}

/// T.30 5.3.6.1, annex A.4.3; T.4 A.3.5. An identification has up to 20 characters (5.3.6.2.4 to .6); the length of a non-standard field is ours.
#[rustfmt::skip]
const TABLE: [Row; 38] = [
    row(Kind::Dis, "DIS", 0b0000_0001, false, (2, 32), "what the called station can do"),
    row(Kind::Csi, "CSI", 0b0000_0010, false, (1, 20), "the called station's number"),
    row(Kind::Nsf, "NSF", 0b0000_0100, false, (1, 128), "non-standard facilities"),
    row(Kind::Dtc, "DTC", 0b1000_0001, false, (2, 32), "send to me"),
    row(Kind::Cig, "CIG", 0b1000_0010, false, (1, 20), "the number of a station that polls"),
    row(Kind::Nsc, "NSC", 0b1000_0100, false, (1, 128), "non-standard facilities, asked for"),
    row(Kind::Pwd, "PWD", 0b1000_0011, false, (1, 20), "a password for polling"),
    row(Kind::Sep, "SEP", 0b1000_0101, false, (1, 20), "which document is polled"),
    row(Kind::Dcs, "DCS", 0b0100_0001, true, (2, 32), "how pages will be sent"),
    row(Kind::Tsi, "TSI", 0b0100_0010, true, (1, 20), "the sending station's number"),
    row(Kind::Nss, "NSS", 0b0100_0100, true, (1, 128), "a non-standard set-up"),
    row(Kind::Sub, "SUB", 0b0100_0011, true, (1, 20), "a sub-address"),
    row(Kind::Sid, "SID", 0b0100_0101, true, (1, 20), "the sender's password"),
    row(Kind::Ctc, "CTC", 0b0100_1000, true, (2, 2), "I go on correcting, at this rate"),
    row(Kind::Cfr, "CFR", 0b0010_0001, true, (0, 0), "ready for pages"),
    row(Kind::Ftt, "FTT", 0b0010_0010, true, (0, 0), "the training check failed"),
    row(Kind::Ctr, "CTR", 0b0010_0011, true, (0, 0), "go on correcting"),
    row(Kind::Eom, "EOM", 0b0111_0001, true, (0, 0), "end of page, back to phase B"),
    row(Kind::Mps, "MPS", 0b0111_0010, true, (0, 0), "end of page, another follows"),
    row(Kind::Eop, "EOP", 0b0111_0100, true, (0, 0), "end of the last page"),
    row(Kind::PriEom, "PRI-EOM", 0b0111_1001, true, (0, 0), "EOM, and an operator is wanted"),
    row(Kind::PriMps, "PRI-MPS", 0b0111_1010, true, (0, 0), "MPS, and an operator is wanted"),
    row(Kind::PriEop, "PRI-EOP", 0b0111_1100, true, (0, 0), "EOP, and an operator is wanted"),
    row(Kind::Pps, "PPS", 0b0111_1101, true, (4, 4), "end of a block of frames"),
    row(Kind::Eor, "EOR", 0b0111_0011, true, (1, 1), "I correct no more"),
    row(Kind::Rr, "RR", 0b0111_0110, true, (0, 0), "are you ready"),
    row(Kind::Mcf, "MCF", 0b0011_0001, true, (0, 0), "page received"),
    row(Kind::Rtp, "RTP", 0b0011_0011, true, (0, 0), "page received, train again"),
    row(Kind::Rtn, "RTN", 0b0011_0010, true, (0, 0), "page not good, train again"),
    row(Kind::Pip, "PIP", 0b0011_0101, true, (0, 0), "page received, an operator is wanted"),
    row(Kind::Pin, "PIN", 0b0011_0100, true, (0, 0), "page not good, an operator is wanted"),
    row(Kind::Ppr, "PPR", 0b0011_1101, true, (32, 32), "these frames again"),
    row(Kind::Rnr, "RNR", 0b0011_0111, true, (0, 0), "not ready yet"),
    row(Kind::Err, "ERR", 0b0011_1000, true, (0, 0), "so be it"),
    row(Kind::Dcn, "DCN", 0b0101_1111, true, (0, 0), "disconnecting"),
    row(Kind::Crp, "CRP", 0b0101_1000, true, (0, 0), "say that again"),
    row(Kind::Fcd, "FCD", 0b0110_0000, false, (2, FRAME_OCTETS + 1), "a page's octets"),
    row(Kind::Rcp, "RCP", 0b0110_0001, false, (0, 0), "end of the page's frames"),
];

impl Kind {
    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }
    /// As T.30 writes it.
    pub fn name(self) -> &'static str {
        self.row().name
    }
    /// What it says, in a few words.
    pub fn means(self) -> &'static str {
        self.row().means
    }
    /// The type of an FCF as printed.
    fn of(fcf: u8) -> Option<(Kind, bool)> {
        let exact = TABLE.iter().find(|r| r.fcf == fcf).map(|r| (r.kind, false));
        exact.or_else(|| TABLE.iter().find(|r| r.x && r.fcf | 0x80 == fcf).map(|r| (r.kind, true)))
    }
}

/// What follows a page (T.30 5.3.6.1.6), or a block of one (annex A.4.3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Post {
    /// PPS-NULL: the same page goes on.
    Null,
    /// Another page.
    Mps,
    /// Phase B.
    Eom,
    /// No more.
    Eop,
}

impl Post {
    /// The command outside error correction.
    pub fn kind(self) -> Option<Kind> {
        match self {
            Post::Null => None,
            Post::Mps => Some(Kind::Mps),
            Post::Eom => Some(Kind::Eom),
            Post::Eop => Some(Kind::Eop),
        }
    }
    /// The same whether or not an operator is wanted.
    pub fn of(kind: Kind) -> Option<Post> {
        match kind {
            Kind::Mps | Kind::PriMps => Some(Post::Mps),
            Kind::Eom | Kind::PriEom => Some(Post::Eom),
            Kind::Eop | Kind::PriEop => Some(Post::Eop),
            _ => None,
        }
    }
    /// As T.30 writes it.
    pub fn name(self) -> &'static str {
        self.kind().map_or("NULL", Kind::name)
    }
}

/// A partial page signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Partial {
    /// What follows the block.
    pub post: Post,
    /// Which page of this call and direction, from 0, modulo 256.
    pub page: u8,
    /// Which block of the page, from 0.
    pub block: u8,
    /// How many frames, less one.
    pub last: u8,
}

/// A frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// Its type.
    pub kind: Kind,
    /// Its information field, of a length its type can have.
    pub fif: Vec<u8>,
    /// Whether no frame follows in the same signal.
    pub last: bool,
    /// Whether its X bit is 1. False where its type has none.
    pub x: bool,
}

/// Why octets are no frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// Less than address, control and type.
    Short(usize),
    /// Another address.
    Address(u8),
    /// Another control.
    Control(u8),
    /// A type that is not in the table, as printed.
    Unknown(u8),
    /// A type, the octets of its field, and those it needs.
    Length(Kind, usize, (usize, usize)),
    /// A PPS or EOR of something that follows no page, as printed.
    Follows(Kind, u8),
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::Short(n) => write!(f, "a frame of {n} octets; address, control and type are 3"),
            Flaw::Address(a) => write!(f, "a frame to address {a:02x}; expected ff"),
            Flaw::Control(c) => write!(f, "a frame with control {c:02x}; expected 03 or 13"),
            Flaw::Unknown(fcf) => write!(f, "a frame of unknown type {fcf:08b}"),
            Flaw::Length(kind, got, (least, most)) if least == most => {
                write!(f, "{} with a field of {got} octets; expected {least}", kind.name())
            }
            Flaw::Length(kind, got, (least, most)) => {
                write!(f, "{} with a field of {got} octets; expected {least} to {most}", kind.name())
            }
            Flaw::Follows(kind, what) => write!(f, "{} of {what:08b}, which follows no page", kind.name()),
        }
    }
}

impl Frame {
    /// A frame of a type without a field.
    pub fn bare(kind: Kind) -> Frame {
        Frame::with(kind, vec![])
    }
    /// A frame with its field; the last of its signal, X 0.
    pub fn with(kind: Kind, fif: Vec<u8>) -> Frame {
        Frame { kind, fif, last: true, x: false }
    }
    /// A number or sub-address: up to 20 of its characters, the last first, filled up with blanks (T.30 5.3.6.2.4).
    pub fn ident(kind: Kind, text: &str) -> Frame {
        let mut fif: Vec<u8> = text.bytes().take(20).collect();
        fif.resize(20, b' ');
        fif.reverse();
        Frame::with(kind, fif)
    }
    /// A partial page signal (annex A.4.3), its second FCF with the X bit of the first.
    pub fn pps(partial: Partial, x: bool) -> Frame {
        Frame::with(Kind::Pps, vec![follows(partial.post, x), partial.page, partial.block, partial.last])
    }
    /// The end of retransmission.
    pub fn eor(post: Post, x: bool) -> Frame {
        Frame::with(Kind::Eor, vec![follows(post, x)])
    }
    /// Octets of a page, of number 0 to 255 in its block.
    pub fn fcd(number: u8, octets: &[u8]) -> Frame {
        Frame { last: false, ..Frame::with(Kind::Fcd, [&[number], octets].concat()) }
    }

    /// Its octets, without the check.
    pub fn encode(&self) -> Vec<u8> {
        let row = self.kind.row();
        let fcf = row.fcf | if row.x && self.x { 0x80 } else { 0 };
        let mut octets = vec![ADDRESS, if self.last { LAST } else { MORE }, fcf.reverse_bits()];
        octets.extend_from_slice(&self.fif);
        octets
    }
    /// Reads octets without a check.
    pub fn decode(octets: &[u8]) -> Result<Frame, Flaw> {
        let &[address, control, fcf, ref fif @ ..] = octets else {
            return Err(Flaw::Short(octets.len()));
        };
        if address != ADDRESS {
            return Err(Flaw::Address(address));
        }
        if control != MORE && control != LAST {
            return Err(Flaw::Control(control));
        }
        let (kind, x) = Kind::of(fcf.reverse_bits()).ok_or(Flaw::Unknown(fcf.reverse_bits()))?;
        let fits = kind.row().fif;
        if !(fits.0..=fits.1).contains(&fif.len()) {
            return Err(Flaw::Length(kind, fif.len(), fits));
        }
        if let (Kind::Pps | Kind::Eor, Some(what)) = (kind, fif.first())
            && following(*what).is_none()
        {
            return Err(Flaw::Follows(kind, what.reverse_bits()));
        }
        Ok(Frame { kind, fif: fif.to_vec(), last: control == LAST, x })
    }

    /// The text of an identification: what is not printable ASCII is shown as `?`, blanks at both ends are left out.
    pub fn text(&self) -> String {
        let shown = self.fif.iter().rev().map(|b| if matches!(b, 0x20..=0x7e) { char::from(*b) } else { '?' });
        shown.collect::<String>().trim().to_owned()
    }
    /// The fields of a PPS.
    pub fn partial(&self) -> Option<Partial> {
        match (self.kind, self.fif.as_slice()) {
            (Kind::Pps, &[post, page, block, last]) => Some(Partial { post: following(post)?, page, block, last }),
            _ => None,
        }
    }
    /// What an EOR says follows.
    pub fn end_of_retransmission(&self) -> Option<Post> {
        match (self.kind, self.fif.as_slice()) {
            (Kind::Eor, &[post]) => following(post),
            _ => None,
        }
    }
    /// The frames that a PPR asks for.
    pub fn wanted(&self) -> Vec<u8> {
        match self.kind {
            Kind::Ppr => (0..=255).filter(|n: &u8| self.fif.get(usize::from(n / 8)).is_some_and(|o| o >> (n % 8) & 1 == 1)).collect(),
            _ => vec![],
        }
    }
    /// A PPR for these frames (annex A.4.4: bit 0 of the first octet is frame 0).
    pub fn ppr(wanted: impl IntoIterator<Item = u8>) -> Frame {
        let mut fif = vec![0; 32];
        for n in wanted {
            fif[usize::from(n / 8)] |= 1 << (n % 8);
        }
        Frame::with(Kind::Ppr, fif)
    }
}

fn follows(post: Post, x: bool) -> u8 {
    post.kind().map_or(0, |kind| (kind.row().fcf | if x { 0x80 } else { 0 }).reverse_bits())
}
fn following(octet: u8) -> Option<Post> {
    match octet {
        0 => Some(Post::Null),
        _ => Kind::of(octet.reverse_bits()).and_then(|(kind, _)| Post::of(kind)),
    }
}

impl fmt::Display for Frame {
    /// Its name, and what its field says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Pps => {
                let Some(p) = self.partial() else { return f.write_str("PPS") };
                write!(f, "PPS-{} page {} block {} frames {}", p.post.name(), p.page, p.block, u16::from(p.last) + 1)
            }
            Kind::Eor => write!(f, "EOR-{}", self.end_of_retransmission().map_or("?", Post::name)),
            Kind::Ppr => write!(f, "PPR {}", spans(&self.wanted())),
            Kind::Csi | Kind::Cig | Kind::Tsi | Kind::Sub | Kind::Sep => write!(f, "{} {}", self.kind.name(), self.text()),
            Kind::Dis | Kind::Dtc | Kind::Dcs | Kind::Ctc => {
                write!(f, "{} ", self.kind.name())?;
                self.fif.iter().try_for_each(|o| write!(f, "{o:02x}"))
            }
            Kind::Nsf | Kind::Nsc | Kind::Nss => match part(&self.fif) {
                Some((this, of)) => write!(f, "{} molink {this}/{of}", self.kind.name()),
                None => f.write_str(self.kind.name()),
            },
            _ => f.write_str(self.kind.name()), // passwords are not shown
        }
    }
}

/// `0-2, 7`.
fn spans(numbers: &[u8]) -> String {
    let mut out: Vec<(u8, u8)> = vec![];
    for n in numbers {
        match out.last_mut() {
            Some((_, to)) if u16::from(*to) + 1 == u16::from(*n) => *to = *n,
            _ => out.push((*n, *n)),
        }
    }
    let one = |(a, b): &(u8, u8)| if a == b { a.to_string() } else { format!("{a}-{b}") };
    if out.is_empty() { "none".into() } else { out.iter().map(one).collect::<Vec<_>>().join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_types_and_no_two_look_alike() {
        for (n, row) in TABLE.iter().enumerate() {
            assert_eq!(row.kind as usize, n, "{}", row.name);
            let alike = |o: &&Row| o.fcf == row.fcf || (row.x && o.fcf == row.fcf | 0x80) || (o.x && row.fcf == o.fcf | 0x80);
            assert_eq!(TABLE.iter().filter(alike).count(), 1, "{}", row.name);
        }
    }

    #[test]
    fn frames_look_as_they_were_seen_of_other_programs() {
        // As efax and HylaFAX hand them to a modem; see docs/fax-call.md.
        let seen = [(Kind::Dis, 0x80), (Kind::Csi, 0x40), (Kind::Nsf, 0x20), (Kind::Cfr, 0x84), (Kind::Mcf, 0x8c)];
        for (kind, octet) in seen {
            assert_eq!(Frame::bare(kind).encode()[2], octet, "{}", kind.name());
        }
        let x = |kind| Frame { x: true, ..Frame::bare(kind) }.encode()[2];
        assert_eq!(
            [Kind::Tsi, Kind::Dcs, Kind::Eop, Kind::Mps, Kind::Dcn].map(x),
            [0x43, 0x83, 0x2f, 0x4f, 0xfb],
            "from the one who got the DIS"
        );
        let partial = Partial { post: Post::Eop, page: 0, block: 0, last: 11 };
        let pps = Frame { x: true, ..Frame::pps(partial, true) };
        assert_eq!(pps.encode(), [0xff, 0x13, 0xbf, 0x2f, 0, 0, 0x0b]);
        assert_eq!(pps.to_string(), "PPS-EOP page 0 block 0 frames 12");
    }

    #[test]
    fn every_frame_reads_back() {
        for row in &TABLE {
            for length in [row.fif.0, row.fif.1] {
                for (last, x) in [(true, row.x), (false, false)] {
                    let frame = Frame { kind: row.kind, fif: vec![0; length], last, x };
                    assert_eq!(Frame::decode(&frame.encode()), Ok(frame));
                }
            }
        }
        assert_eq!(Frame::ident(Kind::Csi, "+1 202 555 0123").text(), "+1 202 555 0123");
        assert_eq!(Frame::ppr([0, 1, 2, 9, 255]).wanted(), [0, 1, 2, 9, 255]);
        assert_eq!(Frame::ppr([0, 1, 2, 9, 255]).to_string(), "PPR 0-2, 9, 255");
    }

    #[test]
    fn a_frame_of_a_wrong_length_is_named() {
        let flaw = |octets: &[u8]| Frame::decode(octets).unwrap_err().to_string();
        assert_eq!(flaw(&[]), "a frame of 0 octets; address, control and type are 3");
        assert_eq!(flaw(&[0xff, 0x13]), "a frame of 2 octets; address, control and type are 3");
        assert_eq!(flaw(&[0xff, 0x13, 0xbf, 0x2f]), "PPS with a field of 1 octets; expected 4");
        assert_eq!(flaw(&[0xff, 0x03, 0x06, 1]), "FCD with a field of 1 octets; expected 2 to 257");
        assert_eq!(flaw(&[0xff, 0x13, 0x80, 1]), "DIS with a field of 1 octets; expected 2 to 32");
        assert_eq!(flaw(&[0xff, 0x13, 0x8c, 1]), "MCF with a field of 1 octets; expected 0");
        assert_eq!(flaw(&[0xff, 0x13, 0xff]), "a frame of unknown type 11111111");
        assert_eq!(flaw(&[0xff, 0x13, 0xcf, 0x8c]), "EOR of 00110001, which follows no page");
        assert_eq!(flaw(&[0x00, 0x13, 0xff]), "a frame to address 00; expected ff");
        assert_eq!(flaw(&[0xff, 0x23, 0xff]), "a frame with control 23; expected 03 or 13");
    }
}
