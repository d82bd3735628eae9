//! What a file is: by its name, by `--from` and `--to`, and by its first bytes.
//!
//! Standards: endings as the field has them (RFC 3950 `.tif`; netpbm; `.g3` and `.g4` of fax programs). In: names. Out: [`Kind`], [`To`].
//! Left out: what is in the file beyond its first bytes. Shown by: the tests below, `fixtures/answers/convert.txt`.

use crate::cli::Usage;
use crate::fax::code::Coding;
use crate::fax::kind::{Kind, begins};
use crate::fax::raw::Family;
use std::path::Path;

/// What is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum To {
    Pdf,
    Tiff(Coding),
    Pbm,
    Png,
    Raw(Coding),
}

/// MR with as many two-dimensional rows as T.4 4.2.1 allows at fine resolution; at standard it is 2.
const MR: Coding = Coding::Mr { k: 4 };

const INPUTS: [(&str, Kind); 18] = [
    ("txt", Kind::Text),
    ("text", Kind::Text),
    ("png", Kind::Picture),
    ("jpg", Kind::Picture),
    ("jpeg", Kind::Picture),
    ("gif", Kind::Picture),
    ("bmp", Kind::Picture),
    ("webp", Kind::Picture),
    ("pgm", Kind::Picture),
    ("ppm", Kind::Picture),
    ("pdf", Kind::Pdf),
    ("tif", Kind::Tiff),
    ("tiff", Kind::Tiff),
    ("pbm", Kind::Pbm),
    ("g3", Kind::Raw(Family::G3)),
    ("g4", Kind::Raw(Family::G4)),
    ("mh", Kind::Raw(Family::Known(Coding::Mh))),
    ("mr", Kind::Raw(Family::Known(MR))),
];
const KNOWN_INPUTS: &str = "txt, png, jpg, gif, bmp, webp, pgm, ppm, pdf, tif, pbm, g3, g4, mh, mr, mmr";
const KNOWN_OUTPUTS: &str = "pdf, tif, pbm, png, g3, g4, mh, mr, mmr";

fn ending(path: &Path) -> String {
    path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
}

fn input(name: &str) -> Option<Kind> {
    let same = |known: &&(&str, Kind)| known.0.eq_ignore_ascii_case(name);
    let mmr = name.eq_ignore_ascii_case("mmr").then_some(Kind::Raw(Family::G4));
    INPUTS.iter().find(same).map(|(_, from)| *from).or(mmr)
}

/// What `--from` names.
pub fn from(name: &str) -> Result<Kind, String> {
    input(name).ok_or_else(|| format!("`{name}` is no format that is read; give one of: {KNOWN_INPUTS}"))
}

/// What `--to` names, and the ending of an output.
pub fn to(name: &str) -> Result<String, String> {
    let name = name.to_ascii_lowercase();
    let known = KNOWN_OUTPUTS.split(", ").any(|known| known == name) || name == "tiff";
    known.then_some(name.clone()).ok_or_else(|| format!("`{name}` is no format that is written; give one of: {KNOWN_OUTPUTS}"))
}

/// What an input is: as told, else by its ending, else by how it begins. `shown` is how errors call it.
pub fn of_input(path: &Path, shown: &str, told: Option<Kind>, head: &[u8]) -> Result<Kind, Usage> {
    let named = told.or_else(|| input(&ending(path)));
    let Some(named) = named else {
        let seen = begins(head).map(|(from, _)| from);
        // A pipe that does not say is a text, as everywhere in this program.
        let seen = seen.or((path.as_os_str() == "-").then_some(Kind::Text));
        return seen.ok_or_else(|| Usage(format!("{shown}: its ending does not say what it is; give --from with one of: {KNOWN_INPUTS}")));
    };
    match begins(head) {
        Some((seen, name)) if told.is_none() && seen != named && !matches!(named, Kind::Text | Kind::Raw(_)) => {
            Err(Usage(format!("{shown}: it begins as a .{name} does; rename it, or give --from {name}")))
        }
        _ => Ok(named),
    }
}

/// What `--coding` names.
pub fn coding(name: &str) -> Result<Coding, String> {
    match name {
        "mh" => Ok(Coding::Mh),
        "mr" => Ok(MR),
        "mmr" => Ok(Coding::Mmr),
        _ => Err(format!("`{name}` is no coding of fax; give mh, mr or mmr")),
    }
}

/// What is made: by `--to`, else by the ending; `coding` where the format leaves it open.
pub fn of_output(path: &Path, shown: &str, told: Option<&str>, coding: Option<Coding>) -> Result<To, Usage> {
    let name = match told {
        Some(name) => name.to_owned(),
        None if path.as_os_str() == "-" => {
            return Err(Usage(format!("standard output has no ending; give --to with one of: {KNOWN_OUTPUTS}")));
        }
        None => to(&ending(path))
            .map_err(|_| Usage(format!("{shown}: its ending does not say what to make; it is one of: {KNOWN_OUTPUTS} (or give --to)")))?,
    };
    let only = |to: To, takes: Coding, why: &str| match coding {
        Some(other) if other != takes => Err(Usage(format!("--coding `{}` does not go with {name}: {why}", spoken(other)))),
        _ => Ok(to),
    };
    match name.as_str() {
        "pdf" => only(To::Pdf, Coding::Mmr, "its pages are mmr"),
        "tif" | "tiff" => Ok(To::Tiff(coding.unwrap_or(Coding::Mmr))),
        "g4" | "mmr" => only(To::Raw(Coding::Mmr), Coding::Mmr, "Group 4 is mmr"),
        "mh" => only(To::Raw(Coding::Mh), Coding::Mh, "it is mh"),
        "mr" => only(To::Raw(MR), MR, "it is mr"),
        "g3" if coding == Some(Coding::Mmr) => only(To::Raw(Coding::Mh), Coding::Mh, "Group 3 is mh or mr"),
        "g3" => Ok(To::Raw(coding.unwrap_or(Coding::Mh))),
        _ if coding.is_some() => Err(Usage(format!("--coding does not go with {name}, which has rows as they are; leave it away"))),
        "pbm" => Ok(To::Pbm),
        _ => Ok(To::Png),
    }
}

/// How a report calls it.
pub fn named(to: To) -> String {
    match to {
        To::Pdf => "pdf".into(),
        To::Pbm => "pbm".into(),
        To::Png => "png".into(),
        To::Tiff(coding) => format!("tif {}", spoken(coding)),
        To::Raw(coding) => format!("raw {}", spoken(coding)),
    }
}

/// The coding's name.
pub fn spoken(coding: Coding) -> &'static str {
    match coding {
        Coding::Mh => "mh",
        Coding::Mr { .. } => "mr",
        Coding::Mmr => "mmr",
    }
}

/// MR at standard resolution has a one-dimensional row at least every other row (T.4 4.2.1).
pub fn at(coding: Coding, rows_an_inch: u16) -> Coding {
    match coding {
        Coding::Mr { .. } if rows_an_inch < 150 => Coding::Mr { k: 2 },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, told: Option<Kind>, head: &[u8]) -> Result<Kind, String> {
        of_input(Path::new(name), name, told, head).map_err(|e| e.0)
    }

    fn made(name: &str, told: Option<&str>, coding: Option<Coding>) -> Result<To, String> {
        of_output(Path::new(name), name, told, coding).map_err(|e| e.0)
    }

    #[test]
    fn inputs_are_known_by_name_option_or_beginning() {
        assert_eq!(read("a.TXT", None, b"hello"), Ok(Kind::Text));
        assert_eq!(read("a.jpeg", None, b"\xff\xd8\xff\xe0"), Ok(Kind::Picture));
        assert_eq!(read("a.mmr", None, b""), Ok(Kind::Raw(Family::G4)));
        assert_eq!(read("-", None, b"%PDF-1.4"), Ok(Kind::Pdf));
        assert_eq!(read("-", None, "Привет".as_bytes()), Ok(Kind::Text));
        assert_eq!(read("fax", None, b"II*\0"), Ok(Kind::Tiff));
        assert_eq!(read("a.txt", None, b"P4 is a format"), Ok(Kind::Text), "a text may begin with anything");
        assert_eq!(read("a.png", Some(Kind::Pdf), b"\x89PNG"), Ok(Kind::Pdf), "as told");
        assert!(read("a.tif", None, b"%PDF-1.4").unwrap_err().contains("begins as a .pdf does"));
        assert!(read("fax", None, b"?").unwrap_err().contains("--from"));
        assert!(from("doc").unwrap_err().contains("`doc`"));
    }

    #[test]
    fn outputs_are_known_by_name_and_take_the_codings_they_can() {
        assert_eq!(made("a.pdf", None, Some(Coding::Mmr)), Ok(To::Pdf));
        assert_eq!(made("a.TIFF", None, None), Ok(To::Tiff(Coding::Mmr)));
        assert_eq!(made("a.tif", None, Some(Coding::Mh)), Ok(To::Tiff(Coding::Mh)));
        assert_eq!(made("a.g3", None, Some(MR)), Ok(To::Raw(MR)));
        assert_eq!(made("-", Some("png"), None), Ok(To::Png));
        for (name, coding) in
            [("a.pdf", Coding::Mh), ("a.g3", Coding::Mmr), ("a.g4", MR), ("a.mh", MR), ("a.png", Coding::Mh), ("a.pbm", MR)]
        {
            assert!(made(name, None, Some(coding)).unwrap_err().contains("--coding"), "{name}");
        }
        assert!(made("-", None, None).unwrap_err().contains("--to"));
        assert!(made("a.jpg", None, None).unwrap_err().contains("it is one of"));
        assert_eq!((at(MR, 98), at(MR, 196)), (Coding::Mr { k: 2 }, MR));
    }
}
