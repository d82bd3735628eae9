//! A message as a mail, and a mail as what came.
//!
//! Standards: RFC 5322, 2045 to 2047, 2183, 2231, 3676, 6758; which header and part becomes what is in `docs/mail.md`.
//! In: a [`crate::message::Message`], or the bytes of a mail in memory. Out: bytes, or a [`Mail`]: its heading, texts, and files as slices.
//! Left out: what a forwarded mail, a signed or an enciphered part holds (they are files). Shown by: `fixtures/mail`, `tests/it/mail.rs`.

mod alternative;
pub mod attached;
mod base64;
mod delivered;
mod domains;
mod encode;
mod fields;
mod flowed;
mod head;
mod heading;
mod name;
mod own;
mod quoted;
mod read;
mod text;
pub mod urgency;
mod uuencode;
mod walk;
mod write;

pub use crate::message::html::to_text;
pub use attached::Attached;
pub use delivered::{delivered_to, on_top};
pub use domains::Domains;
pub(super) use encode::{Head as HeadLines, folded, text as coded_text};
pub(in crate::email) use fields::all;
pub use fields::{field, header_of};
pub use heading::{Automatic, Heading, Mailbox};
pub use name::safe;
pub use own::Kind;
pub use read::read;
pub use walk::{Entity, leaves};
pub use write::{Outgoing, People, write, write_between};

/// The largest mail that is read, in bytes: it lies in memory once, and one file of it is taken out of it at a time.
pub const LARGEST: usize = 64 << 20;
/// The most of a mail's header that is read, in bytes; what stands behind is passed over, and said.
pub const LARGEST_HEADER: usize = 256 << 10;
/// The most of a part's header that is read, in bytes.
pub const LARGEST_PART_HEADER: usize = 16 << 10;
/// The deepest multipart that is taken apart; what lies deeper is one file.
pub const DEEPEST: usize = 100;
/// The most parts that a mail is taken apart into; with more, the whole mail is attached as it came.
pub const MOST_PARTS: usize = 1_000;
/// The longest text of a part, in bytes as it came; a longer one is a file.
pub const LONGEST_TEXT: usize = 1 << 20;

/// One piece of a mail, in the order in which a reader is meant to see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Piece<'a> {
    /// Text in lines parted by LF, the last without one.
    Text(String),
    /// Anything else.
    File(Attached<'a>),
}

/// A mail that was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mail<'a> {
    /// What its header says.
    pub heading: Heading,
    /// Texts and files.
    pub pieces: Vec<Piece<'a>>,
    /// What was wrong with it and what was made of that, a sentence each, [`MOST_NOTES`] at the most.
    pub notes: Vec<String>,
}

/// The most notes of one mail.
pub const MOST_NOTES: usize = 20;

/// Notes, bounded, each said once.
#[derive(Default, Debug)]
struct Notes(Vec<String>);

impl Notes {
    fn say(&mut self, note: impl Into<String>) {
        let note = note.into();
        if self.0.len() < MOST_NOTES && !self.0.contains(&note) {
            self.0.push(note);
        }
    }
}

impl Mail<'_> {
    /// Its files.
    pub fn files(&self) -> impl Iterator<Item = &Attached<'_>> {
        self.pieces.iter().filter_map(|p| match p {
            Piece::File(file) => Some(file),
            Piece::Text(_) => None,
        })
    }
    /// Its texts, joined by a blank line.
    pub fn text(&self) -> String {
        let texts: Vec<&str> = self
            .pieces
            .iter()
            .filter_map(|p| match p {
                Piece::Text(text) => Some(text.as_str()),
                Piece::File(_) => None,
            })
            .collect();
        texts.join("\n\n")
    }
    /// Its pieces as parts of a message; `keep` puts the bytes of a file where they are found again.
    pub fn content<E>(
        &self,
        mut keep: impl FnMut(&Attached<'_>) -> Result<crate::message::Blob, E>,
    ) -> Result<Vec<crate::message::Part>, E> {
        use crate::message::Part;
        let part = |piece: &Piece<'_>| match piece {
            Piece::Text(text) => Ok(Part::Text { text: text.clone() }),
            Piece::File(file) => keep(file).map(|blob| if file.page { Part::Page(blob) } else { Part::File(blob) }),
        };
        self.pieces.iter().map(part).collect()
    }
}

#[cfg(test)]
mod tests;
