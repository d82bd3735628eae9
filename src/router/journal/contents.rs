//! The bytes of pages and files, as a port may have them: read by name, or taken in.
//!
//! Standards: none (see `store`). In: a [`Blob`], or bytes with a name and a media type. Out: a file, or a [`Blob`] that is on disk.
//! Left out: what is in them; removal. Shown by: the tests below, `docs/add-a-backend.md`.

use super::store::{LARGEST, PutError, Store, hexadecimal};
use crate::message::Blob;
use sha2::{Digest, Sha256};
use std::fs::File;
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
    /// The most bytes one content may have.
    pub const LARGEST: u64 = LARGEST;
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
        assert!(contents.open(&Blob { sha256: "../x".into(), ..blob }).is_err(), "no path");
    }
}
