//! The bytes of pages and files, as a port may have them: read by name, or taken in.
//!
//! Standards: none (see `store`). In: a [`Blob`], or bytes with a name and a media type. Out: a file, or a [`Blob`] that is on disk.
//! Left out: what is in them; removal. Shown by: the tests below, `docs/add-a-backend.md`.

use super::store::{Incoming, LARGEST, PutError, Store, hexadecimal};
use crate::message::Blob;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

/// The contents of a station, from a port. Clones are cheap. Its calls wait for the disk: call them from a thread that may.
#[derive(Clone, Debug)]
pub struct Contents {
    store: Store,
}

impl Contents {
    /// Those in this folder, which the station has made.
    pub fn in_folder(dir: impl Into<PathBuf>) -> Contents {
        Contents { store: Store::at(dir) }
    }
    /// Opens one for reading; the sentence names it.
    pub fn open(&self, blob: &Blob) -> Result<File, String> {
        self.store.open(&blob.sha256).map_err(|e| format!("`{}`: {e}", blob.name))
    }
    /// Whether it is here.
    pub fn has(&self, blob: &Blob) -> bool {
        self.store.has(&blob.sha256)
    }
    /// Takes bytes in: on disk when this returns. At the most [`Contents::LARGEST`].
    pub fn keep(&self, name: &str, media_type: &str, bytes: &[u8]) -> Result<Blob, String> {
        let sha256 = hexadecimal(&Sha256::digest(bytes));
        self.store.make().and_then(|()| self.store.put(&sha256, bytes)).map_err(|e: PutError| format!("`{name}`: {e}"))?;
        Ok(Blob { sha256, name: name.to_owned(), media_type: media_type.to_owned(), size: bytes.len() as u64 })
    }
    /// Takes in what `write` writes, whose hash is known: on disk when this returns. What is here already is not written again.
    pub fn take_in(&self, blob: &Blob, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<(), String> {
        if self.has(blob) {
            return Ok(());
        }
        let say = |e: PutError| format!("`{}`: {e}", blob.name);
        let mut taking = Taking { incoming: self.store.make().and_then(|()| self.store.begin(&blob.sha256)).map_err(say)?, refused: None };
        match (write(&mut taking), taking.refused.take()) {
            (_, Some(why)) => Err(say(why)),
            (Err(e), None) => Err(format!("`{}`: {e}", blob.name)),
            (Ok(()), None) => taking.incoming.keep().map(drop).map_err(say),
        }
    }
    /// The most bytes one content may have.
    pub const LARGEST: u64 = LARGEST;
}

/// A content that is being written; what the store says is kept beside what the writer hears.
struct Taking {
    incoming: Incoming,
    refused: Option<PutError>,
}

impl Write for Taking {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let taken = self.incoming.write(bytes);
        taken.map(|()| bytes.len()).map_err(|why| {
            self.refused = Some(why);
            std::io::Error::other("the content was not taken")
        })
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn what_is_kept_is_read_back_and_what_is_not_there_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let contents = Contents::in_folder(dir.path().join("content"));
        let blob = contents.keep("map.tif", "image/tiff", b"II*\0").unwrap();
        assert_eq!(blob.size, 4);
        let mut read = vec![];
        contents.open(&blob).unwrap().read_to_end(&mut read).unwrap();
        assert_eq!(read, b"II*\0");
        let other = Blob { sha256: "0".repeat(64), ..blob.clone() };
        assert!(contents.has(&blob) && !contents.has(&other));
        assert!(contents.open(&other).unwrap_err().contains("`map.tif`"));
        contents.take_in(&blob, |_| panic!("it is here already")).unwrap();
        let abc = Blob { sha256: hexadecimal(&Sha256::digest(b"abc")), ..blob.clone() };
        assert!(contents.take_in(&abc, |out| out.write_all(b"abd")).unwrap_err().contains("SHA-256"));
        assert!(!contents.has(&abc));
        contents.take_in(&abc, |out| out.write_all(b"abc")).unwrap();
        assert!(contents.has(&abc));
        assert!(contents.open(&Blob { sha256: "../x".into(), ..blob }).is_err(), "no path");
    }
}
