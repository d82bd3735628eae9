//! The pages of a filed message as files: `DATA/fax/IDENTITY.tif` and `.pdf`; pictures and PDFs as they came.
//!
//! Standards: TIFF-F, PDF (see `fax::pages`). In: a message, its contents. Out: files, each written aside and renamed; a line for the paper each.
//! Nothing of a stranger's is drawn: a TIFF is read by the reader that is bounded, all else is copied. Left out: files that are no pages.
//! Shown by: the tests below, `tests/it/fax_document.rs`.

use crate::fax::pages::{Shown, shown};
use crate::message::{Blob, Identity, Message, Part};
use crate::paper::About;
use crate::router::Contents;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

/// Longest name of a part, in bytes.
const NAME: usize = 100;

/// Where pages are put.
pub(super) struct Faxes {
    pub contents: Contents,
    pub dir: PathBuf,
}

impl Faxes {
    /// Writes the files of a message; a line each that says what came. The error is this machine's: the same may go later.
    pub(super) fn write(&self, message: &Message, about: &About) -> Result<Vec<String>, String> {
        let (mut lines, mut sheets) = (vec![], 0);
        for (n, part) in message.content.iter().enumerate() {
            match part {
                Part::Text { .. } => {}
                // It never comes back; the paper is not to wait for it.
                Part::Page(blob) if !self.contents.has(blob) => {
                    lines.push(format!("{} ({}) is not at the station any more", blob.name, blob.media_type))
                }
                Part::File(blob) => lines.push(format!("{} ({}, {} bytes)", blob.name, blob.media_type, blob.size)),
                Part::Page(blob) => {
                    let mut file = self.contents.open(blob)?;
                    lines.push(if is_tiff(&mut file).map_err(|e| format!("`{}` cannot be read: {e}", blob.name))? {
                        sheets += 1;
                        let stem = if sheets == 1 { message.identity.to_string() } else { format!("{}-{}", message.identity, n + 1) };
                        self.tiff(file, &stem, about)?
                    } else {
                        self.copy(&mut file, &safe(&message.identity, n + 1, blob))?
                    });
                }
            }
        }
        Ok(lines)
    }
    /// The file as it came, and as a document.
    fn tiff(&self, mut file: File, stem: &str, about: &About) -> Result<String, String> {
        let tif = format!("{stem}.tif");
        self.copy(&mut file, &tif)?;
        file.rewind().map_err(|e| format!("`{tif}` cannot be read: {e}"))?;
        match shown(BufReader::new(file), &tif, about.clone()) {
            Ok(Shown { pdf, pages, rows, bad_rows }) => {
                self.put(&format!("{stem}.pdf"), &mut pdf.as_slice())?;
                let count = if pages == 1 { "1 page".to_owned() } else { format!("{pages} pages") };
                let bad = if bad_rows == 0 { String::new() } else { format!("; {bad_rows} of {rows} rows could not be read") };
                Ok(format!("{count}: fax/{tif}, fax/{stem}.pdf{bad}"))
            }
            Err(why) => Ok(format!("fax/{tif}, of which no PDF could be made: {why}")),
        }
    }
    fn copy(&self, file: &mut File, name: &str) -> Result<String, String> {
        file.rewind().map_err(|e| format!("`{name}` cannot be read: {e}"))?;
        self.put(name, file)?;
        Ok(format!("fax/{name}"))
    }
    /// Whole or not at all.
    fn put(&self, name: &str, bytes: &mut impl Read) -> Result<(), String> {
        let path = self.dir.join(name);
        let half = self.dir.join(format!("{name}.part"));
        put(&self.dir, &half, &path, bytes).map_err(|e| format!("the pages `{}` cannot be written: {e}", path.display()))
    }
}

fn put(dir: &Path, half: &Path, path: &Path, bytes: &mut impl Read) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let mut file = File::create(half)?;
    io::copy(bytes, &mut file)?;
    file.sync_all()?;
    fs::rename(half, path)
}

fn is_tiff(file: &mut File) -> io::Result<bool> {
    let mut head = vec![];
    file.by_ref().take(4).read_to_end(&mut head)?;
    file.rewind()?;
    Ok(head == b"II*\0" || head == b"MM\0*")
}

/// A name that cannot leave the folder, hide in it or be another message's.
fn safe(id: &Identity, part: usize, blob: &Blob) -> String {
    let kept = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let mut name = String::new();
    for c in blob.name.chars().map(kept) {
        if name.len() + c.len_utf8() > NAME {
            break;
        }
        name.push(c);
    }
    format!("{id}-{part}-{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fax::code::Damage;
    use crate::fax::file::PageAbout;
    use crate::fax::pages::{MOST_SHOWN, file_of};
    use crate::message::{Class, Envelope, Precedence};
    use crate::paper::{Page, Resolution};

    fn message(content: Vec<Part>) -> Message {
        let desk = |a: &str| a.parse().unwrap();
        let (from, to) = (desk("operator@washington"), desk("operator@moscow"));
        let envelope =
            Envelope { from, to, precedence: Precedence::Routine, class: Class::Message, subject: String::new(), via: vec![], post: None };
        Message { identity: "WASHINGTON-0001-19860830T1600Z".parse().unwrap(), envelope, content }
    }

    fn faxes(dir: &Path) -> Faxes {
        Faxes { contents: Contents::in_folder(dir.join("content")), dir: dir.join("fax") }
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut all: Vec<_> = fs::read_dir(dir.join("fax")).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
        all.sort();
        all
    }

    #[test]
    fn a_fax_becomes_a_tiff_and_a_document_and_the_paper_tells_what_was_lost() {
        let dir = tempfile::tempdir().unwrap();
        let faxes = faxes(dir.path());
        let page = Page::white(1728, 100, Resolution::FINE);
        let damage = Damage { rows: 100, bad_rows: 3, longest_bad_run: 2, ..Damage::default() };
        let file = file_of([(&page, damage), (&page, Damage::default())], &PageAbout::default()).unwrap();
        let blob = faxes.contents.keep("fax.tif", "image/tiff", &file).unwrap();
        let message = message(vec![Part::Page(blob.clone()), Part::Page(blob)]);
        let lines = faxes.write(&message, &About::default()).unwrap();
        assert_eq!(
            lines[0],
            "2 pages: fax/WASHINGTON-0001-19860830T1600Z.tif, fax/WASHINGTON-0001-19860830T1600Z.pdf; 3 of 200 rows could not be read"
        );
        let id = "WASHINGTON-0001-19860830T1600Z";
        assert_eq!(names(dir.path()), [format!("{id}-2.pdf"), format!("{id}-2.tif"), format!("{id}.pdf"), format!("{id}.tif")]);
        assert_eq!(fs::read(dir.path().join(format!("fax/{id}.tif"))).unwrap(), file);
        assert!(fs::read(dir.path().join(format!("fax/{id}.pdf"))).unwrap().starts_with(b"%PDF"));
        assert_eq!(faxes.write(&message, &About::default()).unwrap(), lines, "and again after a crash");
    }

    #[test]
    fn what_a_stranger_sent_is_copied_under_a_safe_name_and_not_drawn() {
        let dir = tempfile::tempdir().unwrap();
        let faxes = faxes(dir.path());
        let keep = |name: &str, kind: &str, bytes: &[u8]| Part::Page(faxes.contents.keep(name, kind, bytes).unwrap());
        let long = "Ж".repeat(300);
        let message = message(vec![
            keep("../../etc/passwd", "image/png", b"\x89PNG and nothing more"),
            keep(&long, "application/pdf", b"%PDF-1.4 (bomb)"),
            keep("bad.tif", "image/tiff", b"II*\0\x08\0\0\0"),
            Part::Text { text: "X".into() },
            Part::Page(Blob { sha256: "0".repeat(64), name: "gone.png".into(), media_type: "image/png".into(), size: 9 }),
        ]);
        let lines = faxes.write(&message, &About::default()).unwrap();
        let id = "WASHINGTON-0001-19860830T1600Z";
        assert_eq!(lines[0], format!("fax/{id}-1-.._.._etc_passwd"));
        assert!(lines[1].starts_with(&format!("fax/{id}-2-Ж")) && lines[1].len() < 150);
        assert!(lines[2].starts_with(&format!("fax/{id}.tif, of which no PDF could be made: {id}.tif")), "{}", lines[2]);
        assert_eq!(lines[3], "gone.png (image/png) is not at the station any more");
        assert_eq!(names(dir.path()).len(), 3);
    }

    #[test]
    fn a_file_that_says_it_has_very_many_pages_is_only_copied() {
        let dir = tempfile::tempdir().unwrap();
        let faxes = faxes(dir.path());
        let page = Page::white(1728, 1, Resolution::FINE);
        let many = std::iter::repeat_n((&page, Damage::default()), MOST_SHOWN.0 + 1);
        let file = file_of(many, &PageAbout::default()).unwrap();
        let blob = faxes.contents.keep("fax.tif", "image/tiff", &file).unwrap();
        let lines = faxes.write(&message(vec![Part::Page(blob)]), &About::default()).unwrap();
        assert!(lines[0].contains("more than 1000 pages"), "{}", lines[0]);
    }
}
