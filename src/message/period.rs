//! The heading of a message in its period's form, written and read.
//!
//! Standards: after ACP 127 (ZCZC line 1, FM, TO, BT, NNNN); the identity line as on the link in 1973 (`USSR 01, 231600Z OCT 73`,
//! FRUS); the rest is ours, marked so in `docs/procedure.md`.
//! In: a message. Out: heading lines; from lines, a message. Left out: routing indicators, classification lines.
//! Shown by: `message::period::tests`, `fixtures/dialogues`.

use super::{Address, Class, Envelope, Identity, Message, Name, Part, Precedence};
use crate::time::Utc;

/// The heading lines that follow the channel line, `BT` included.
///
/// ```text
/// FLASH
/// WASHINGTON 01 301600Z AUG 63
/// FM OPERATOR AT WASHINGTON
/// TO OPERATOR AT MOSCOW
/// SUBJ TEST            (only with a subject)
/// VIA LONDON HELSINKI  (only when passed on)
/// BT
/// ```
///
/// The first line of a service message has a second word: `ROUTINE SVC`.
pub fn heading(message: &Message, subject: &str) -> Vec<String> {
    let e = &message.envelope;
    let desk = |a: &Address| format!("{} AT {}", a.desk.upper(), a.station.upper());
    let mut lines = vec![
        format!("{}{}", e.precedence, e.class.mark()).to_ascii_uppercase(),
        message.identity.heading(),
        format!("FM {}", desk(&e.from)),
        format!("TO {}", desk(&e.to)),
    ];
    if !subject.is_empty() {
        lines.push(format!("SUBJ {subject}"));
    }
    if !e.via.is_empty() {
        lines.push(format!("VIA {}", e.via.iter().map(Name::upper).collect::<Vec<_>>().join(" ")));
    }
    lines.push("BT".into());
    lines
}

/// Reads heading lines and text (all that stands between the channel line and the end sequence); `near` settles the century.
///
/// The error says which line was not as expected.
pub fn read(lines: &str, near: Utc) -> Result<Message, String> {
    let mut rest = lines;
    let mut line = || -> Result<&str, String> {
        let (first, tail) = rest.split_once('\n').ok_or("the heading ends before BT")?;
        rest = tail;
        Ok(first)
    };
    let (precedence, class) = urgency(line()?)?;
    let id = line()?;
    let identity = Identity::from_heading(id, near).ok_or_else(|| format!("`{id}` is not an identity line"))?;
    let from = address(line()?, "FM ")?;
    let to = address(line()?, "TO ")?;
    let (mut subject, mut via) = (String::new(), vec![]);
    loop {
        match line()? {
            "BT" => break,
            l if l.starts_with("SUBJ ") && subject.is_empty() => subject = l[5..].to_owned(),
            l if l.starts_with("VIA ") && via.is_empty() => {
                via = l[4..].split(' ').map(str::parse).collect::<Result<Vec<Name>, String>>()?;
            }
            other => return Err(format!("`{other}` is not a heading line")),
        }
    }
    let text = rest.strip_suffix("\nBT").or(if rest == "BT" { Some("") } else { None }).ok_or("no BT after the text")?;
    let content = if text.is_empty() { vec![] } else { vec![Part::Text { text: text.to_owned() }] };
    Ok(Message { identity, envelope: Envelope { from, to, precedence, class, subject, via, post: None }, content })
}

/// The first line: the precedence, and the mark of a service message (`FLASH`, `ROUTINE SVC`).
pub fn urgency(line: &str) -> Result<(Precedence, Class), String> {
    match line.split_once(' ') {
        Some((precedence, "SVC")) => Ok((precedence.parse()?, Class::Service)),
        Some(_) | None => Ok((line.parse()?, Class::Message)),
    }
}

fn address(line: &str, prosign: &str) -> Result<Address, String> {
    let bad = || format!("`{line}` is not `{prosign}DESK AT STATION`");
    let (desk, station) = line.strip_prefix(prosign).and_then(|a| a.split_once(" AT ")).ok_or_else(bad)?;
    Ok(Address { desk: desk.parse().map_err(|_| bad())?, station: station.parse().map_err(|_| bad())? })
}

/// An address as people type it on a machine, with or without an `@`: `OPERATOR AT MOSCOW`, `OPERATOR/MOSCOW`, `OPERATOR@MOSCOW`.
pub fn typed_address(text: &str) -> Result<Address, String> {
    let parted = text.split_once(" AT ").or_else(|| text.split_once('@')).or_else(|| text.split_once('/'));
    let Some((desk, station)) = parted else {
        let shown: String = text.chars().take(40).collect();
        return Err(format!("`{}` is not an address; type it as TO DESK AT STATION", shown.escape_debug()));
    };
    Ok(Address { desk: desk.trim().parse()?, station: station.trim().parse()? })
}

/// The message as a page printer shows it: heading, text, end; lines parted by LF, with a final one. Pages and files are named below the text.
pub fn paper(message: &Message) -> String {
    let named = |part: &Part| match part {
        Part::Text { .. } => None,
        Part::Page(blob) | Part::File(blob) => Some(format!("{} ({}, {} bytes)", blob.name, blob.media_type, blob.size)),
    };
    paper_with(message, &message.content.iter().filter_map(named).collect::<Vec<_>>())
}

/// The same, with lines below the text that say what else came.
pub fn paper_with(message: &Message, enclosed: &[String]) -> String {
    let mut lines = heading(message, &message.envelope.subject);
    lines.extend(Some(message.text()).filter(|text| !text.is_empty() || enclosed.is_empty()));
    let clean = |line: &String| format!("ENCL {}", line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>());
    lines.extend(enclosed.iter().map(clean));
    lines.push("BT".into());
    lines.push(String::new());
    lines.push("NNNN".into());
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(subject: &str, text: &str, via: &[&str]) -> Message {
        Message {
            identity: "WASHINGTON-0001-19630830T1600Z".parse().unwrap(),
            envelope: Envelope {
                from: "operator@washington".parse().unwrap(),
                to: "operator@moscow".parse().unwrap(),
                precedence: Precedence::Flash,
                class: Class::Message,
                subject: subject.into(),
                via: via.iter().map(|v| v.parse().unwrap()).collect(),
                post: None,
            },
            content: if text.is_empty() { vec![] } else { vec![Part::Text { text: text.into() }] },
        }
    }

    #[test]
    fn heading_and_text_read_back() {
        for (subject, text, via) in
            [("TEST", "LINE 1\n\nLINE 3", &["london"][..]), ("", "BT", &[]), ("", "", &["a", "b"]), ("", "BT\nNNNN", &[])]
        {
            let m = sample(subject, text, via);
            let mut wire = heading(&m, subject).join("\n") + "\n" + text;
            wire += if text.is_empty() { "BT" } else { "\nBT" };
            assert_eq!(read(&wire, m.identity.dtg.utc()).as_ref(), Ok(&m), "{wire}");
        }
    }

    #[test]
    fn a_service_message_says_so_behind_its_precedence_and_reads_back() {
        for precedence in Precedence::ALL {
            let mut m = sample("SVC", "SVC", &[]);
            (m.envelope.precedence, m.envelope.class) = (precedence, Class::Service);
            let lines = heading(&m, "SVC");
            assert_eq!(lines[0], format!("{} SVC", precedence.word().to_uppercase()));
            assert_eq!(read(&(lines.join("\n") + "\nSVC\nBT"), m.identity.dtg.utc()), Ok(m));
        }
        assert!(paper(&sample("", "X", &[])).starts_with("FLASH\n"), "an ordinary message has no second word");
        let wire = heading(&sample("", "X", &[]), "").join("\n") + "\nX\nBT";
        for bad in ["FLASH SVX", "FLASH SVC SVC", "SVC", "FLASH "] {
            let why = read(&wire.replacen("FLASH", bad, 1), Utc(0)).unwrap_err();
            assert!(why.contains("is not a precedence"), "{why}");
        }
    }

    #[test]
    fn an_address_is_taken_with_at_with_a_stroke_and_with_the_sign() {
        for typed in ["OPERATOR AT MOSCOW", "OPERATOR / MOSCOW", "OPERATOR@MOSCOW", "operator/moscow"] {
            assert_eq!(typed_address(typed).unwrap().to_string(), "operator@moscow", "{typed}");
        }
        assert!(typed_address("OPERATOR MOSCOW").unwrap_err().contains("TO DESK AT STATION"));
        assert!(typed_address("1ST AT MOSCOW").unwrap_err().contains("`1ST`"));
    }

    #[test]
    fn a_damaged_heading_names_the_line() {
        let m = sample("", "X", &[]);
        let wire = heading(&m, "").join("\n") + "\nX\nBT";
        for (from, to, named) in
            [("FLASH", "FLAHS", "FLAHS"), ("FM ", "FN ", "FN OPERATOR"), (" AUG ", " AGU ", "identity"), ("\nBT\nX", "\nX", "`X`")]
        {
            let why = read(&wire.replacen(from, to, 1), Utc(0)).unwrap_err();
            assert!(why.contains(named), "{why}");
        }
        assert!(read("", Utc(0)).is_err());
    }
}
