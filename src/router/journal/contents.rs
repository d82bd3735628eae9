//! The bytes of pages and files, as a port may have them: read by name, or taken in.
//!
//! Standards: none (see `store`). In: a [`Blob`], or bytes with a name and a media type. Out: a file, or a [`Blob`] that is on disk.
//! Left out: what is in them; removal. Shown by: the tests below, `docs/add-a-backend.md`.

use super::store::{Incoming, LARGEST, PutError, Store, hexadecimal};
use crate::message::Blob;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Write};
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
    /// Takes in the bytes that `write` gives piece by piece, which must be those of the blob: on disk when this returns. What is here
    /// already is not written again. At the most [`Contents::LARGEST`].
    pub fn keep_from(&self, blob: &Blob, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), String> {
        let say = |e: PutError| format!("`{}`: {e}", blob.name);
        if self.store.size(&blob.sha256) == Some(blob.size) {
            return self.store.sync().map_err(say); // it may have its name since a moment ago
        }
        let incoming = self.store.make().and_then(|()| self.store.begin(&blob.sha256)).map_err(say)?;
        take(incoming, write).and_then(|incoming| incoming.keep()).map(drop).map_err(say)
    }
    /// The same of bytes whose hash is known at their end only: a mail as it comes.
    pub fn keep_stream(&self, name: &str, media_type: &str, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<Blob, String> {
        let incoming = self.store.make().and_then(|()| self.store.begin_unnamed());
        let kept = incoming.and_then(|incoming| take(incoming, write)).and_then(Incoming::keep_named);
        let (sha256, size, _) = kept.map_err(|e| format!("`{name}`: {e}"))?;
        Ok(Blob { sha256, name: name.to_owned(), media_type: media_type.to_owned(), size })
    }
    /// The most bytes one content may have.
    pub const LARGEST: u64 = LARGEST;
}

/// Lets somebody write into a content; what the disk said goes before what he says of it.
fn take(incoming: Incoming, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<Incoming, PutError> {
    struct Into(Incoming, Option<PutError>);
    impl Write for Into {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.0.write(bytes) {
                Ok(()) => Ok(bytes.len()),
                Err(why) => {
                    let said = io::Error::other(why.to_string());
                    self.1.get_or_insert(why);
                    Err(said)
                }
            }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut to = Into(incoming, None);
    let written = write(&mut to);
    match (to.1, written) {
        (Some(why), _) => Err(why),
        (None, Err(why)) => Err(PutError::Source(why)),
        (None, Ok(())) => Ok(to.0),
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
        assert!(contents.open(&Blob { sha256: "../x".into(), ..blob }).is_err(), "no path");
    }

    #[test]
    fn pieces_are_taken_in_as_they_come_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let contents = Contents::in_folder(dir.path().join("content"));
        let pieces = |out: &mut dyn Write| [&b"II"[..], b"*", b"\0"].iter().try_for_each(|piece| out.write_all(piece));
        let blob = contents.keep_stream("map.tif", "image/tiff", pieces).unwrap();
        assert_eq!(blob, contents.keep("map.tif", "image/tiff", b"II*\0").unwrap());
        contents.keep_from(&blob, |_| unreachable!("it is here")).unwrap();
        std::fs::remove_file(dir.path().join("content").join(&blob.sha256)).unwrap();
        assert!(contents.keep_from(&blob, |out| out.write_all(b"other")).unwrap_err().contains("`map.tif`: the bytes have the SHA-256"));
        let why = contents.keep_from(&blob, |out| out.write_all(b"II").and(Err(io::Error::other("the mail ends")))).unwrap_err();
        assert_eq!(why, "`map.tif`: the bytes cannot be read: the mail ends");
        let large = vec![0; 1 << 20];
        let why = contents.keep_stream("x", "y/z", |out| (0..65).try_for_each(|_| out.write_all(&large))).unwrap_err();
        assert_eq!(why, "`x`: the content is larger than 64 MiB; send it in parts");
        assert_eq!(std::fs::read_dir(dir.path().join("content")).unwrap().count(), 0);
        contents.keep_from(&blob, pieces).unwrap();
        assert!(contents.has(&blob));
    }
}
