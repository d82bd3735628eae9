//! One end of a line: a pty, a serial device or a TCP connection, opened and set as a five-unit line needs it.
//!
//! Standards: start-stop, 5 data bits, no parity; 1 stop unit, or 1.5 (a UART's "2 stop bits" at 5 data bits). TCP: the raw byte stream, a code
//! a byte, as socat and ser2net carry it. In: a [`LineSpec`] and [`Settings`]. Out: a stream, and what is really in force.
//! Left out: modem lines but RTS (a motor's switch), break. Windows names. Shown by: `tests/it/line.rs`.

use super::adapter::{Adapter, Known};
use super::ip::far::Far;
use super::ip::tcp::{self, plain};
use super::ip::{Door, Tls};
use super::pacer::Handover;
use super::pty::open_beside;
use crate::time::Speed;
use rustix::termios::{ControlModes, Termios};
use serde::Deserialize;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_serial::{ClearBuffer, DataBits, FlowControl, Parity, SerialPort, SerialStream, StopBits};

/// What a port's line is, as in a station file: `line = { pty = PATH }`, `{ serial = PATH }`, `{ tcp = "H:P" }` or `{ listen = "H:P" }`;
/// over TCP with `tls = FOLDER` beside it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub enum LineSpec {
    /// A pseudo-terminal that somebody else made (`molink line`, socat).
    Pty(PathBuf),
    /// A serial device; a pty does too, with a note.
    Serial(PathBuf),
    /// A TCP connection we make.
    Tcp {
        /// `HOST:PORT`.
        to: String,
        /// Where the certificates lie; without: in clear.
        tls: Option<PathBuf>,
    },
    /// A TCP connection we wait for.
    Listen {
        /// `HOST:PORT` of this machine.
        at: String,
        /// Where the certificates lie; without: in clear.
        tls: Option<PathBuf>,
        /// In clear, and from other machines as well.
        anyone: bool,
    },
}

/// A line as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    pty: Option<PathBuf>,
    serial: Option<PathBuf>,
    tcp: Option<String>,
    listen: Option<String>,
    tls: Option<PathBuf>,
    #[serde(default)]
    anyone: bool,
}

impl TryFrom<Written> for LineSpec {
    type Error = String;
    fn try_from(written: Written) -> Result<LineSpec, String> {
        let Written { pty, serial, tcp, listen, tls, anyone } = written;
        if anyone && (listen.is_none() || tls.is_some()) {
            return Err("`anyone` is for a line that listens in clear; take it away".into());
        }
        if tls.is_some() && tcp.is_none() && listen.is_none() {
            return Err("`tls` is for lines over TCP; take it away, or give tcp or listen".into());
        }
        match (pty, serial, tcp, listen) {
            (Some(path), None, None, None) => Ok(LineSpec::Pty(path)),
            (None, Some(path), None, None) => Ok(LineSpec::Serial(path)),
            (None, None, Some(to), None) => Ok(LineSpec::Tcp { to, tls }),
            (None, None, None, Some(at)) => Ok(LineSpec::Listen { at, tls, anyone }),
            _ => Err("`line` is one of { pty = PATH }, { serial = PATH }, { tcp = \"HOST:PORT\" }, { listen = \"HOST:PORT\" }".into()),
        }
    }
}

impl LineSpec {
    /// Whether it is in TLS.
    pub fn is_tls(&self) -> bool {
        matches!(self, LineSpec::Tcp { tls: Some(_), .. } | LineSpec::Listen { tls: Some(_), .. })
    }
}

impl std::fmt::Display for LineSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LineSpec::Pty(path) => write!(f, "pty {}", path.display()),
            LineSpec::Serial(path) => write!(f, "serial {}", path.display()),
            LineSpec::Tcp { to, .. } => write!(f, "tcp {to}"),
            LineSpec::Listen { at, .. } => write!(f, "listen {at}"),
        }
    }
}

/// Rate and length of a code.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Settings {
    /// Units a second: 45.45, 50, 75, 100.
    pub baud: f64,
    /// Units a code: 7.0, 7.42 or 7.5 (one start, five of code, the rest stop).
    pub units: f64,
}

impl Default for Settings {
    /// 50 Bd, 7.5 units: 66 words a minute.
    fn default() -> Settings {
        Settings { baud: 50.0, units: 7.5 }
    }
}

impl Settings {
    /// How long a code takes: 150 ms at 50 Bd and 7.5 units.
    pub fn code_time(&self) -> Duration {
        Duration::from_secs_f64(self.units / self.baud)
    }
    /// Refuses what no five-unit line has; the error says what may be given.
    pub fn check(&self) -> Result<(), String> {
        if !(20.0..=9600.0).contains(&self.baud) {
            return Err(format!("`{}` baud is not a rate of a line: give 45.45, 50, 75 or 100 (20 to 9600 are taken)", self.baud));
        }
        if !(7.0..=9.0).contains(&self.units) {
            return Err(format!("`{}` units a code is not possible: give 7.0, 7.42 or 7.5 (7 to 9 are taken)", self.units));
        }
        Ok(())
    }
    /// The rate a UART is set to: whole bauds (45 for 45.45, 1 % off).
    fn whole_baud(&self) -> u32 {
        self.baud as u32
    }
    /// 7.5 units and more are the UART's own 1.5 stop units; less is made by pacing codes of one stop unit.
    fn stop_bits(&self) -> StopBits {
        if self.units >= 7.5 { StopBits::Two } else { StopBits::One }
    }
}

/// A stream of bytes both ways.
pub trait AsyncReadWrite: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> AsyncReadWrite for T {}

/// What an end turned out to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A pseudo-terminal: 8 bits, no speed of its own.
    Pty,
    /// A real serial port.
    Uart {
        /// Its adapter's name.
        adapter: String,
    },
    /// A TCP connection.
    Tcp {
        /// The other end's address.
        peer: String,
    },
}

/// An open end.
pub struct Opened {
    /// Bytes both ways; codes are their low five bits ([`super::Code::new`]).
    pub stream: Box<dyn AsyncReadWrite>,
    /// What it is.
    pub kind: Kind,
    /// What a person should know of it: what is really in force.
    pub notes: Vec<String>,
    /// How the pacer is to hand codes over to it.
    pub handover: Handover,
    /// Switches its RTS line, on a real serial port.
    pub rts: Option<Switch>,
}

/// A modem line that can be switched; the error is a few words.
pub type Switch = Box<dyn FnMut(bool) -> Result<(), String> + Send>;

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("kind", &self.kind).field("notes", &self.notes).finish_non_exhaustive()
    }
}

/// A line that can be opened again and again. One that listens goes on listening in between, until it is dropped.
pub struct Line {
    spec: LineSpec,
    settings: Settings,
    stations: Option<(String, String)>,
    door: tokio::sync::OnceCell<Door>,
}

impl Line {
    /// A line in these settings.
    pub fn new(spec: LineSpec, settings: Settings) -> Line {
        Line { spec, settings, stations: None, door: tokio::sync::OnceCell::new() }
    }
    /// Between this station and that one, as TLS has to know.
    pub fn between(self, station: &str, peer: &str) -> Line {
        Line { stations: Some((station.to_owned(), peer.to_owned())), ..self }
    }

    /// Opens it. `listen` waits for its far end. The error is one sentence: what, where, what to do.
    pub async fn open(&self) -> Result<Opened, String> {
        self.settings.check()?;
        match &self.spec {
            LineSpec::Serial(path) => patiently(|| open_tty(path, &self.settings)).await,
            LineSpec::Pty(path) => patiently(|| open_pty(path, &self.settings)).await,
            LineSpec::Tcp { to, tls } => {
                let tls = self.tls(tls)?;
                let stream = tcp::connect(to).await?;
                let (far, told) = match tls {
                    Some(tls) => tls.connect(stream, to).await?,
                    None => in_clear(stream, to.to_owned()),
                };
                Ok(told.open(far))
            }
            LineSpec::Listen { at, tls, anyone } => {
                let tls = self.tls(tls)?;
                self.door.get_or_try_init(|| Door::open(at, tls, *anyone)).await?.next().await
            }
        }
    }

    fn tls(&self, folder: &Option<PathBuf>) -> Result<Option<Tls>, String> {
        let Some(folder) = folder.clone() else { return Ok(None) };
        match self.stations.clone() {
            Some((station, peer)) => Ok(Some(Tls { station, peer, folder })),
            None => Err("`tls` needs `peer` beside the line: the far end must show that station's certificate".into()),
        }
    }
}

/// Opens an end once, as [`Line::open`] does.
pub async fn open(spec: &LineSpec, settings: &Settings) -> Result<Opened, String> {
    Line::new(spec.clone(), *settings).open().await
}

/// How long a device may be in use before that is said, and how often it is tried meanwhile.
const PASSING: Duration = Duration::from_millis(400);
const TRIES: u32 = 40;

/// Why a device was not opened.
enum Refused {
    Busy(String),
    Otherwise(String),
}

impl From<String> for Refused {
    fn from(why: String) -> Refused {
        Refused::Otherwise(why)
    }
}

/// Opens a device; one that is in use is tried again for a moment. The lock may be our own passing one: a child that this process starts
/// has every descriptor from its fork until its exec, so that a lock outlives the close of its device by that long.
async fn patiently(open: impl Fn() -> Result<Opened, Refused>) -> Result<Opened, String> {
    for _ in 0..TRIES {
        match open() {
            Err(Refused::Busy(_)) => tokio::time::sleep(PASSING / TRIES).await,
            Err(Refused::Otherwise(why)) => return Err(why),
            Ok(opened) => return Ok(opened),
        }
    }
    open().map_err(|(Refused::Busy(why) | Refused::Otherwise(why))| why)
}

fn open_pty(path: &Path, settings: &Settings) -> Result<Opened, Refused> {
    if std::fs::symlink_metadata(path).is_err_and(|e| e.kind() == io::ErrorKind::NotFound) {
        let shown = path.display();
        return Err(format!("there is no pty `{shown}` yet: `molink line pty:{shown} OTHER-END` makes it, or socat").into());
    }
    if !look(path)? {
        return Err(format!("`{}` is a serial device, not a pty: write `serial` instead of `pty`", path.display()).into());
    }
    open_tty(path, settings)
}

/// Tries settings on a device, sends nothing, and puts the device back as it was. Answers with what would be in force.
pub async fn try_settings(path: &Path, settings: &Settings) -> Result<Vec<String>, String> {
    let before = open_beside(path).ok().and_then(|tty| Some((rustix::termios::tcgetattr(&tty).ok()?, tty)));
    let opened = open(&LineSpec::Serial(path.to_owned()), settings).await;
    let notes = opened.map(|o| o.notes); // closed here
    if let Some((before, tty)) = before {
        let _ = rustix::termios::tcsetattr(&tty, rustix::termios::OptionalActions::Now, &before);
    }
    notes
}

/// `speed` other than 1 cannot be had of a real serial port: it sends at its own rate.
pub fn refuse_speed(kind: &Kind, speed: Speed) -> Result<(), String> {
    match kind {
        Kind::Uart { adapter } if speed != Speed::REAL => {
            Err(format!("speed {speed} is not possible on a real serial port ({adapter}): set speed 1, or use a pty"))
        }
        Kind::Uart { .. } | Kind::Pty | Kind::Tcp { .. } => Ok(()),
    }
}

/// What a far end turned out to be.
pub(super) struct Told {
    pub kind: Kind,
    pub notes: Vec<String>,
}

impl Told {
    /// An open end.
    pub fn open(self, far: Far) -> Opened {
        Opened { stream: Box::new(far), kind: self.kind, notes: self.notes, handover: Handover::AtEnd, rts: None }
    }
}

/// A far end without TLS.
pub(super) fn in_clear(stream: TcpStream, peer: String) -> (Far, Told) {
    let notes = vec![format!("tcp to {peer}, in clear: codes are masked to 5 bits and paced here")];
    (Far::new(Box::new(stream), vec![], Box::new(|_| None)), Told { kind: Kind::Tcp { peer }, notes })
}

/// Takes the next peer of a relay, in clear.
pub(super) async fn accept(listener: &TcpListener) -> Result<Opened, String> {
    let (stream, peer) = tcp::accept(listener).await.map_err(|e| format!("cannot accept a connection: {}", plain(&e)))?;
    let (far, told) = in_clear(stream, peer.to_string());
    Ok(told.open(far))
}

/// Says whether a path is a pty (else some other character device), by its device number; refuses what is no device at all.
pub fn look(path: &Path) -> Result<bool, String> {
    let shown = path.display();
    let meta = match std::fs::metadata(path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return Err(match std::fs::read_link(path) {
                Ok(to) => {
                    format!("`{shown}` links to {}, which is gone: does what made it (`molink line`, socat) still run?", to.display())
                }
                Err(_) => format!(
                    "no device `{shown}`: is it plugged in (`molink doctor` lists what is there), or is `molink line` still to make it?"
                ),
            });
        }
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => return Err(no_permission(path)),
        Err(e) => return Err(format!("cannot look at `{shown}`: {}", plain(&e))),
    };
    let kind = meta.file_type();
    if kind.is_dir() {
        return Err(format!("`{shown}` is a folder, not a serial device: give the device itself, as /dev/ttyUSB0"));
    }
    if !kind.is_char_device() {
        return Err(format!("`{shown}` is a file, not a serial device: give a device, as /dev/ttyUSB0, or a pty"));
    }
    // Linux device numbers: 136–143 are UNIX 98 ptys, 3 the old ones' device side, 2 their master side, 5:2 is /dev/ptmx.
    match (rustix::fs::major(meta.rdev()), rustix::fs::minor(meta.rdev())) {
        (136..=143 | 3, _) => Ok(true),
        (2, _) | (5, 2) => Err(format!("`{shown}` is the master side of ptys: give the device side, /dev/pts/N")),
        _ => Ok(false),
    }
}

fn no_permission(path: &Path) -> String {
    format!("no permission to open `{}`: add yourself to the group that owns it (often dialout), and log in anew", path.display())
}

fn busy(path: &Path) -> Refused {
    Refused::Busy(format!("`{}` is in use by another program: end that first (`fuser {0}` names it)", path.display()))
}

fn open_tty(path: &Path, settings: &Settings) -> Result<Opened, Refused> {
    let pty = look(path)?;
    let shown = path.display();
    let beside = open_beside(path).map_err(|e| match rustix::io::Errno::from_io_error(&e) {
        Some(rustix::io::Errno::ACCESS | rustix::io::Errno::PERM) => no_permission(path).into(),
        Some(rustix::io::Errno::BUSY) => busy(path),
        Some(rustix::io::Errno::NXIO | rustix::io::Errno::NODEV) => {
            format!("there is no hardware behind `{shown}`: is it plugged in? `molink doctor` lists what is there").into()
        }
        _ => format!("cannot open `{shown}`: {}", plain(&e)).into(),
    })?;
    if !rustix::termios::isatty(&beside) {
        return Err(format!("`{shown}` is a device but not a serial one (not a tty): give one as /dev/ttyUSB0").into());
    }
    let builder = tokio_serial::new(path.to_string_lossy(), settings.whole_baud())
        .data_bits(DataBits::Five)
        .parity(Parity::None)
        .stop_bits(settings.stop_bits())
        .flow_control(FlowControl::None);
    let adapter = Adapter::of(path);
    let port = SerialStream::open(&builder).map_err(|e| match e.kind() {
        tokio_serial::ErrorKind::NoDevice => busy(path),
        tokio_serial::ErrorKind::Io(io::ErrorKind::PermissionDenied) => no_permission(path).into(),
        _ => format!("`{shown}` ({adapter}) does not take the settings of a five-unit line: {e}; `molink doctor` says which adapters do")
            .into(),
    })?;
    let _ = port.clear(ClearBuffer::Input); // what came before it was opened is nobody's
    if pty {
        // The flock keeps others of our kind out and goes with the process; a TIOCEXCL would outlive a kill while the master lives.
        let _ = rustix::termios::ioctl_tiocnxcl(&beside);
        let note = format!("{shown} is a pty, with 8 data bits and no speed of its own: codes are masked to 5 bits and paced here");
        return Ok(Opened {
            stream: Box::new(Tty { port, _beside: beside }),
            kind: Kind::Pty,
            notes: vec![note],
            handover: Handover::AtEnd,
            rts: None,
        });
    }
    let (known, adapter) = (adapter.known(), adapter.to_string());
    let read_back = rustix::termios::tcgetattr(&beside).map_err(|e| format!("cannot read the settings of `{shown}` back: {e}"))?;
    if let Some(why) = known.and_then(Known::refusal) {
        return Err(format!("`{shown}` ({adapter}) cannot send 5 data bits, though its driver says so: {why}").into());
    }
    refuse_unlike(path, &adapter, settings, &read_back)?;
    let notes = really_sent(path, &adapter, settings, &read_back);
    let queue = port.try_clone().ok().map(|port| -> super::OutputQueue { Box::new(move || port.bytes_to_write().unwrap_or(0) as usize) });
    let rts =
        port.try_clone().ok().map(|mut port| -> Switch { Box::new(move |on| port.write_request_to_send(on).map_err(|e| e.to_string())) });
    let handover = Handover::AtStart(queue);
    Ok(Opened { stream: Box::new(Tty { port, _beside: beside }), kind: Kind::Uart { adapter }, notes, handover, rts })
}

/// A driver may take a setting and keep another: what it kept is what counts.
fn refuse_unlike(path: &Path, adapter: &str, settings: &Settings, kept: &Termios) -> Result<(), String> {
    let shown = path.display();
    let bits = data_bits(kept);
    if bits != 5 {
        return Err(format!(
            "`{shown}` ({adapter}) has no 5 data bits: asked for 5, it kept {bits}; use another adapter (docs/serial.md names some)"
        ));
    }
    let rate = f64::from(kept.output_speed());
    if (rate - settings.baud).abs() > settings.baud * 0.03 {
        return Err(format!(
            "`{shown}` ({adapter}) cannot do {} Bd: it kept {rate} Bd, more than 3 % off; use another adapter (docs/serial.md names some)",
            settings.baud
        ));
    }
    Ok(())
}

/// Data bits in force.
pub(crate) fn data_bits(termios: &Termios) -> u8 {
    match termios.control_modes & ControlModes::CSIZE {
        ControlModes::CS5 => 5,
        ControlModes::CS6 => 6,
        ControlModes::CS7 => 7,
        _ => 8,
    }
}

fn really_sent(path: &Path, adapter: &str, settings: &Settings, kept: &Termios) -> Vec<String> {
    let stop = if kept.control_modes.contains(ControlModes::CSTOPB) { "1.5" } else { "1" };
    let (asked, rate) = (settings, kept.output_speed());
    let mut note = format!("{} is a serial port ({adapter}): 5 data bits, {rate} Bd, {stop} stop units", path.display());
    if f64::from(rate) != asked.baud || !matches!(asked.units, 7.0 | 7.5) {
        note += &format!("; asked were {} Bd, {} units: codes are paced {:.1} ms apart", asked.baud, asked.units, {
            let slowest = if stop == "1" { 7.0 } else { 7.5 } / f64::from(rate);
            asked.code_time().as_secs_f64().max(slowest) * 1000.0
        });
    }
    vec![note]
}

/// What is said of a device that hung up.
const GONE: &str = "the device is gone: was it unplugged, or what made it ended? It is taken up again when it is back";

/// A tty as a stream.
struct Tty {
    port: SerialStream,
    /// Opened before the port: through it settings are read back and locks undone.
    _beside: std::fs::File,
}

impl AsyncRead for Tty {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match ready!(Pin::new(&mut self.port).poll_read(cx, buf)) {
            // A device hangs up when its adapter is pulled out, a pty when its other side is closed (EIO there).
            Ok(()) if buf.filled().len() == before => Poll::Ready(Err(io::Error::other(GONE))),
            Err(e) if rustix::io::Errno::from_io_error(&e) == Some(rustix::io::Errno::IO) => Poll::Ready(Err(io::Error::other(GONE))),
            other => Poll::Ready(other),
        }
    }
}

impl AsyncWrite for Tty {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.port).poll_write(cx, buf)
    }
    /// Nothing to do: the port's own flush would hold the thread until the last code has left.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_exactly_one_of_its_kinds() {
        #[derive(Deserialize, Debug)]
        struct Port {
            line: LineSpec,
        }
        let read = |text: &str| toml::from_str::<Port>(text).map(|p| p.line).map_err(|e| e.message().to_owned());
        assert_eq!(read("line = { pty = \"/tmp/a\" }"), Ok(LineSpec::Pty("/tmp/a".into())));
        assert_eq!(
            read("line = { listen = \"127.0.0.1:9\" }"),
            Ok(LineSpec::Listen { at: "127.0.0.1:9".into(), tls: None, anyone: false })
        );
        assert!(read("line = { ptty = \"/tmp/a\" }").unwrap_err().contains("ptty"));
        assert!(read("line = { pty = \"/tmp/a\", tcp = \"h:1\" }").is_err());
        assert!(read("line = { }").unwrap_err().contains("`line` is one of"));
        let tls = LineSpec::Tcp { to: "h:1".into(), tls: Some("certs".into()) };
        assert_eq!(read("line = { tcp = \"h:1\", tls = \"certs\" }"), Ok(tls));
        for bad in ["pty = \"/tmp/a\", tls = \"certs\"", "tcp = \"h:1\", anyone = true", "listen = \"h:1\", tls = \"c\", anyone = true"] {
            assert!(read(&format!("line = {{ {bad} }}")).unwrap_err().contains("take it away"), "{bad}");
        }
    }

    #[test]
    fn a_code_lasts_its_units_at_its_rate() {
        let time = |baud, units| Settings { baud, units }.code_time().as_micros();
        assert_eq!([time(50.0, 7.5), time(45.45, 7.42), time(75.0, 7.5), time(100.0, 7.0)], [150_000, 163_256, 100_000, 70_000]);
        assert!(Settings { baud: 0.0, units: 7.5 }.check().is_err());
        assert!(Settings { baud: f64::NAN, units: 7.5 }.check().is_err());
        assert!(Settings { baud: 50.0, units: 5.0 }.check().is_err());
    }

    #[test]
    fn a_driver_that_keeps_other_settings_than_asked_is_refused_by_name() {
        // The kernel's pty driver says yes to 5 data bits and keeps 8, as FTDI's does.
        let master = rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR | rustix::pty::OpenptFlags::NOCTTY).unwrap();
        let mut asked = rustix::termios::tcgetattr(&master).unwrap();
        asked.control_modes = (asked.control_modes - ControlModes::CSIZE) | ControlModes::CS5;
        rustix::termios::tcsetattr(&master, rustix::termios::OptionalActions::Now, &asked).unwrap();
        let kept = rustix::termios::tcgetattr(&master).unwrap();
        let (path, settings) = (Path::new("/dev/ttyUSB0"), Settings::default());
        let why = refuse_unlike(path, "driver ftdi_sio", &settings, &kept).unwrap_err();
        assert!(why.contains("driver ftdi_sio") && why.contains("asked for 5, it kept 8"), "{why}");
        asked.set_output_speed(300).unwrap();
        let why = refuse_unlike(path, "driver x", &settings, &asked).unwrap_err();
        assert!(why.contains("cannot do 50 Bd: it kept 300 Bd"), "{why}");
        asked.set_output_speed(50).unwrap();
        assert_eq!(refuse_unlike(path, "driver x", &settings, &asked), Ok(()));
    }

    #[test]
    fn speed_is_refused_on_a_real_port_only() {
        let uart = Kind::Uart { adapter: "driver serial8250".into() };
        assert!(refuse_speed(&uart, Speed::Times(20.0)).unwrap_err().contains("serial8250"));
        assert!(refuse_speed(&uart, Speed::REAL).is_ok());
        assert!(refuse_speed(&Kind::Pty, Speed::Max).is_ok());
    }
}
