//! A file that came with a mail: its name, type, size and hash, and its bytes as a slice of the mail that is decoded when it is asked for.
//!
//! Standards: RFC 2045 6, SHA-256 (FIPS 180-4). In: a slice and how it is coded. Out: bytes, to a stream or at once.
//! Left out: what is in it. Shown by: `email::mime::tests`.

use super::head::Coding;
use super::{base64, quoted, uuencode};
use crate::message::Blob;
use sha2::{Digest, Sha256};
use std::io::Write;

/// A file that came with a mail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attached<'a> {
    /// Name (safe), type, size and hash.
    pub blob: Blob,
    /// Whether it is a page to look at.
    pub page: bool,
    coded: &'a [u8],
    coding: Coding,
}

impl<'a> Attached<'a> {
    /// Reads it once, for its size and hash; also tells how many signs of its coding were damaged.
    pub(super) fn of(coded: &'a [u8], coding: Coding, name: String, media_type: String) -> (Attached<'a>, usize) {
        let (mut hash, mut size) = (Sha256::new(), 0);
        let bad = each(coded, coding, |bytes: &[u8]| {
            hash.update(bytes);
            size += bytes.len() as u64;
            Ok::<(), std::convert::Infallible>(())
        });
        let sha256 = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
        let page = crate::message::is_page(&media_type);
        let file = Attached { blob: Blob { sha256, name, media_type, size }, page, coded, coding };
        (file, bad.unwrap_or(0))
    }
    /// Writes its bytes, some kilobytes at a time.
    pub fn write_to(&self, out: &mut dyn Write) -> std::io::Result<()> {
        each(self.coded, self.coding, |bytes| out.write_all(bytes)).map(drop)
    }
    /// Its bytes, at once.
    pub fn bytes(&self) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.blob.size as usize);
        let _ = self.write_to(&mut all); // memory takes it
        all
    }
}

/// Hands out the decoded bytes piece by piece; gives how many signs were damaged.
pub(super) fn each<E>(coded: &[u8], coding: Coding, mut out: impl FnMut(&[u8]) -> Result<(), E>) -> Result<usize, E> {
    match coding {
        Coding::Plain => out(coded).map(|()| 0),
        Coding::Base64 => base64::decode(coded, out),
        Coding::Quoted => quoted::decode(coded, out),
        Coding::Uuencode => uuencode::decode(coded, out),
    }
}
