//! Accuracy in time of a paced line, measured at the far end of a real pty by plain blocking threads.
//!
//! Standards: start-stop at 50 Bd, 7.5 units unless asked otherwise. In: `cargo bench --bench pacing -- [--codes N] [--baud B] [--units U]
//! [--load] [--bare]` (`--load`: two `sha256sum /dev/zero` beside it; `--bare`: codes straight from a pacer instead of a message of the
//! whole teletype backend, called up and answered). Out: the figures; exit 1 when they are out of bounds.
//! Bounds: first to last within 20 ms of what is due, 99 % of codes within 5 ms of the schedule, the last within 5 ms. Shown by: itself.

use molink::line::{Code, LineSpec, Opened, Paced, Pacer, Settings, open, punctual};
use molink::machine::Machine;
use molink::message::{Class, Envelope, Message, Name, Part, Precedence};
use molink::router::{Backend, Delivery, EventSink, Order, Port, Stamped};
use molink::teletype::keys::Keys;
use molink::teletype::wire::START;
use molink::teletype::{Input, Opener, Output, Teletype, Terminal};
use molink::time::{Clock, Instant, Speed};
use rustix::event::{PollFd, PollFlags};
use rustix::fs::OFlags;
use rustix::pty::OpenptFlags;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::process::{Child, ExitCode, Stdio};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

struct Asked {
    codes: usize,
    settings: Settings,
    load: bool,
    bare: bool,
}

fn asked() -> Result<Asked, String> {
    let mut asked = Asked { codes: 400, settings: Settings::default(), load: false, bare: false };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut number = || args.next().and_then(|v| v.parse::<f64>().ok()).ok_or(format!("`{arg}` needs a number"));
        match arg.as_str() {
            "--codes" => asked.codes = number()?.max(2.0) as usize,
            "--baud" => asked.settings.baud = number()?,
            "--units" => asked.settings.units = number()?,
            "--load" => asked.load = true,
            "--bare" => asked.bare = true,
            "--bench" => (), // cargo's own
            _ => return Err(format!("`{arg}` is not known: there are --codes, --baud, --units, --load, --bare")),
        }
    }
    asked.settings.check().map(|()| asked)
}

fn main() -> ExitCode {
    let asked = match asked() {
        Ok(asked) => asked,
        Err(e) => {
            eprintln!("{e}");
            return ExitCode::from(2);
        }
    };
    let mut busy: Vec<Child> = vec![];
    if asked.load {
        let sha = || std::process::Command::new("sha256sum").arg("/dev/zero").stdout(Stdio::null()).spawn();
        busy.extend((0..2).filter_map(|_| sha().ok()));
    }
    println!("{} codes at {} Bd, {} units; {} busy programs beside", asked.codes, asked.settings.baud, asked.settings.units, busy.len());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let measured = runtime.block_on(async { if asked.bare { measure(&asked).await } else { measure_message(&asked).await } });
    busy.iter_mut().for_each(|b| {
        let _ = b.kill();
        let _ = b.wait();
    });
    match measured {
        Ok(measured) => report(asked.settings.code_time(), &measured),
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

/// Notes when each code is handed over, so that the pacer's own lateness can be told from the far end's waking up.
struct Noted<W>(W, Clock, Arc<Mutex<Vec<Instant>>>);

impl<R: AsyncRead + Unpin> AsyncRead for Noted<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Noted<W> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let now = self.1.now();
        let written = Pin::new(&mut self.0).poll_write(cx, buf);
        if let Poll::Ready(Ok(n)) = written {
            self.2.lock().unwrap_or_else(|e| e.into_inner()).extend((0..n).map(|_| now));
        }
        written
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// Reads the far end in a plain blocking thread on each processor: the first to wake notes the time, so that what is measured is the line
/// and not how long a busy processor kept the instrument waiting.
fn watch_far_end(master: &Arc<OwnedFd>, clock: &Clock, count: usize) -> Result<UnboundedReceiver<(Instant, Code)>, String> {
    rustix::fs::fcntl_setfl(master, OFlags::NONBLOCK).map_err(|e| e.to_string())?;
    let (noted, far) = unbounded_channel();
    let state = Arc::new((master.clone(), Mutex::new(0)));
    for place in punctual::places() {
        let (state, noted, clock) = (state.clone(), noted.clone(), clock.clone());
        std::thread::spawn(move || {
            punctual::take_place(place);
            let (master, seen) = &*state;
            while *seen.lock().unwrap_or_else(|e| e.into_inner()) < count {
                let _ = rustix::event::poll(&mut [PollFd::new(master, PollFlags::IN)], None);
                let mut buffer = [0; 64];
                let mut seen = seen.lock().unwrap_or_else(|e| e.into_inner());
                let now = clock.now();
                let n = rustix::io::read(master, &mut buffer).unwrap_or(0);
                *seen += n;
                buffer[..n].iter().for_each(|byte| {
                    let _ = noted.send((now, Code::new(*byte)));
                });
            }
        });
    }
    Ok(far)
}

/// What was measured: when the codes were sent, when each was handed over, when each came out of the far end.
struct Measured {
    start: Instant,
    handed: Vec<Instant>,
    arrived: Vec<Instant>,
}

async fn measure(asked: &Asked) -> Result<Measured, String> {
    let master = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).map_err(|e| e.to_string())?;
    rustix::pty::unlockpt(&master).map_err(|e| e.to_string())?;
    let name = rustix::pty::ptsname(&master, vec![]).map_err(|e| e.to_string())?;
    let opened = open(&LineSpec::Pty(name.to_string_lossy().into_owned().into()), &asked.settings).await?;

    let clock = Clock::new(None, Speed::REAL);
    let mut far = watch_far_end(&Arc::new(master), &clock, asked.codes)?;

    let unit = asked.settings.code_time();
    let noted: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let (pacer, mut told) =
        Pacer::start(Noted(opened.stream, clock.clone(), noted.clone()), unit, opened.handover, tokio::runtime::Handle::current());
    let mut left: Vec<Code> = (0..asked.codes).map(|i| Code::new(i as u8)).collect();
    let start = clock.now();
    loop {
        // Forty at a time, as a station sends: the schedule must hold across them.
        let rest = left.split_off(left.len().min(40));
        pacer.send(std::mem::replace(&mut left, rest));
        match told.recv().await {
            Some(Paced::Low) if left.is_empty() => break,
            Some(Paced::Low) => (),
            other => return Err(format!("the pacer says {other:?}")),
        }
    }
    let mut arrived = vec![];
    while arrived.len() < asked.codes {
        let read = tokio::time::timeout(Duration::from_secs(10), far.recv()).await;
        let Ok(Some((at, _))) = read else { return Err(format!("only {} codes came", arrived.len())) };
        arrived.push(at);
    }
    let handed = noted.lock().unwrap_or_else(|e| e.into_inner()).clone();
    Ok(Measured { start, handed, arrived })
}

/// A message of a whole backend: call-up and answer first, then text enough; what is measured is its first `codes` codes.
async fn measure_message(asked: &Asked) -> Result<Measured, String> {
    let master = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).map_err(|e| e.to_string())?;
    rustix::pty::unlockpt(&master).map_err(|e| e.to_string())?;
    let device: std::path::PathBuf =
        rustix::pty::ptsname(&master, vec![]).map_err(|e| e.to_string())?.to_string_lossy().into_owned().into();
    let (master, clock) = (Arc::new(master), Clock::new(None, Speed::REAL));
    let noted: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let table = format!("baud = {:?}\nunits = {:?}", asked.settings.baud, asked.settings.units);
    let keys = Keys::read(table.parse().map_err(|e: toml::de::Error| e.to_string())?)?;
    let (settings, notes, timer) = (asked.settings, noted.clone(), clock.clone());
    let opener: Opener = Box::new(move || {
        let (spec, notes, timer) = (LineSpec::Pty(device.clone()), notes.clone(), timer.clone());
        Box::pin(async move {
            let opened = open(&spec, &settings).await?;
            Ok(Opened { stream: Box::new(Noted(opened.stream, timer, notes)), ..opened })
        })
    });
    let washington: Name = "washington".parse()?;
    let (reports, mut ended) = tokio::sync::mpsc::channel(8);
    let (port, orders) = Port::new("cable", &washington, reports, Arc::new(Deaf), clock.clone());
    let mut moscow = Terminal::new(keys.config(&"moscow".parse()?, Speed::REAL, clock.epoch()));
    let mut far = watch_far_end(&master, &clock, usize::MAX)?;
    let backend = tokio::spawn(Box::new(Teletype::new(keys, opener)).run(port));
    orders.send(Order::Deliver(delivery(asked.codes)?)).await.map_err(|e| e.to_string())?;
    let (mut codes, mut arrived) = (vec![], vec![]);
    let first = loop {
        let (at, code) = match tokio::time::timeout(Duration::from_secs(30), far.recv()).await {
            Ok(Some(came)) => came,
            Ok(None) | Err(_) => return Err(format!("only {} codes came; {:?}", codes.len(), ended.try_recv())),
        };
        codes.push(code);
        arrived.push(at);
        // Moscow answers at once and unpaced: what is measured is Washington's line.
        let mut todo = vec![moscow.handle(at, Input::Received(vec![code]))];
        while let Some(outputs) = todo.pop() {
            for output in outputs {
                if let Output::Send(codes) = output {
                    let bytes: Vec<u8> = codes.iter().map(|c| c.value()).collect();
                    rustix::io::write(&*master, &bytes).map_err(|e| e.to_string())?;
                    todo.push(moscow.handle(clock.now(), Input::Transmitted));
                }
            }
        }
        let start = codes.windows(START.len()).position(|w| w == START);
        if let Some(first) = start.filter(|first| codes.len() >= first + asked.codes) {
            break first;
        }
    };
    backend.abort();
    let handed = noted.lock().unwrap_or_else(|e| e.into_inner())[first..first + asked.codes].to_vec();
    // The message's schedule begins where its first code was handed over.
    let start = Instant(handed[0].0 - asked.settings.code_time().as_micros() as u64);
    Ok(Measured { start, handed, arrived: arrived[first..first + asked.codes].to_vec() })
}

struct Deaf;
impl EventSink for Deaf {
    fn take(&self, _: Stamped) {}
}

fn delivery(codes: usize) -> Result<Delivery, String> {
    let text = "RYRYRYRYRY THE QUICK BROWN FOX JUMPED OVER THE LAZY DOG\n".repeat(codes / 40 + 2);
    let envelope = Envelope {
        from: "operator@washington".parse()?,
        to: "operator@moscow".parse()?,
        precedence: Precedence::Routine,
        class: Class::Message,
        subject: String::new(),
        via: vec![],
        post: None,
    };
    let content = vec![Part::Text { text: text.trim_end().into() }];
    let message = Message { identity: "WASHINGTON-0001-19630830T1600Z".parse()?, envelope, content };
    Ok(Delivery { number: 1, message, channel: 1, again: false })
}

/// How far from the schedule each is, in microseconds: code i is whole when its slot is over.
fn lateness(unit: Duration, start: Instant, at: &[Instant]) -> Vec<i64> {
    let due = |i: usize| (start + unit * (i as u32 + 1)).0 as i64;
    at.iter().enumerate().map(|(i, at)| at.0 as i64 - due(i)).collect()
}

fn tell(what: &str, off: &[i64]) -> f64 {
    let mut sorted = off.to_vec();
    sorted.sort_unstable();
    let part = |p: usize| sorted[(sorted.len() - 1) * p / 100] as f64 / 1e3;
    let share = off.iter().filter(|o| o.abs() <= 5_000).count() as f64 * 100.0 / off.len() as f64;
    println!(
        "{what}: {share:.2} % within 5 ms of the schedule; median {:+.2}, 90 % {:+.2}, 99 % {:+.2}, worst {:+.2}, earliest {:+.2} ms",
        part(50),
        part(90),
        part(99),
        part(100),
        part(0)
    );
    share
}

fn report(unit: Duration, m: &Measured) -> ExitCode {
    let (first, last) = (m.arrived[0], m.arrived[m.arrived.len() - 1]);
    let (took, due) = (last.since(first).as_micros() as i64, (unit * (m.arrived.len() as u32 - 1)).as_micros() as i64);
    println!("first to last code: {:.3} s; due {:.3} s; off by {:+.2} ms", took as f64 / 1e6, due as f64 / 1e6, (took - due) as f64 / 1e3);
    tell("handed over", &lateness(unit, m.start, &m.handed));
    let off = lateness(unit, m.start, &m.arrived);
    let share = tell("at the far end", &off);
    let end = off[off.len() - 1];
    println!("the last code at the far end: {:+.2} ms", end as f64 / 1e3);
    let good = (took - due).abs() <= 20_000 && share >= 99.0 && end.abs() <= 5_000;
    println!("{}", if good { "within bounds" } else { "OUT OF BOUNDS: 20 ms over all, 99 % within 5 ms, the last within 5 ms" });
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
