//! A pty we make: the near end is ours, the far end is a device node with a link, for any serial program to open.
//!
//! Standards: UNIX 98 pseudo-terminals. It behaves as a serial port does: what comes while nobody has it open is lost.
//! In: codes for whoever has it open. Out: bytes they write. Left out: modem lines, break, data bits, speed (a pty has none).
//! Shown by: `tests/it/line.rs`.

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::pty::OpenptFlags;
use rustix::termios::{OptionalActions, QueueSelector};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// How often a pty that nobody has open is tried. The kernel tells of a close, but not of an open.
const TRY_AGAIN: Duration = Duration::from_millis(5);

/// What can be seen of a pty from beside it.
#[derive(Debug, Default)]
pub struct PtyWatch {
    open: AtomicBool,
    lost: AtomicU64,
}

impl PtyWatch {
    /// Whether somebody has the device open (as far as has been seen).
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }
    /// Codes lost because nobody had the device open, or its owner read none of the last thousands.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

/// Our end of a pty, as a stream that never ends: when the other side closes, it waits for the next to open.
///
/// Writing never waits, as on a wire: what nobody takes is counted as lost, so nothing piles up.
pub struct PtyEnd {
    master: Arc<OwnedFd>,
    state: State,
    watch: Arc<PtyWatch>,
    wait_when_full: bool,
    device: PathBuf,
    link: PathBuf,
}

enum State {
    /// Somebody has it open.
    Open(AsyncFd<Arc<OwnedFd>>),
    /// Nobody has; to be tried again then.
    Nobody(Pin<Box<Sleep>>),
}

/// Makes a pty, raw, and a link at `path` to its device. A stale link to a pty that is gone is replaced, anything else refused.
/// The link goes when the end is dropped. Errors are sentences for people.
pub fn pty_pair_with_link(path: &Path) -> Result<PtyEnd, String> {
    clear_stale_link(path)?;
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        let why = |e| format!("cannot make the folder `{}` of the link: {e}; choose another path", folder.display());
        std::fs::create_dir_all(folder).map_err(why)?;
    }
    let (master, device) = make().map_err(|e| format!("cannot make a pty: {e}; is /dev/pts mounted, and not full?"))?;
    std::os::unix::fs::symlink(&device, path)
        .map_err(|e| format!("cannot make the link `{}` to {}: {e}", path.display(), device.display()))?;
    let state = State::Nobody(Box::pin(tokio::time::sleep(Duration::ZERO)));
    Ok(PtyEnd { master: Arc::new(master), state, watch: Arc::default(), wait_when_full: false, device, link: path.to_owned() })
}

/// Removes a link that an earlier run left behind. Call it for all links before making the first pty: a new one may take an old number.
pub fn clear_stale_link(path: &Path) -> Result<(), String> {
    let shown = path.display();
    match std::fs::symlink_metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(format!("cannot look at `{shown}`: {e}")),
        Ok(m) if m.file_type().is_symlink() => (),
        Ok(_) => return Err(format!("`{shown}` exists and is not a link of ours: choose another path or remove it")),
    }
    let target = std::fs::read_link(path).map_err(|e| format!("cannot read the link `{shown}`: {e}"))?;
    match target.starts_with("/dev/pts") {
        true if target.exists() => Err(format!(
            "`{shown}` already links to {}: end the `molink line` that made it, or remove the link, or choose another path",
            target.display()
        )),
        true => std::fs::remove_file(path).map_err(|e| format!("cannot remove the stale link `{shown}`: {e}")),
        false => Err(format!("`{shown}` links to {}, which is no pty: choose another path or remove it", target.display())),
    }
}

fn make() -> io::Result<(OwnedFd, PathBuf)> {
    let master = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    rustix::pty::grantpt(&master)?;
    rustix::pty::unlockpt(&master)?;
    let name = rustix::pty::ptsname(&master, Vec::new())?;
    let device = PathBuf::from(name.to_str().map_err(|_| io::ErrorKind::InvalidData)?);
    raw(&master)?;
    rustix::fs::fcntl_setfl(&master, OFlags::NONBLOCK)?;
    // Opened and closed once: from now on the kernel says so when nobody has it open.
    drop(open_beside(&device)?);
    Ok((master, device))
}

/// Opens a tty for its settings and locks, not for reading.
pub(super) fn open_beside(path: &Path) -> io::Result<std::fs::File> {
    // Never our controlling terminal, and never waiting for a carrier.
    let flags = (OFlags::NOCTTY | OFlags::NONBLOCK).bits() as i32;
    std::fs::OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)
}

/// No echo, no line editing, all bytes as they are; set through our end, it is the device's (Linux keeps one set of them).
fn raw(master: &OwnedFd) -> io::Result<()> {
    let mut termios = rustix::termios::tcgetattr(master)?;
    termios.make_raw();
    Ok(rustix::termios::tcsetattr(master, OptionalActions::Now, &termios)?)
}

impl PtyEnd {
    /// The device node, `/dev/pts/N`.
    pub fn device(&self) -> &Path {
        &self.device
    }
    /// Whether writing waits for whoever has it open and reads slowly (for a line without pacing), rather than losing codes.
    pub fn wait_when_full(&mut self, wait: bool) {
        self.wait_when_full = wait;
    }
    /// Who has it open, and what was lost.
    pub fn watch(&self) -> Arc<PtyWatch> {
        self.watch.clone()
    }

    /// Whether nobody has the device open now: asked of the kernel before each write, since the reader may not have seen it yet.
    fn is_nobodys(&self) -> bool {
        let mut asked = [PollFd::new(&*self.master, PollFlags::empty())];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        rustix::event::poll(&mut asked, Some(&now)).is_ok() && asked[0].revents().contains(PollFlags::HUP)
    }

    /// The far side closed: the next to open starts with nothing of the old, on a raw line.
    fn nobody(&mut self) {
        let _ = rustix::termios::tcflush(&*self.master, QueueSelector::OFlush);
        let _ = raw(&self.master);
        self.watch.open.store(false, Ordering::Relaxed);
        self.state = State::Nobody(Box::pin(tokio::time::sleep(TRY_AGAIN)));
    }

    #[allow(deprecated)] // its successor is an unsafe function, and molink has none; an `Arc<OwnedFd>` is what both are safe with
    fn somebody(&mut self) -> io::Result<()> {
        self.state = State::Open(AsyncFd::new(self.master.clone())?);
        self.watch.open.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl AsyncRead for PtyEnd {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            let read = match &mut this.state {
                State::Open(fd) => {
                    let mut guard = ready!(fd.poll_read_ready(cx))?;
                    let read = rustix::io::read(&*this.master, buf.initialize_unfilled());
                    if read == Err(Errno::AGAIN) {
                        guard.clear_ready();
                        continue;
                    }
                    read
                }
                State::Nobody(until) => {
                    ready!(until.as_mut().poll(cx));
                    rustix::io::read(&*this.master, buf.initialize_unfilled())
                }
            };
            match read {
                Ok(n) if n > 0 => {
                    if matches!(this.state, State::Nobody(_)) {
                        this.somebody()?;
                    }
                    buf.advance(n);
                    return Poll::Ready(Ok(()));
                }
                Err(Errno::AGAIN) => this.somebody()?,
                // End of file, or EIO: everybody has closed it.
                Ok(_) | Err(Errno::IO) => this.nobody(),
                Err(Errno::INTR) => (),
                Err(e) => return Poll::Ready(Err(e.into())),
            }
        }
    }
}

impl AsyncWrite for PtyEnd {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let taken = loop {
            if this.is_nobodys() {
                break 0;
            }
            match (rustix::io::write(&*this.master, buf), &this.state) {
                (Ok(n), _) if n > 0 => break n,
                (Ok(_) | Err(Errno::AGAIN), State::Open(fd)) if this.wait_when_full => match fd.poll_write_ready(cx)? {
                    Poll::Ready(mut guard) => guard.clear_ready(),
                    Poll::Pending => return Poll::Pending,
                },
                (Err(Errno::INTR), _) => (),
                (Ok(_) | Err(_), _) => break 0,
            }
        };
        if taken > 0 && this.wait_when_full {
            return Poll::Ready(Ok(taken));
        }
        this.watch.lost.fetch_add((buf.len() - taken) as u64, Ordering::Relaxed);
        Poll::Ready(Ok(buf.len()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for PtyEnd {
    fn drop(&mut self) {
        if std::fs::read_link(&self.link).is_ok_and(|target| target == self.device) {
            let _ = std::fs::remove_file(&self.link);
        }
    }
}
