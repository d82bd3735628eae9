//! The wire of a client's connection: in clear, then under TLS; sends and takes what can be, and says in words how it ended.
//!
//! Standards: TCP, RFC 3207. In: octets to send. Out: what moved. Nothing here waits for the far end to take octets before it is heard.
//! Left out: what is said on it; who is there (`tls`). Shown by: `tests/it/email_client.rs`.

use super::PATIENCE;
use super::tls::{Guard, Secured};
use crate::line::AsyncReadWrite;
use crate::line::ip::tcp::plain;
use crate::router::BoxFuture;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Octets taken from the far end at once.
const READ: usize = 4 << 10;

/// The connection.
pub(super) enum Wire {
    Clear(TcpStream),
    /// TLS is to be made behind what was sent.
    Turning(TcpStream),
    /// TLS is being made.
    Greeting(BoxFuture<'static, Result<Secured, String>>),
    Tls(Box<dyn AsyncReadWrite>),
    Gone,
}

/// What happened on it.
pub(super) enum Moved {
    /// All that was to be sent is out.
    Out,
    Came(Vec<u8>),
    Ended(String),
    Secured(Result<Secured, String>),
}

impl Wire {
    /// TLS shall be made.
    pub fn turn(&mut self) {
        *self = match std::mem::replace(self, Wire::Gone) {
            Wire::Clear(stream) => Wire::Turning(stream),
            other => other,
        };
    }
    /// It is made, since what stood before it is out.
    pub fn greet(&mut self, guard: &Guard, at: &str) {
        *self = match std::mem::replace(self, Wire::Gone) {
            Wire::Turning(stream) => Wire::Greeting(Box::pin(guard.clone().secure(stream, at.to_owned()))),
            other => other,
        };
    }
    /// Sends and takes what can be. Cancel-safe: what is out is taken from `outbox`.
    pub async fn moves(&mut self, outbox: &mut Vec<u8>) -> Moved {
        match self {
            Wire::Clear(stream) => std::future::poll_fn(|cx| moves(stream, outbox, cx)).await,
            Wire::Turning(stream) => std::future::poll_fn(|cx| moves(stream, outbox, cx)).await,
            Wire::Tls(stream) => std::future::poll_fn(|cx| moves(stream, outbox, cx)).await,
            Wire::Greeting(greeting) => Moved::Secured(greeting.await),
            Wire::Gone => std::future::pending().await,
        }
    }
}

fn moves<S: AsyncRead + AsyncWrite + Unpin + ?Sized>(stream: &mut S, outbox: &mut Vec<u8>, cx: &mut Context<'_>) -> Poll<Moved> {
    let (mut out, mut failed) = (false, None);
    while !outbox.is_empty() && failed.is_none() {
        match Pin::new(&mut *stream).poll_write(cx, outbox) {
            Poll::Ready(Ok(0)) => failed = Some(io::ErrorKind::WriteZero.into()),
            Poll::Ready(Ok(n)) => {
                outbox.drain(..n);
                out = outbox.is_empty();
            }
            Poll::Ready(Err(e)) => failed = Some(e),
            Poll::Pending => break,
        }
    }
    if let (None, Poll::Ready(Err(e))) = (&failed, Pin::new(&mut *stream).poll_flush(cx)) {
        failed = Some(e);
    }
    if out && failed.is_none() {
        return Poll::Ready(Moved::Out);
    }
    // Who does not take any more may have said why.
    let mut space = [0; READ];
    let mut buffer = ReadBuf::new(&mut space);
    match (Pin::new(&mut *stream).poll_read(cx, &mut buffer), failed) {
        (Poll::Ready(Ok(())), _) if !buffer.filled().is_empty() => Poll::Ready(Moved::Came(buffer.filled().to_vec())),
        (_, Some(e)) | (Poll::Ready(Err(e)), None) => Poll::Ready(Moved::Ended(words(&e))),
        (Poll::Ready(Ok(())), None) => Poll::Ready(Moved::Ended("closed the connection".into())),
        (Poll::Pending, None) => Poll::Pending,
    }
}

/// How a connection was lost, behind the far end's name.
fn words(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::UnexpectedEof => "closed the connection".into(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "broke the connection off".into(),
        io::ErrorKind::TimedOut => format!("vanished (nothing came over the wire for {} s)", PATIENCE.longest().as_secs()),
        _ => match e.get_ref() {
            Some(said) => format!("broke off ({said})"),
            None => format!("was lost ({})", plain(e)),
        },
    }
}
