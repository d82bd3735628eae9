//! A far end's stream: its errors in words for people, the word of a far end that is occupied, a place in the line given back at its end.
//!
//! Standards: OCC, "subscriber is engaged", of telex (ITU-T F.60). In: any stream of bytes. Out: the same stream, an end said as what it is.
//! Left out: what the codes mean otherwise. Shown by: `tests/it/ip.rs`, the tests below.

use super::tcp::{Patience, plain};
use crate::line::device::AsyncReadWrite;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;

/// What a second caller gets, and then the end: CR CR LF, LTRS, `OCC`, CR CR LF. The codes are the same in ITA2, US-TTY and MTK-2.
pub const OCCUPIED: [u8; 10] = [0x08, 0x08, 0x02, 0x1f, 0x18, 0x0e, 0x0e, 0x08, 0x08, 0x02];

/// How an error of a stream is said, if the stream has words of its own.
pub type Words = Box<dyn Fn(&io::Error) -> Option<String> + Send>;

/// A connection to a far end.
pub struct Far {
    stream: Box<dyn AsyncReadWrite>,
    /// Read before anybody asked for it.
    ahead: Vec<u8>,
    /// The first bytes that came, up to one more than `OCCUPIED` has.
    first: Vec<u8>,
    words: Words,
    /// Held as long as this far end has the line.
    _place: Option<OwnedSemaphorePermit>,
}

impl Far {
    /// A far end on `stream`, of which `ahead` has been read already.
    pub fn new(stream: Box<dyn AsyncReadWrite>, ahead: Vec<u8>, words: Words) -> Far {
        Far { stream, ahead, first: vec![], words, _place: None }
    }
    /// It has the line until it is dropped.
    pub fn in_place(mut self, place: OwnedSemaphorePermit) -> Far {
        self._place = Some(place);
        self
    }
    /// Says that another has the line, and ends. Bounded by the caller.
    pub async fn turn_away(mut self) {
        let _ = self.stream.write_all(&OCCUPIED).await;
        let _ = self.stream.flush().await;
        let _ = self.stream.shutdown().await;
        // What it has sent is read: with bytes unread the kernel would end it by a reset, and the word would be lost.
        let mut rest = [0; 256];
        while matches!(self.stream.read(&mut rest).await, Ok(1..)) {}
    }

    fn note(&mut self, came: &[u8]) {
        let room = (OCCUPIED.len() + 1).saturating_sub(self.first.len());
        self.first.extend(came.iter().take(room));
    }
    /// The end of the stream, or what it means.
    fn ended(&self) -> io::Result<()> {
        match self.first == OCCUPIED {
            true => Err(io::Error::other("the far end has another caller on this line (OCC)")),
            false => Ok(()),
        }
    }
    fn in_words(&self, e: io::Error) -> io::Error {
        let longest = Patience::LINE.longest().as_secs();
        let said = (self.words)(&e).or_else(|| match e.kind() {
            io::ErrorKind::TimedOut => Some(format!("the far end has vanished: nothing came from it for {longest} s")),
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Some("the far end broke the connection off".into()),
            _ => None,
        });
        io::Error::new(e.kind(), said.unwrap_or_else(|| plain(&e)))
    }
}

impl AsyncRead for Far {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        if !this.ahead.is_empty() {
            let some: Vec<u8> = this.ahead.drain(..this.ahead.len().min(buf.remaining())).collect();
            this.note(&some);
            buf.put_slice(&some);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        match ready!(Pin::new(&mut this.stream).poll_read(cx, buf)) {
            Ok(()) if buf.filled().len() == before => Poll::Ready(this.ended()),
            Ok(()) => {
                this.note(&buf.filled()[before..]);
                Poll::Ready(Ok(()))
            }
            // TLS without its farewell: the process was killed, or the line cut. Receipts tell what arrived, not this.
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(this.ended()),
            Err(e) => Poll::Ready(Err(this.in_words(e))),
        }
    }
}

impl AsyncWrite for Far {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        Pin::new(&mut this.stream).poll_write(cx, buf).map_err(|e| this.in_words(e))
    }
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        Pin::new(&mut this.stream).poll_flush(cx).map_err(|e| this.in_words(e))
    }
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        Pin::new(&mut this.stream).poll_shutdown(cx).map_err(|e| this.in_words(e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn far(bytes: &[u8], ahead: &[u8]) -> Far {
        let (near, mut there) = tokio::io::duplex(64);
        let bytes = bytes.to_vec();
        tokio::spawn(async move { there.write_all(&bytes).await });
        Far::new(Box::new(near), ahead.to_vec(), Box::new(|_| None))
    }

    #[tokio::test]
    async fn only_the_word_alone_and_then_the_end_means_occupied() {
        for (bytes, ahead, occupied) in [
            (&OCCUPIED[..], &[][..], true),
            (&OCCUPIED[4..], &OCCUPIED[..4], true),
            (&OCCUPIED[..9], &[], false),
            (&[&OCCUPIED[..], &[1]].concat(), &[], false),
            (&[&[1], &OCCUPIED[..]].concat(), &[], false),
            (&[], &[], false),
        ] {
            let mut got = vec![];
            let ended = far(bytes, ahead).read_to_end(&mut got).await;
            assert_eq!(got, [ahead, bytes].concat());
            assert_eq!(ended.is_err(), occupied, "{bytes:?}");
        }
    }
}
