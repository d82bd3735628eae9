//! The label of a key tape or diskette: what stands beside `NAME.key` in `NAME.toml`.
//!
//! Standard: decision 6 of the project; that a tape is made in pairs for one side's outgoing traffic is history.
//! In: TOML, or a tape just made. Out: a [`Label`], or one sentence with the line; TOML with two lines for people.
//! Left out: files (`backend_disk`), whether the key fits its checksum. Shown by: the tests below.

use super::{Copy, Medium};
use crate::message::Name;
use crate::time::Utc;
use serde::{Deserialize, Serialize};

/// The longest tape or diskette, in characters or octets: 174 days at 50 Bd, 100 MB a copy.
pub const LONGEST: u64 = 100_000_000;
/// Serial numbers: six digits, the first not 0, so that a number read from the line has one form.
pub const SERIALS: std::ops::RangeInclusive<u32> = 100_000..=999_999;
/// No label is longer than this, in bytes.
pub const LARGEST: u64 = 16 << 10;

/// What a tape was made for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Traffic of running stations.
    Live,
    /// Made from a scenario's seed: anybody can make it again.
    Simulation,
}

/// What has become of a tape.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The key is there.
    Whole,
    /// The key is overwritten.
    Destroyed,
}

/// One copy of a tape, as its label describes it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// The number of the pair, six digits; both copies have it.
    pub serial: u32,
    /// Whose outgoing traffic it is for.
    pub from: Name,
    /// Who deciphers that traffic.
    pub to: Name,
    /// Which of the two this is.
    pub copy: Copy,
    /// The length, 1 to [`LONGEST`]; of a diskette, in octets.
    pub characters: u64,
    /// When it was made.
    pub made: Utc,
    /// SHA-256 of the key as made, 64 lower-case hexadecimal digits.
    pub checksum: String,
    /// What it was made for.
    pub kind: Kind,
    /// What it is. A label that does not say so is a tape's.
    #[serde(default, skip_serializing_if = "Medium::is_tape")]
    pub medium: Medium,
    /// The first position not used, from 0; `characters` when it is used up.
    pub next: u64,
    /// Whether the key is still there.
    pub state: State,
}

impl Label {
    /// Reads a label; the error is one sentence, with the line first where one is to blame.
    pub fn read(text: &str) -> Result<Label, String> {
        let label: Label = toml::from_str(text).map_err(|e| {
            let what = e.message().lines().next().unwrap_or_default();
            // What is missing stands on no line.
            let span = e.span().filter(|_| !what.starts_with("missing"));
            let line = span.map(|s| text.bytes().take(s.start).filter(|b| *b == b'\n').count() + 1);
            line.map_or_else(|| what.to_owned(), |n| format!("line {n}: {what}"))
        })?;
        label.check().map_err(|(key, what)| {
            let line = text.lines().position(|l| l.trim_start().starts_with(key));
            line.map_or_else(|| what.clone(), |n| format!("line {}: {what}", n + 1))
        })?;
        Ok(label)
    }

    /// As written beside the key.
    pub fn text(&self) -> String {
        let (does, twin) = match self.copy {
            Copy::Send => ("enciphers", "deciphers, hangs at"),
            Copy::Receive => ("deciphers", "enciphers, hangs at"),
        };
        let place = match self.copy {
            Copy::Send => &self.to,
            Copy::Receive => &self.from,
        };
        let body = toml::to_string(self).unwrap_or_default();
        format!(
            "# Key {} {}, for what {} sends to {}. This copy {does}; its twin {twin} {place}.\n\
             # Secret, and used once. molink keeps this label: see it with `molink keys show`, do not edit it.\n{body}",
            self.medium, self.serial, self.from, self.to
        )
    }

    /// For which direction it serves at a port of `station` that takes `wanted` and whose far end is `peer` (any other station if
    /// `None`); or why it cannot be used there.
    pub fn place(&self, wanted: Medium, station: &Name, peer: Option<&Name>) -> Result<Copy, String> {
        let (it, serial, from, to) = (self.medium, self.serial, &self.from, &self.to);
        let home = match self.copy {
            Copy::Send => from,
            Copy::Receive => to,
        };
        let other = if home == from { to } else { from };
        if from != station && to != station {
            return Err(format!("{it} {serial} is for what {from} sends to {to}, and this is {station}; hang it where it belongs"));
        }
        if it != wanted {
            return Err(format!(
                "{it} {serial} does not fit the machine at this port, which takes {wanted}s; hang it where {it}s are taken"
            ));
        }
        if home != station {
            let does = if self.copy == Copy::Send { "enciphers" } else { "deciphers" };
            return Err(format!(
                "this copy of {it} {serial} {does} and belongs at {home}; the two copies were swapped, hang the twin here and this one there"
            ));
        }
        if let Some(peer) = peer.filter(|p| *p != other) {
            return Err(format!("{it} {serial} is for what {from} sends to {to}, and the far end here is {peer}; hang it at another port"));
        }
        if self.kind == Kind::Simulation {
            return Err(format!(
                "{it} {serial} was made for a simulation, where its key can be made again; make one with `molink keys make`"
            ));
        }
        match self.state {
            State::Destroyed => Err(format!("{it} {serial} is destroyed; take it away, or keep it as the record")),
            State::Whole => Ok(self.copy),
        }
    }

    fn check(&self) -> Result<(), (&'static str, String)> {
        let it = self.medium;
        let hexadecimal = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if !SERIALS.contains(&self.serial) {
            return Err(("serial", format!("serial = `{}` is not a {it}'s serial; it has six digits", self.serial)));
        }
        if !(1..=LONGEST).contains(&self.characters) {
            return Err(("characters", format!("characters = `{}` is out of range; a {it} has 1 to {LONGEST}", self.characters)));
        }
        if self.next > self.characters {
            return Err(("next", format!("next = `{}` is beyond the end of a {it} of {} {}", self.next, self.characters, it.units())));
        }
        if self.checksum.len() != 64 || !self.checksum.bytes().all(hexadecimal) {
            return Err(("checksum", "checksum is not a SHA-256; it has 64 lower-case hexadecimal digits".to_owned()));
        }
        if self.from == self.to {
            return Err(("to", format!("from and to are both `{}`; a {it} is for what one station sends to another", self.to)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label() -> Label {
        Label {
            serial: 483_920,
            from: "washington".parse().unwrap(),
            to: "moscow".parse().unwrap(),
            copy: Copy::Send,
            characters: 120_000,
            made: "1963-08-30T16:00:00Z".parse().unwrap(),
            checksum: "0123456789abcdef".repeat(4),
            kind: Kind::Live,
            medium: Medium::Tape,
            next: 17,
            state: State::Whole,
        }
    }

    #[test]
    fn a_label_reads_back_and_speaks_to_people_first() {
        for copy in [Copy::Send, Copy::Receive] {
            for (kind, state) in [(Kind::Live, State::Destroyed), (Kind::Simulation, State::Whole)] {
                let label = Label { copy, kind, state, ..label() };
                assert_eq!(Label::read(&label.text()), Ok(label.clone()), "{}", label.text());
            }
        }
        let diskette = Label { medium: Medium::Diskette, ..label() };
        assert_eq!(Label::read(&diskette.text()), Ok(diskette.clone()));
        assert!(diskette.text().starts_with("# Key diskette 483920,") && diskette.text().contains("\nmedium = \"diskette\"\n"));
        let text = label().text();
        assert!(!text.contains("medium"), "labels of before there were diskettes have the same form");
        assert!(text.starts_with("# Key tape 483920, for what washington sends to moscow. This copy enciphers;"), "{text}");
        assert!(text.contains("\nserial = 483920\n") && text.contains("\ncopy = \"send\"\n"), "{text}");
    }

    #[test]
    fn what_is_wrong_with_a_label_is_named_with_its_line() {
        let text = label().text();
        for (from, to, named) in [
            ("serial = 483920", "serial = 12345", "line 3: serial = `12345`"),
            ("serial = 483920", "serial = -1", "line 3: "),
            ("characters = 120000", "characters = 100000001", "line 7: characters = `100000001`"),
            ("characters = 120000", "characters = 0", "line 7: characters = `0`"),
            ("next = 17", "next = 120001", "line 11: next = `120001` is beyond"),
            ("next = 17", "next = 17\nnexts = 1", "line 12: unknown field `nexts`"),
            ("next = 17\n", "", "missing field `next`"),
            ("checksum = \"0", "checksum = \"G", "line 9: checksum is not"),
            ("\"moscow\"", "\"washington\"", "line 5: from and to are both `washington`"),
            ("\"moscow\"", "\"mo scow\"", "line 5: `mo scow` is not a name"),
            ("\"send\"", "\"sent\"", "line 6: unknown variant `sent`"),
            ("\"live\"", "\"alive\"", "line 10: unknown variant `alive`"),
            ("1963-08-30T", "1963-08-30 in the year ", "line 8: "),
            ("serial =", "serial", "line 3: "),
        ] {
            assert!(text.contains(from), "{from}\n{text}");
            let why = Label::read(&text.replacen(from, to, 1)).unwrap_err();
            assert!(why.starts_with(named), "{to}: {why}");
        }
    }

    #[test]
    fn a_tape_serves_only_where_it_belongs() {
        let name = |s: &str| s.parse::<Name>().unwrap();
        let (send, receive) = (label(), Label { copy: Copy::Receive, ..label() });
        let [washington, moscow, paris] = ["washington", "moscow", "paris"].map(name);
        assert_eq!(send.place(Medium::Tape, &washington, Some(&moscow)), Ok(Copy::Send));
        assert_eq!(send.place(Medium::Tape, &washington, None), Ok(Copy::Send));
        assert_eq!(receive.place(Medium::Tape, &moscow, Some(&washington)), Ok(Copy::Receive));
        assert_eq!(receive.place(Medium::Tape, &moscow, None), Ok(Copy::Receive));
        for (label, station, peer, named) in [
            (&send, &paris, None, "and this is paris"),
            (&send, &moscow, None, "this copy of tape 483920 enciphers and belongs at washington"),
            (&receive, &washington, None, "this copy of tape 483920 deciphers and belongs at moscow"),
            (&send, &washington, Some(&paris), "the far end here is paris"),
            (&receive, &moscow, Some(&paris), "the far end here is paris"),
            (&Label { kind: Kind::Simulation, ..label() }, &washington, None, "made for a simulation"),
            (&Label { state: State::Destroyed, ..label() }, &washington, None, "is destroyed"),
            (
                &Label { medium: Medium::Diskette, ..label() },
                &washington,
                None,
                "diskette 483920 does not fit the machine at this port, which takes tapes",
            ),
        ] {
            let why = label.place(Medium::Tape, station, peer).unwrap_err();
            assert!(why.contains(named), "{why}");
        }
    }
}
