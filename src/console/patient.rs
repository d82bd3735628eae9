//! A connection whose peer must go on reading: one that takes nothing for a minute is given up.
//!
//! Standards: none. In: a TCP stream. Out: the same, with an error where it would wait for ever.
//! hyper bounds how long a head may take to come, not how long an answer may take to go.
//! Left out: reading (heads have hyper's bound, bodies `api`'s). Shown by: `console::patient::tests`.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// How long a peer may take nothing at all while there is something for it.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Patient<S> {
    inner: S,
    patience: Duration,
    ends: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub(super) fn new(inner: S) -> Patient<S> {
        Patient { inner, patience: PATIENCE, ends: None }
    }
    fn judge<T>(&mut self, cx: &mut Context<'_>, went: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if went.is_ready() {
            self.ends = None;
            return went;
        }
        let patience = self.patience;
        ready!(self.ends.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience))).as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer has stopped reading")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let went = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.judge(cx, went)
    }
    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let went = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.judge(cx, went)
    }
    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let went = Pin::new(&mut self.inner).poll_flush(cx);
        self.judge(cx, went)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn a_peer_that_stops_reading_is_given_up_and_one_that_reads_is_not() {
        let (near, mut far) = tokio::io::duplex(64);
        let mut near = Patient { inner: near, patience: Duration::from_millis(50), ends: None };
        near.write_all(&[7; 64]).await.unwrap();
        let mut taken = [0; 64];
        far.read_exact(&mut taken).await.unwrap();
        let why = near.write_all(&[7; 65]).await.unwrap_err();
        assert_eq!(why.kind(), io::ErrorKind::TimedOut);
    }
}
