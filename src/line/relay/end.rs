//! One end of a relay: made or opened, read when there is room, written, and opened again when it goes away.
//!
//! Standards: none. In: bytes to write, leave to read. Out: bytes read, word that bytes were taken, notes for people.
//! Left out: pacing (the engine's); only a UART that is slower than asked is waited for here. Shown by: `tests/it/line.rs`.

use super::Inputs;
use super::control::Way;
use super::engine::{Engine, Input};
use crate::line::Handover;
use crate::line::device::{self, Kind, LineSpec, Opened, Settings};
use crate::line::ip::tcp;
use crate::line::pty::{PtyEnd, clear_stale_link, pty_pair_with_link};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};

/// What an end of a relay is, as on the command line: `pty:PATH` (made, with a link), `tcp:H:P`, `listen:H:P`, or the path of a device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// A pty that the relay makes, with a link to its device at this path.
    Pty(PathBuf),
    /// A device that is there: a serial port, or somebody else's pty.
    Device(PathBuf),
    /// A TCP connection that the relay makes, again and again.
    Tcp(String),
    /// TCP connections that the relay takes, one at a time.
    Listen(String),
}

impl FromStr for End {
    type Err = String;
    fn from_str(text: &str) -> Result<End, String> {
        let empty = || format!("`{text}` is not an end of a line: give pty:PATH, the path of a device, tcp:HOST:PORT or listen:HOST:PORT");
        let address = |a: &str| match a.rsplit_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok_and(|p| p > 0) => {
                // Without a host only this machine is meant.
                Ok(if host.is_empty() { format!("127.0.0.1:{port}") } else { a.to_owned() })
            }
            None if a.parse::<u16>().is_ok_and(|p| p > 0) => Ok(format!("127.0.0.1:{a}")),
            _ => Err(format!("`{text}` has no port: give tcp:HOST:PORT or listen:HOST:PORT, the port from 1 to 65535")),
        };
        match text.split_once(':') {
            Some(("pty" | "tcp" | "listen", "")) | None if text.is_empty() || text.ends_with(':') => Err(empty()),
            Some(("pty", path)) => Ok(End::Pty(path.into())),
            Some(("tcp", to)) => Ok(End::Tcp(address(to)?)),
            Some(("listen", at)) => Ok(End::Listen(address(at)?)),
            _ => Ok(End::Device(text.into())),
        }
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            End::Pty(path) | End::Device(path) => write!(f, "{}", path.display()),
            End::Tcp(to) => write!(f, "tcp:{to}"),
            End::Listen(at) => write!(f, "listen:{at}"),
        }
    }
}

/// How an end is come by, each time.
pub(super) enum Source {
    Pty(Option<Box<PtyEnd>>),
    /// A device, opened once already.
    Device(LineSpec, Option<Opened>),
    Tcp(LineSpec),
    Listen(TcpListener),
}

/// An end that is ready, with what a person should know of it.
pub(super) struct Ready {
    pub source: Source,
    pub name: String,
    pub notes: Vec<String>,
    pub kind: Option<Kind>,
}

/// Gets an end ready; refuses what can never work.
pub(super) async fn prepare(end: &End, settings: &Settings, unpaced: bool) -> Result<Ready, String> {
    let name = end.to_string();
    let (source, notes, kind) = match end {
        End::Pty(path) => {
            let mut pty = pty_pair_with_link(path)?;
            pty.wait_when_full(unpaced);
            let note = format!("pty {name} ({}): open it with any serial program, raw", pty.device().display());
            (Source::Pty(Some(Box::new(pty))), vec![note], Some(Kind::Pty))
        }
        End::Device(path) => {
            let spec = LineSpec::Serial(path.clone());
            let mut opened = device::open(&spec, settings).await?;
            let (notes, kind) = (std::mem::take(&mut opened.notes), opened.kind.clone());
            (Source::Device(spec, Some(opened)), notes, Some(kind))
        }
        End::Tcp(to) => (Source::Tcp(LineSpec::Tcp { to: to.clone(), tls: None }), vec![format!("tcp to {to}: connecting")], None),
        End::Listen(at) => (Source::Listen(tcp::listen(at).await?), vec![format!("listening on {at} for one peer at a time")], None),
    };
    Ok(Ready { source, name, notes, kind })
}

/// Removes the links that an earlier run left, before any pty is made.
pub(super) fn clear_links(ends: [&End; 2]) -> Result<(), String> {
    ends.into_iter().try_for_each(|end| match end {
        End::Pty(path) => clear_stale_link(path),
        End::Device(_) | End::Tcp(_) | End::Listen(_) => Ok(()),
    })
}

/// The task of one end.
pub(super) struct Serve {
    pub ready: Ready,
    pub settings: Settings,
    /// The way whose near end this is.
    pub from_here: Way,
    /// The way whose far end this is.
    pub to_here: Way,
    /// To the engine.
    pub inputs: Inputs,
    /// One permit: one read.
    pub reads: Arc<Semaphore>,
    /// What to write.
    pub writes: mpsc::UnboundedReceiver<Vec<u8>>,
    pub notes: mpsc::Sender<String>,
    pub chunk: usize,
}

/// What has been taken from a queue and not been carried out: it survives the loss of the stream.
#[derive(Default)]
struct Held {
    leave: bool,
    unwritten: usize,
}

/// A device that went away is tried so often.
const AGAIN: Duration = Duration::from_millis(200);

impl Serve {
    /// Serves until the relay ends.
    pub async fn run(mut self) {
        let mut held = Held::default();
        let mut quiet = false;
        while let Some(opened) = self.next(&mut quiet).await {
            let why = self.exchange(opened, &mut held).await;
            // What was being written is lost with the stream.
            let lost = std::mem::take(&mut held.unwritten);
            self.inputs.send(Input::Wrote(self.to_here, lost));
            self.note(format!("{} went away ({why}); waiting for it to come back", self.ready.name));
            quiet = true;
        }
    }

    fn note(&self, text: String) {
        let _ = self.notes.try_send(text); // nobody reads them: nothing lost
    }

    /// The next stream; meanwhile codes for this end are lost, as on a line nobody has plugged in. `None`: the relay has ended.
    async fn next(&mut self, again: &mut bool) -> Option<Opened> {
        let Serve { ready, settings, writes, inputs, to_here, notes, .. } = self;
        let opening = come(&mut ready.source, settings, &ready.name, *again, notes);
        tokio::pin!(opening);
        loop {
            tokio::select! {
                opened = &mut opening => return Some(opened),
                bytes = writes.recv() => {
                    let lost = bytes?.len();
                    inputs.send(Input::Wrote(*to_here, lost));
                }
            }
        }
    }

    /// Reads and writes until the stream ends; says why.
    async fn exchange(&mut self, opened: Opened, held: &mut Held) -> String {
        let (reader, writer) = tokio::io::split(opened.stream);
        let Serve { inputs, reads, writes, chunk, from_here, to_here, settings, .. } = self;
        let Held { leave, unwritten } = held;
        tokio::select! {
            why = read(reader, *from_here, inputs, reads, *chunk, leave) => why,
            why = write(writer, *to_here, inputs, writes, opened.handover, settings.code_time(), unwritten) => why,
        }
    }
}

async fn come(source: &mut Source, settings: &Settings, name: &str, again: bool, notes: &mpsc::Sender<String>) -> Opened {
    let mut told = again;
    loop {
        let tried = match source {
            Source::Pty(pty) => match pty.take() {
                Some(pty) => Ok(Opened { stream: pty, kind: Kind::Pty, notes: vec![], handover: Handover::AtEnd }),
                None => std::future::pending().await, // ours ends only with an error of the system
            },
            Source::Device(spec, first) => match first.take() {
                Some(opened) => return opened,
                None => device::open(spec, settings).await,
            },
            Source::Tcp(spec) => device::open(spec, settings).await,
            Source::Listen(listener) => device::accept(listener).await,
        };
        match tried {
            Ok(opened) => {
                if again || matches!(opened.kind, Kind::Tcp { .. }) {
                    let _ = notes.try_send(format!("{name} is up"));
                }
                return opened;
            }
            Err(why) if !told => {
                let _ = notes.try_send(format!("{why}; trying on"));
                told = true;
            }
            Err(_) => (),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn read(mut reader: impl AsyncRead + Unpin, way: Way, inputs: &Inputs, reads: &Semaphore, chunk: usize, leave: &mut bool) -> String {
    let mut buffer = vec![0; chunk];
    loop {
        if !*leave {
            match reads.acquire().await {
                Ok(permit) => permit.forget(),
                Err(_) => std::future::pending().await, // the relay has ended
            }
            *leave = true;
        }
        match reader.read(&mut buffer).await {
            Ok(0) => return "end of file".into(),
            Ok(n) => {
                *leave = false;
                inputs.send(Input::Bytes(way, buffer[..n].to_vec()));
            }
            Err(e) => return e.to_string(),
        }
    }
}

async fn write(
    mut writer: impl AsyncWrite + Unpin,
    way: Way,
    inputs: &Inputs,
    writes: &mut mpsc::UnboundedReceiver<Vec<u8>>,
    mut handover: Handover,
    unit: Duration,
    unwritten: &mut usize,
) -> String {
    while let Some(bytes) = writes.recv().await {
        *unwritten = bytes.len();
        if let Handover::AtStart(Some(queue)) = &mut handover {
            while queue() >= 2 {
                tokio::time::sleep(unit / 4).await;
            }
        }
        if let Err(e) = writer.write_all(&bytes).await {
            return e.to_string();
        }
        let _ = writer.flush().await;
        *unwritten = 0;
        inputs.send(Input::Wrote(way, bytes.len()));
    }
    std::future::pending().await
}

/// How many bytes an end may bring in one read.
pub(super) fn chunk(unit: Duration) -> usize {
    Engine::chunk(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_read_as_the_command_line_writes_it() {
        let read = |s: &str| s.parse::<End>();
        assert_eq!(read("pty:/tmp/a"), Ok(End::Pty("/tmp/a".into())));
        assert_eq!(read("/dev/ttyUSB0"), Ok(End::Device("/dev/ttyUSB0".into())));
        assert_eq!(read("/dev/serial/by-id/usb-x:1.0"), Ok(End::Device("/dev/serial/by-id/usb-x:1.0".into())));
        assert_eq!(read("tcp:[::1]:99"), Ok(End::Tcp("[::1]:99".into())));
        assert_eq!(read("listen:4000"), Ok(End::Listen("127.0.0.1:4000".into())));
        assert_eq!(read("listen::4000"), Ok(End::Listen("127.0.0.1:4000".into())));
        assert_eq!(read("listen:0.0.0.0:4000"), Ok(End::Listen("0.0.0.0:4000".into())));
        for bad in ["", "pty:", "tcp:", "tcp:host", "tcp:host:0", "tcp:host:99999", "listen:x"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
