//! TCP as a line needs it: a far end that vanished is noticed, a code is not held back, other machines are let in only when it is said.
//!
//! Standards: TCP (RFC 9293), keep-alive (RFC 1122 4.2.3.6), user timeout (RFC 5482). In: `HOST:PORT`. Out: a socket so set, or a sentence.
//! Left out: TLS (`tls`), one far end at a time (`door`). Shown by: `tests/it/ip.rs`.

use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// How long a far end may be silent on the wire before it counts as gone. Its kernel answers, not its program: an idle station stays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// Without traffic for so long, a probe is sent. Whole seconds, at least 1.
    pub idle: Duration,
    /// The time between two probes. Whole seconds, at least 1.
    pub between: Duration,
    /// So many probes without an answer end the connection.
    pub probes: u32,
}

impl Patience {
    /// 10 s of silence, then 4 probes 5 s apart: 30 s. A router's memory of a connection lasts minutes, so an idle line is kept open by it as well.
    pub const LINE: Patience = Patience { idle: Duration::from_secs(10), between: Duration::from_secs(5), probes: 4 };

    /// When a far end that vanished is noticed, at the latest: with nothing to send by the probes, with codes on their way by the user timeout.
    pub fn longest(&self) -> Duration {
        self.idle + self.between * self.probes
    }
}

/// Sets a connection up as a line.
pub fn set(stream: &TcpStream, patience: Patience) -> io::Result<()> {
    stream.set_nodelay(true)?; // a code is a packet of its own; waiting for more would spoil the pace
    let socket = SockRef::from(stream);
    let probing = TcpKeepalive::new().with_time(patience.idle).with_interval(patience.between).with_retries(patience.probes);
    socket.set_tcp_keepalive(&probing)?;
    // Probes are not sent while codes are unacknowledged: then this ends it (elsewhere than on Linux the kernel's own minutes).
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(patience.longest()))?;
    Ok(())
}

/// Connects, within 10 s.
pub async fn connect(to: &str) -> Result<TcpStream, String> {
    let limit = Duration::from_secs(10);
    let stream = match tokio::time::timeout(limit, TcpStream::connect(to)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(e)) => return Err(format!("cannot connect to `{to}`: {}; is the other end listening there?", plain(&e))),
        Err(_) => return Err(format!("cannot connect to `{to}`: no answer within 10 s; is the address right?")),
    };
    set(&stream, Patience::LINE).map_err(|e| format!("cannot set the connection to `{to}` up: {}", plain(&e)))?;
    Ok(stream)
}

/// Listens for far ends.
pub async fn listen(at: &str) -> Result<TcpListener, String> {
    TcpListener::bind(at).await.map_err(|e| match e.kind() {
        io::ErrorKind::AddrInUse => format!("cannot listen on `{at}`: the port is in use; choose another or end what uses it"),
        _ => format!("cannot listen on `{at}`: {}; give HOST:PORT of this machine", plain(&e)),
    })
}

/// Takes the next far end.
pub async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, from) = listener.accept().await?;
    set(&stream, Patience::LINE)?;
    Ok((stream, from))
}

/// A line in clear is listened for on this machine only: who else reaches it could send and read.
pub async fn refuse_open_door(at: &str) -> Result<(), String> {
    let found = tokio::net::lookup_host(at).await.map_err(|e| format!("cannot listen on `{at}`: {}; give HOST:PORT", plain(&e)))?;
    match found.into_iter().find(|a| !a.ip().is_loopback()) {
        Some(open) => Err(format!(
            "`listen = \"{at}\"` ({}) can be reached from other machines, and the line is in clear; add tls = \"FOLDER\" (docs/lines-over-ip.md), \
             or anyone = true if nobody else is on that network",
            open.ip()
        )),
        None => Ok(()),
    }
}

/// The system's words, without their number.
pub(crate) fn plain(e: &io::Error) -> String {
    let text = e.to_string().to_lowercase();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
