//! What a fax call says of its message: the envelope between stations of molink, and the digits of a sub-address.
//!
//! Standard: SUB is ITU-T T.30 5.3.6.2.9's, its digits are ours; the envelope goes in NSS (`t30::facility`) and is ours (`docs/fax-call.md`).
//! In: identity, envelope, which pages. Out: octets of an entry, twenty digits; and back, checked: what comes is hostile.
//! Left out: content. Shown by: the tests below.

use super::pages::MOST_PAGES;
use crate::message::{Address, Class, Envelope, Identity, Name, Precedence};
use crate::time::{Dtg, Utc};

/// Most stations that a message has passed.
const MOST_VIA: usize = 16;
/// Longest subject in characters.
const MOST_SUBJECT: usize = 200;

/// What a call says of its message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cover {
    /// Whose message.
    pub identity: Identity,
    /// From whom, for whom.
    pub envelope: Envelope,
    /// Which page of it the call begins with, from 1.
    pub first: usize,
    /// How many pages it has in all.
    pub pages: usize,
}

impl Cover {
    /// The octets of an entry: one field a line.
    pub fn encode(&self) -> Vec<u8> {
        let (id, e) = (&self.identity, &self.envelope);
        let via = e.via.iter().map(Name::to_string).collect::<Vec<_>>().join(",");
        let urgency = format!("{}{}", e.precedence, e.class.mark());
        format!("{id}\n{}\n{}\n{urgency}\n{}/{}\n{via}\n{}", e.from, e.to, self.first, self.pages, e.subject).into_bytes()
    }
    /// Reads them; the error names the field.
    pub fn decode(octets: &[u8]) -> Result<Cover, String> {
        let text = std::str::from_utf8(octets).map_err(|_| "the envelope is no UTF-8".to_owned())?;
        let mut lines = text.splitn(7, '\n');
        let mut line = |what: &str| lines.next().ok_or_else(|| format!("the envelope ends before its {what}"));
        let identity: Identity = line("identity")?.parse()?;
        let (from, to): (Address, Address) = (line("sender")?.parse()?, line("addressee")?.parse()?);
        let urgency = line("precedence")?;
        let (precedence, class) = urgency.split_once(' ').map_or((urgency, Class::Message), |(p, _)| (p, Class::Service));
        let precedence: Precedence = precedence.parse()?;
        if format!("{precedence}{}", class.mark()) != urgency {
            return Err(format!("`{}` is no precedence and class of an envelope", urgency.escape_debug()));
        }
        let (first, pages) = span(line("pages")?)?;
        let via = line("stations passed")?.split(',').filter(|name| !name.is_empty()).take(MOST_VIA + 1);
        let via = via.map(str::parse).collect::<Result<Vec<Name>, String>>()?;
        if via.len() > MOST_VIA {
            return Err(format!("the message has passed more than {MOST_VIA} stations"));
        }
        let subject = line("subject")?.to_owned();
        if subject.chars().count() > MOST_SUBJECT || subject.contains(char::is_control) {
            return Err(format!("the subject is not one line of {MOST_SUBJECT} characters at the most"));
        }
        Ok(Cover { identity, envelope: Envelope { from, to, precedence, class, subject, via, post: None }, first, pages })
    }
}

/// `2/5`: the first page of a call, and how many the message has.
fn span(text: &str) -> Result<(usize, usize), String> {
    let number = |t: &str| t.parse::<usize>().ok().filter(|n| (1..=MOST_PAGES).contains(n));
    let span = text.split_once('/').and_then(|(first, of)| Some((number(first)?, number(of)?)));
    span.filter(|(first, of)| first <= of).ok_or_else(|| format!("`{}` are no pages: 1/3 is the first of three", text.escape_debug()))
}

/// What the digits of a sub-address say, if a station of molink made them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sub {
    /// The number of the station that the message is from.
    pub station: u8,
    /// Its date-time group.
    pub dtg: Dtg,
    /// Its serial.
    pub serial: u32,
    /// The first page of the call, from 1.
    pub first: usize,
}

impl Sub {
    /// The message of a station of this number; `None` where it does not fit into twenty digits.
    pub fn of(station: Option<u8>, identity: &Identity, first: usize) -> Option<Sub> {
        let fits = identity.serial <= 99_999 && (1..=999).contains(&first);
        let station = station.filter(|n| *n <= 99 && fits)?;
        Some(Sub { station, dtg: identity.dtg, serial: identity.serial, first })
    }
    /// Station (2), year, month, day, hour and minute in two digits each, serial (5), first page (3).
    pub fn digits(&self) -> String {
        let Dtg { year, month, day, hour, minute } = self.dtg;
        let year = year.rem_euclid(100);
        format!("{:02}{year:02}{month:02}{day:02}{hour:02}{minute:02}{:05}{:03}", self.station, self.serial, self.first)
    }
    /// Reads them; the century is the one nearest to `near`.
    pub fn read(text: &str, near: Utc) -> Option<Sub> {
        if text.len() != 20 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let n = |from: usize, to: usize| text[from..to].parse::<u32>().ok();
        let here = i32::from(Dtg::of(near).year);
        let two = n(2, 4)? as i32;
        let year = [-100, 0, 100].map(|c| here - here.rem_euclid(100) + c + two).into_iter().min_by_key(|y| (y - here).abs())?;
        let dtg: Dtg = format!("{year:04}{}T{}Z", &text[4..8], &text[8..12]).parse().ok()?;
        let first = n(17, 20).filter(|first| *first > 0)?;
        Some(Sub { station: n(0, 2)? as u8, dtg, serial: n(12, 17)?, first: first as usize })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cover() -> Cover {
        let envelope = Envelope {
            from: "operator@washington".parse().unwrap(),
            to: "duty-officer@moscow".parse().unwrap(),
            precedence: Precedence::Flash,
            class: Class::Service,
            subject: "КАРТА, sheet 2".into(),
            via: vec!["london".parse().unwrap(), "helsinki".parse().unwrap()],
            post: None,
        };
        Cover { identity: "WASHINGTON-0012-19630830T1600Z".parse().unwrap(), envelope, first: 2, pages: 5 }
    }

    #[test]
    fn an_envelope_reads_back() {
        let plain =
            Cover { envelope: Envelope { via: vec![], subject: String::new(), class: Class::Message, ..cover().envelope }, ..cover() };
        for cover in [cover(), plain] {
            assert_eq!(Cover::decode(&cover.encode()), Ok(cover));
        }
    }

    #[test]
    fn what_is_no_envelope_is_named_by_its_field() {
        let whole = String::from_utf8(cover().encode()).unwrap();
        let why = |from: &str, to: &str| Cover::decode(whole.replacen(from, to, 1).as_bytes()).unwrap_err();
        assert_eq!(Cover::decode(b"\xff").unwrap_err(), "the envelope is no UTF-8");
        assert_eq!(Cover::decode(b"WASHINGTON-0012-19630830T1600Z").unwrap_err(), "the envelope ends before its sender");
        assert!(why("WASHINGTON-0012", "../WASHINGTON").contains("is not a message identity"));
        assert!(why("duty-officer@", "duty officer@").contains("is not a name"));
        assert!(why("flash svc", "flash now").contains("no precedence and class"));
        assert_eq!(why("2/5", "6/5"), "`6/5` are no pages: 1/3 is the first of three");
        assert_eq!(why("2/5", "1/9999"), "`1/9999` are no pages: 1/3 is the first of three");
        assert!(why("london", &"a,".repeat(40)).contains("more than 16 stations"));
        assert!(why("sheet", "she\net").contains("one line"));
    }

    #[test]
    fn a_sub_address_has_twenty_digits_or_is_not_said() {
        let id = cover().identity;
        let sub = Sub::of(Some(7), &id, 12).unwrap();
        assert_eq!(sub.digits(), "07630830160000012012");
        assert_eq!(Sub::read(&sub.digits(), id.dtg.utc()), Some(sub));
        assert_eq!(Sub::of(None, &id, 1), None);
        assert_eq!(Sub::of(Some(7), &Identity { serial: 100_000, ..id.clone() }, 1), None);
        assert_eq!(Sub::of(Some(7), &id, 1000), None);
        for other in ["", "12345", "07639930160000012012", "0763083016000001201x", "07630830160000012000"] {
            assert_eq!(Sub::read(other, id.dtg.utc()), None, "{other}");
        }
    }
}
