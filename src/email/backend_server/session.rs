//! One connection of an e-mail server: the world around its session machine.
//!
//! Standards: RFC 5321 3.8 (how a connection ends). In: octets of the far end, in clear or under TLS; what became of its mails. Out: the same.
//! Memory: a read of 32 KiB while it lasts, what the session holds, a short mail; nothing while the far end is silent but TLS's own buffers.
//! Left out: what is said (`smtp::server`). Shown by: `tests/it/email_server.rs`, the test below.

use super::intake::Intake;
use super::spool::{Incoming, NoSpool, Spool};
use super::stop;
use super::tls::{Identity, Secured};
use crate::email::smtp::Server;
use crate::email::smtp::server::{Input, Mail, NotFiled, Output};
use crate::machine::World;
use crate::time::Instant;
use std::io;
use std::mem::MaybeUninit;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};

/// A station that stops is waited for so long for its word about a mail.
const STOPPING: Duration = Duration::from_secs(2);
/// The most octets that are read at once.
const READ: usize = 32 << 10;
/// A far end that has not taken a reply within this is gone: it does not read.
const WRITING: Duration = Duration::from_secs(60);
/// How long, and for how many octets, a far end may go on to send when it was told that it is over: so that it reads the last reply.
const FAREWELL: (Duration, usize) = (Duration::from_secs(2), 256 << 10);

/// What the connections of a port share.
pub(super) struct Hall {
    pub intake: Arc<Intake>,
    pub spool: Arc<Spool>,
    pub tls: Identity,
}

/// A connection.
pub(super) struct Connection {
    hall: Arc<Hall>,
    from: String,
    wire: Wire,
    /// Said once, at the begin.
    new: bool,
    stopping: watch::Receiver<bool>,
    stopped: bool,
    incoming: Option<Incoming>,
    /// The answer about a mail that is being filed, and its number.
    filing: Option<(u32, oneshot::Receiver<Result<String, NotFiled>>)>,
    /// A thing to tell the machine before anything else.
    ready: Option<Input>,
}

enum Wire {
    Clear(TcpStream),
    Tls(Box<tokio_rustls::server::TlsStream<TcpStream>>),
    /// In the middle of the TLS greeting.
    Greeting(Pin<Box<dyn Future<Output = Result<Secured, String>> + Send>>),
    Gone,
}

impl Connection {
    /// Of this stream, until `stopping` says so.
    pub fn new(hall: Arc<Hall>, stream: TcpStream, from: String, stopping: watch::Receiver<bool>) -> Connection {
        let wire = Wire::Clear(stream);
        Connection { hall, from, wire, new: true, stopping, stopped: false, incoming: None, filing: None, ready: None }
    }

    fn note(&self, text: &str) {
        self.hall.intake.shared.note(format!("{}: {text}", self.from));
    }

    /// The next thing that the wire brings. Cancel-safe.
    async fn heard(&mut self) -> Option<Input> {
        let read = match &mut self.wire {
            Wire::Clear(stream) => read(stream).await,
            Wire::Tls(stream) => read(&mut **stream).await,
            Wire::Greeting(greeting) => {
                let greeted = greeting.await;
                return Some(self.greeted(greeted));
            }
            Wire::Gone => return None, // it was said
        };
        Some(match read {
            Ok(octets) if !octets.is_empty() => Input::Octets(octets),
            Ok(_) | Err(_) => {
                self.wire = Wire::Gone;
                Input::Closed
            }
        })
    }

    fn greeted(&mut self, greeted: Result<Secured, String>) -> Input {
        match greeted {
            Ok(Secured { stream, station, note }) => {
                if let Some(note) = note {
                    self.note(&note);
                }
                self.wire = Wire::Tls(Box::new(stream));
                Input::Secured(station)
            }
            Err(why) => {
                self.note(&why);
                self.wire = Wire::Gone;
                Input::Closed
            }
        }
    }

    async fn send(&mut self, octets: &[u8]) {
        let sent = match &mut self.wire {
            Wire::Clear(stream) => write(stream, octets, WRITING).await,
            Wire::Tls(stream) => write(&mut **stream, octets, WRITING).await,
            Wire::Greeting(_) | Wire::Gone => return,
        };
        if let Err(e) = sent {
            if e.kind() == io::ErrorKind::TimedOut {
                self.note("it does not read what it is answered; the connection is closed");
            }
            self.wire = Wire::Gone;
            self.ready = Some(Input::Closed);
        }
    }

    async fn piece(&mut self, piece: Vec<u8>) {
        let Some(mut incoming) = self.incoming.take() else { return };
        let pushed = if incoming.stays_in_memory(piece.len()) && !incoming.is_crowded() {
            incoming.push(&piece).map(|()| incoming)
        } else {
            let pushed = tokio::task::spawn_blocking(move || incoming.push(&piece).map(|()| incoming)).await;
            pushed.unwrap_or_else(|e| Err(NoSpool::Disk(format!("the spool failed inside (a bug): {e}"))))
        };
        match pushed {
            Ok(incoming) => self.incoming = Some(incoming),
            Err(why) => {
                match why {
                    NoSpool::Full => self.note("the spool is full, or the disk: a mail was not taken"),
                    NoSpool::Disk(why) => self.note(&why),
                }
                self.ready = Some(Input::SpoolFailed);
            }
        }
    }

    /// It goes on when this connection ends: the far end will come again, and the message will be known.
    fn file(&mut self, mail: Mail) {
        let Some(incoming) = self.incoming.take() else {
            self.ready = Some(Input::NotFiled(mail.number, NotFiled::NoRoom));
            return;
        };
        let (answer, answered) = oneshot::channel();
        self.filing = Some((mail.number, answered));
        let intake = self.hall.intake.clone();
        tokio::spawn(async move { answer.send(intake.file(mail, incoming).await) });
    }

    /// Lets the far end read what it was told last.
    async fn farewell(&mut self) {
        let wire = std::mem::replace(&mut self.wire, Wire::Gone);
        let over = async {
            match wire {
                Wire::Clear(mut stream) => {
                    stream.shutdown().await?;
                    drain(&mut stream).await
                }
                Wire::Tls(mut stream) => {
                    stream.shutdown().await?;
                    drain(stream.get_mut().0).await
                }
                Wire::Greeting(_) | Wire::Gone => Ok(()),
            }
        };
        let _ = tokio::time::timeout(FAREWELL.0, over).await;
    }
}

impl World<Input, Output> for Connection {
    async fn next(&mut self) -> Option<Input> {
        if std::mem::take(&mut self.new) {
            return Some(Input::Connected);
        }
        if let Some(input) = self.ready.take() {
            return Some(input);
        }
        if let Some((number, answered)) = &mut self.filing {
            // While a mail is being filed nothing is read, and nobody can stop it; a station that stops may not answer any more.
            let mut stopping = self.stopping.clone();
            let (number, filed) = tokio::select! {
                biased;
                filed = answered => (*number, filed.unwrap_or(Err(NotFiled::Trouble))),
                () = async {
                    stop(&mut stopping).await;
                    tokio::time::sleep(STOPPING).await;
                } => (*number, Err(NotFiled::Trouble)),
            };
            self.filing = None;
            return Some(match filed {
                Ok(id) => Input::Filed(number, id),
                Err(why) => Input::NotFiled(number, why),
            });
        }
        let mut stopping = self.stopping.clone();
        let stopped = self.stopped;
        tokio::select! {
            biased;
            () = stop(&mut stopping), if !stopped => {
                self.stopped = true;
                Some(Input::Stop)
            }
            heard = self.heard() => heard,
        }
    }

    async fn act(&mut self, _: Instant, output: Output) -> ControlFlow<()> {
        match output {
            Output::Send(octets) => self.send(&octets).await,
            Output::StartTls => {
                if let Wire::Clear(stream) = std::mem::replace(&mut self.wire, Wire::Gone) {
                    let hall = self.hall.clone();
                    self.wire = Wire::Greeting(Box::pin(async move { hall.tls.accept(stream).await }));
                }
            }
            Output::Open => self.incoming = Some(self.hall.spool.begin()),
            Output::Piece(piece) => self.piece(piece).await,
            Output::Finish(mail) => self.file(mail),
            // Also of a mail that is being filed: its answer would come too late.
            Output::Discard => (self.incoming, self.filing) = (None, None),
            Output::Close => {
                self.farewell().await;
                return ControlFlow::Break(());
            }
        }
        match (&self.wire, &self.ready) {
            (Wire::Gone, None) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}

/// Reads what is there; the space for it is only taken while it is read.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    std::future::poll_fn(|cx| {
        let mut space = [const { MaybeUninit::<u8>::uninit() }; READ];
        let mut buffer = ReadBuf::uninit(&mut space);
        match Pin::new(&mut *stream).poll_read(cx, &mut buffer) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(buffer.filled().to_vec())),
            Poll::Ready(Err(e)) => Poll::Ready(Err(e)),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), octets: &[u8], within: Duration) -> io::Result<()> {
    let written = async {
        stream.write_all(octets).await?;
        stream.flush().await
    };
    tokio::time::timeout(within, written).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn drain(stream: &mut TcpStream) -> io::Result<()> {
    let mut space = [0; 4096];
    let mut left = FAREWELL.1;
    while left > 0 {
        match stream.read(&mut space).await? {
            0 => break,
            n => left = left.saturating_sub(n),
        }
    }
    Ok(())
}

/// A session of the machine, run over a connection.
pub(super) async fn run(machine: Server, mut connection: Connection) {
    let clock = connection.hall.intake.shared.clock.clone();
    crate::machine::drive(machine, &mut connection, &clock).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_far_end_that_does_not_read_is_given_up() {
        let (mut near, far) = tokio::io::duplex(16);
        let written = write(&mut near, &[b'x'; 64], Duration::from_millis(20)).await;
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
        drop(far);
    }
}
