//! What tests of lines over IP need: addresses nobody else has, a wire that can be cut after any byte, a far end that vanishes.

use socket2::{SockFilter, SockRef};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// An address of this machine that only this test of this process uses: all of 127/8 is loopback, and 1963 is no port the kernel gives out.
pub fn address() -> String {
    static N: AtomicU32 = AtomicU32::new(1);
    let (process, n) = (std::process::id(), N.fetch_add(1, Ordering::Relaxed));
    assert!(n < 4 * 250, "no more addresses");
    format!("127.{}.{}.{}:1963", 1 + (process >> 8) % 60 * 4 + n / 250, process & 255, 1 + n % 250)
}

/// From here on the kernel drops all that comes for this socket, and answers nothing: to the far end its machine has vanished.
pub fn vanish(stream: &TcpStream) {
    let drop_all = SockFilter::new(0x06, 0, 0, 0); // BPF_RET | BPF_K: keep 0 bytes
    SockRef::from(stream).attach_filter(&[drop_all]).unwrap();
}

/// The two ways of a wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// From who connected.
    There,
    /// To who connected.
    Back,
}

#[derive(Default)]
struct State {
    /// How many bytes may still pass, that way.
    left: Option<(Way, usize)>,
    /// Nothing passes at all.
    cut: bool,
    /// By a reset rather than an end of the stream.
    reset: bool,
    cuts: u32,
    passed: [usize; 2],
}

/// A wire between whoever connects to it and a listener, one connection at a time.
pub struct Wire {
    /// Where to connect.
    pub at: String,
    state: Arc<Mutex<State>>,
    /// Changes when what stands is to break.
    breaks: watch::Sender<u32>,
    task: JoinHandle<()>,
}

impl Wire {
    /// A wire to `far`. Must be made within a runtime; nobody needs to listen there yet.
    pub fn to(far: &str) -> Wire {
        let at = address();
        let listener = std::net::TcpListener::bind(&at).unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let breaks = watch::channel(0).0;
        let task = tokio::spawn(carry(listener, far.to_owned(), state.clone(), breaks.clone()));
        Wire { at, state, breaks, task }
    }
    /// Lets nothing through, and breaks what stands; or mends it.
    pub fn cut(&self, cut: bool) {
        self.state.lock().unwrap().cut = cut;
        self.breaks.send_modify(|n| *n += 1);
    }
    /// Breaks the connection after so many more bytes that way: the rest is lost. `reset`: by a reset.
    pub fn cut_after(&self, way: Way, bytes: usize, reset: bool) {
        let mut state = self.state.lock().unwrap();
        (state.left, state.reset) = (Some((way, bytes)), reset);
    }
    /// How often it broke at a byte.
    pub fn cuts(&self) -> u32 {
        self.state.lock().unwrap().cuts
    }
    /// How many bytes have passed there and back.
    pub fn passed(&self) -> [usize; 2] {
        self.state.lock().unwrap().passed
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(listener: TcpListener, far: String, state: Arc<Mutex<State>>, breaks: watch::Sender<u32>) {
    loop {
        let Ok((near, _)) = listener.accept().await else { return };
        if state.lock().unwrap().cut {
            continue; // dropped: the line is dead
        }
        let Ok(far) = TcpStream::connect(&far).await else { continue };
        let _ = (near.set_nodelay(true), far.set_nodelay(true));
        let mut broken = breaks.subscribe();
        let (mut near_read, mut near_write) = near.into_split();
        let (mut far_read, mut far_write) = far.into_split();
        tokio::select! {
            () = pump(&mut near_read, &mut far_write, Way::There, &state) => {}
            () = pump(&mut far_read, &mut near_write, Way::Back, &state) => {}
            _ = broken.changed() => {}
        }
        if state.lock().unwrap().reset {
            for half in [&near_write, &far_write] {
                let _ = SockRef::from(half.as_ref()).set_linger(Some(Duration::ZERO));
            }
        }
    }
}

async fn pump(from: &mut (impl AsyncReadExt + Unpin), to: &mut (impl AsyncWriteExt + Unpin), way: Way, state: &Mutex<State>) {
    let mut buffer = [0; 2048];
    loop {
        let Ok(n @ 1..) = from.read(&mut buffer).await else { return };
        let (pass, breaks) = {
            let mut state = state.lock().unwrap();
            let (pass, breaks) = match &mut state.left {
                Some((that, left)) if *that == way => {
                    let pass = n.min(*left);
                    *left -= pass;
                    (pass, *left == 0)
                }
                Some(_) | None => (n, false),
            };
            if breaks {
                state.left = None;
                state.cuts += 1;
            }
            state.passed[way as usize] += pass;
            (pass, breaks)
        };
        if to.write_all(&buffer[..pass]).await.is_err() || breaks {
            return;
        }
    }
}
