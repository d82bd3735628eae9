//! A mail circuit of a scenario that is run for real: connections between two stations of this process, with a delay, a rate and cuts.
//!
//! Standards: TCP; certificates as `line::ip::certs` makes them. In: a circuit's plan, commands. Out: for each end where its port calls, the
//! listener its server has, its certificates; to who watches, the octets as they enter the circuit.
//! No free port is looked for: listeners are bound to port 0 and handed over. Bounded: 64 pieces of 4 KiB on their way in each connection and way.
//! Left out: what is said (the e-mail port's), loss and reordering (TCP's). Shown by: the tests below, `molink demo --era 2008`.

use super::StationError;
use super::live::Told;
use crate::history::scenario::CircuitPlan;
use crate::line::ip::certs;
use crate::message::Name;
use crate::time::{Clock, Instant, Speed, Utc};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// The longest piece of a connection that goes at once.
const PIECE: usize = 4096;
/// Pieces on their way at the most.
const PIECES: usize = 64;
/// A run's certificates are good for so many days; their keys go when it ends.
const DAYS: u32 = 2;

/// What goes by a mail circuit, as somebody who has tapped it sees it.
#[derive(Clone, Debug)]
pub struct Tapped {
    /// When, by the story's clock.
    pub utc: Utc,
    /// Which circuit.
    pub circuit: String,
    /// Which connection of it, from 1.
    pub connection: u64,
    /// From which station, and to which.
    pub way: [Name; 2],
    /// What.
    pub what: Passed,
}

/// What a tap sees.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Passed {
    /// The first station has called the second.
    Called,
    /// Octets, as they enter the circuit.
    Octets(Vec<u8>),
    /// The connection was ended by one of its ends.
    Ended,
    /// It broke off with the circuit.
    BrokeOff,
}

/// One end of it.
pub(super) struct MailEnd {
    /// Where the port of this end calls: it leads to the far end's server.
    pub door: SocketAddr,
    /// What the server of this end listens at.
    pub listener: Arc<std::net::TcpListener>,
    /// Where its certificates lie.
    pub tls: PathBuf,
}

/// A mail circuit at work. It ends when dropped.
pub(super) struct MailCircuit {
    pub ends: [MailEnd; 2],
    wire: Arc<Wire>,
    _doors: JoinSet<()>,
}

/// What all connections share.
struct Wire {
    name: String,
    stations: [Name; 2],
    rate: Option<u32>,
    clock: Clock,
    state: watch::Sender<State>,
    /// When each way is free again.
    free: [Mutex<Instant>; 2],
    /// Octets that still pass before it is cut, and for how long it is then.
    left: Mutex<Option<(u64, Option<Duration>)>>,
    count: Mutex<u64>,
    tap: mpsc::UnboundedSender<Told>,
}

#[derive(Clone, Copy)]
struct State {
    /// How often it was cut.
    cuts: u64,
    /// Until when; for good at the end of time.
    cut_until: Option<Instant>,
    delay: Duration,
}

impl MailCircuit {
    /// Opens it: certificates made, doors open. `keys` is a folder of its own; `clock` is the story's.
    pub async fn start(
        name: &str,
        plan: &CircuitPlan,
        keys: &Path,
        clock: Clock,
        tap: mpsc::UnboundedSender<Told>,
    ) -> Result<MailCircuit, StationError> {
        let cannot = |e: std::io::Error| StationError(format!("circuit `{name}`: no connection on this machine: {e}"));
        let stations = plan.ends.each_ref().map(|(station, _)| station.clone());
        let folders = certificates(keys, &stations).map_err(|why| StationError(format!("circuit `{name}`: {why}")))?;
        let (state, _) = watch::channel(State { cuts: 0, cut_until: None, delay: plan.profile.delay });
        let wire = Arc::new(Wire {
            name: name.to_owned(),
            stations,
            rate: plan.rate,
            clock,
            state,
            free: Default::default(),
            left: Mutex::new(None),
            count: Mutex::new(0),
            tap,
        });
        let servers = [free_listener().map_err(cannot)?, free_listener().map_err(cannot)?];
        let addresses = [servers[0].local_addr().map_err(cannot)?, servers[1].local_addr().map_err(cannot)?];
        let mut doors = JoinSet::new();
        let mut ends = Vec::with_capacity(2);
        for (here, (listener, tls)) in servers.into_iter().zip(folders).enumerate() {
            let door = TcpListener::bind(("127.0.0.1", 0)).await.map_err(cannot)?;
            ends.push(MailEnd { door: door.local_addr().map_err(cannot)?, listener: Arc::new(listener), tls });
            doors.spawn(wire.clone().open(door, here, addresses[1 - here]));
        }
        let ends = <[MailEnd; 2]>::try_from(ends).map_err(|_| StationError(format!("circuit `{name}` has two ends")))?;
        Ok(MailCircuit { ends, wire, _doors: doors })
    }

    /// One command: `cut [TIME]`, `cut after OCTETS [TIME]`, `restore`, `profile NAME`; answers `ok …` or `error …`.
    pub fn command(&self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        let lasts = |time: &[&str]| time.first().map(|time| crate::time::parse_duration(time)).transpose();
        let cut = match words.as_slice() {
            ["cut", "after", octets, time @ ..] if time.len() < 2 => match octets.parse::<u64>() {
                Ok(octets) => lasts(time).map(|lasts| (Some(octets), lasts)),
                Err(_) => Err(format!("`{octets}` is no number of octets")),
            },
            ["cut", time @ ..] if time.len() < 2 => lasts(time).map(|lasts| (None, lasts)),
            ["restore"] => {
                *self.wire.left() = None;
                self.wire.state.send_modify(|state| state.cut_until = None);
                return "ok".into();
            }
            ["profile", profile] => {
                return match crate::line::Profile::named(profile) {
                    Ok(profile) => {
                        self.wire.state.send_modify(|state| state.delay = profile.delay);
                        "ok".into()
                    }
                    Err(why) => format!("error {why}"),
                };
            }
            ["noise", ..] => Err("a mail circuit has no noise: TCP lets none through; cut it".into()),
            _ => Err(format!("`{line}` is not understood; there are cut, restore, profile")),
        };
        match cut {
            Ok((None, lasts)) => {
                self.wire.cut(lasts);
                "ok".into()
            }
            Ok((Some(octets), lasts)) => {
                *self.wire.left() = Some((octets, lasts));
                "ok".into()
            }
            Err(why) => format!("error {why}"),
        }
    }

    /// Ends it, and takes the private keys of the run away.
    pub fn stop(self) {
        self.wire.cut(None);
        for (end, station) in self.ends.iter().zip(&self.wire.stations) {
            let _ = std::fs::remove_file(certs::file(&end.tls, station.as_str(), "key"));
        }
    }
}

fn free_listener() -> std::io::Result<std::net::TcpListener> {
    std::net::TcpListener::bind(("127.0.0.1", 0))
}

/// A folder for each station: its own pair, and the other's certificate pinned, as two operators would have brought them.
fn certificates(keys: &Path, stations: &[Name; 2]) -> Result<[PathBuf; 2], String> {
    let folders = stations.each_ref().map(|station| keys.join(station.as_str()));
    for (folder, station) in folders.iter().zip(stations) {
        certs::make(folder, station.as_str(), certs::world_utc(), DAYS)?;
    }
    for here in [0, 1] {
        certs::pin(&folders[here], &certs::file(&folders[1 - here], stations[1 - here].as_str(), "crt"))?;
    }
    Ok(folders)
}

/// Ends both at once, as a line that is gone: what they have not read is lost.
fn reset(streams: [&TcpStream; 2]) {
    for stream in streams {
        let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
    }
}

impl Wire {
    /// Takes calls at one end, and connects them with the far end's server.
    async fn open(self: Arc<Self>, door: TcpListener, here: usize, server: SocketAddr) {
        let mut calls = JoinSet::new(); // dropped, it ends them
        loop {
            tokio::select! {
                Ok((caller, _)) = door.accept() => {
                    calls.spawn(self.clone().call(caller, here, server));
                }
                Some(_) = calls.join_next() => {}
            }
        }
    }

    /// One connection, to its end.
    async fn call(self: Arc<Self>, mut caller: TcpStream, here: usize, server: SocketAddr) {
        let mut state = self.state.subscribe();
        let cuts = state.borrow_and_update().cuts;
        let called = match self.is_cut() {
            true => None,
            false => TcpStream::connect(server).await.ok(),
        };
        let Some(mut called) = called else { return reset([&caller, &caller]) };
        let connection = {
            let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
            *count += 1;
            *count
        };
        let _ = (caller.set_nodelay(true), called.set_nodelay(true));
        self.tell(connection, here, Passed::Called);
        let broke = {
            let ((from_caller, to_caller), (from_called, to_called)) = (caller.split(), called.split());
            let there = self.carry(from_caller, to_called, here, connection);
            let back = self.carry(from_called, to_caller, 1 - here, connection);
            tokio::select! {
                biased;
                () = async { drop(state.wait_for(|state| state.cuts > cuts).await) } => true,
                _ = async { tokio::join!(there, back) } => false,
            }
        };
        if broke {
            reset([&caller, &called]);
        }
        self.tell(connection, here, if broke { Passed::BrokeOff } else { Passed::Ended });
    }

    /// One way of a connection: each piece leaves when the way is free and arrives a delay later, and the next is read when it has left.
    async fn carry(&self, mut from: impl AsyncReadExt + Unpin, mut to: impl AsyncWriteExt + Unpin, way: usize, connection: u64) {
        let (sent, mut arriving) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES);
        let sends = async move {
            let mut piece = vec![0; PIECE];
            while let Ok(count @ 1..) = from.read(&mut piece).await {
                let (count, cut) = self.counted(count);
                let octets = piece[..count].to_vec();
                self.tell(connection, way, Passed::Octets(octets.clone()));
                let gone = self.takes(way, count);
                let delay = self.state.borrow().delay;
                self.wait(gone).await;
                if sent.send((gone + delay, octets)).await.is_err() {
                    return;
                }
                if let Some(lasts) = cut {
                    return self.cut(lasts);
                }
            }
        };
        let arrives = async move {
            while let Some((at, octets)) = arriving.recv().await {
                self.wait(at).await;
                if to.write_all(&octets).await.is_err() {
                    return;
                }
            }
            let _ = to.shutdown().await;
        };
        tokio::join!(sends, arrives);
    }

    fn left(&self) -> std::sync::MutexGuard<'_, Option<(u64, Option<Duration>)>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// How many of these octets still pass; and if they are the last, how long the cut behind them lasts.
    fn counted(&self, octets: usize) -> (usize, Option<Option<Duration>>) {
        let mut left = self.left();
        match *left {
            None => (octets, None),
            Some((room, lasts)) if room > octets as u64 => {
                *left = Some((room - octets as u64, lasts));
                (octets, None)
            }
            Some((room, lasts)) => {
                *left = None;
                (room as usize, Some(lasts))
            }
        }
    }
    /// When the last of these octets has left, sent now or when the way is free.
    fn takes(&self, way: usize, octets: usize) -> Instant {
        let mut free = self.free[way].lock().unwrap_or_else(PoisonError::into_inner);
        let lasts = self.rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(octets as f64 * 8.0 / f64::from(rate)));
        *free = self.clock.now().max(*free) + lasts;
        *free
    }
    async fn wait(&self, at: Instant) {
        if self.clock.speed() != Speed::Max {
            tokio::time::sleep(self.clock.until(at)).await;
        }
    }
    fn is_cut(&self) -> bool {
        let now = self.clock.now();
        self.state.borrow().cut_until.is_some_and(|until| now < until)
    }
    fn cut(&self, lasts: Option<Duration>) {
        let until = lasts.map_or(Instant(u64::MAX), |lasts| self.clock.now() + lasts);
        self.state.send_modify(|state| (state.cuts, state.cut_until) = (state.cuts + 1, Some(until)));
    }
    fn tell(&self, connection: u64, from: usize, what: Passed) {
        let (utc, way) = (self.clock.utc(self.clock.now()), [self.stations[from].clone(), self.stations[1 - from].clone()]);
        let _ = self.tap.send(Told::Tapped(Tapped { utc, circuit: self.name.clone(), connection, way, what }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::scenario::Medium;
    use crate::line::Profile;

    struct Stage {
        dir: tempfile::TempDir,
        circuit: MailCircuit,
        tapped: mpsc::UnboundedReceiver<Told>,
        servers: [TcpListener; 2],
    }

    async fn stage() -> Stage {
        let dir = tempfile::tempdir().unwrap();
        let ends = ["washington", "moscow"].map(|station| (station.parse().unwrap(), "sat".to_owned()));
        let plan = CircuitPlan { ends, profile: Profile::geo(), medium: Medium::Mail, rate: Some(64_000) };
        let (tap, tapped) = mpsc::unbounded_channel();
        let clock = Clock::new(None, Speed::Max);
        let circuit = MailCircuit::start("sat", &plan, &dir.path().join("keys"), clock, tap).await.unwrap();
        let server = |end: usize| {
            let again = circuit.ends[end].listener.try_clone().unwrap();
            again.set_nonblocking(true).unwrap();
            TcpListener::from_std(again).unwrap()
        };
        let servers = [server(0), server(1)];
        Stage { dir, circuit, tapped, servers }
    }

    async fn call(stage: &Stage, from: usize) -> (TcpStream, TcpStream) {
        let caller = TcpStream::connect(stage.circuit.ends[from].door).await.unwrap();
        (caller, stage.servers[1 - from].accept().await.unwrap().0)
    }

    async fn heard(stage: &mut Stage) -> Passed {
        match stage.tapped.recv().await {
            Some(Told::Tapped(tapped)) => tapped.what,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn what_one_end_sends_the_other_has_and_the_tap_saw_it() {
        let mut stage = stage().await;
        let (mut caller, mut called) = call(&stage, 0).await;
        called.write_all(b"220 moscow\r\n").await.unwrap();
        let mut greeting = [0; 12];
        caller.read_exact(&mut greeting).await.unwrap();
        assert_eq!(&greeting, b"220 moscow\r\n");
        assert_eq!(heard(&mut stage).await, Passed::Called);
        assert_eq!(heard(&mut stage).await, Passed::Octets(greeting.to_vec()));
        drop(caller);
        assert_eq!(called.read(&mut greeting).await.unwrap(), 0, "its end is passed on");
    }

    #[tokio::test]
    async fn a_cut_after_so_many_octets_breaks_off_in_the_midst_and_calls_are_reset_until_it_is_mended() {
        let mut stage = stage().await;
        assert_eq!(stage.circuit.command("cut after 10000"), "ok");
        let (mut caller, mut called) = call(&stage, 1).await;
        let sending = tokio::spawn(async move { caller.write_all(&[7; 50_000]).await.map(|()| caller) });
        let mut came = vec![];
        let error = called.read_to_end(&mut came).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        assert!(came.len() <= 10_000, "{}", came.len());
        drop(sending.await);
        let mut octets = 0;
        loop {
            match heard(&mut stage).await {
                Passed::Octets(piece) => octets += piece.len(),
                Passed::BrokeOff => break,
                Passed::Called => {}
                Passed::Ended => panic!("it was cut"),
            }
        }
        assert_eq!(octets, 10_000);
        let mut again = TcpStream::connect(stage.circuit.ends[1].door).await.unwrap();
        assert!(again.read(&mut [0]).await.is_err(), "no call while it is cut");
        assert_eq!(stage.circuit.command("restore"), "ok");
        let (mut caller, mut called) = call(&stage, 1).await;
        caller.write_all(b"x").await.unwrap();
        assert_eq!(called.read(&mut [0]).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn each_station_has_its_own_key_and_the_others_certificate_and_the_keys_go_with_the_run() {
        let stage = stage().await;
        let folder = stage.dir.path().join("keys/washington");
        assert!(certs::own(&folder, "washington").is_ok() && certs::pinned(&folder, "moscow").is_ok());
        assert!(!folder.join("moscow.key").exists());
        stage.circuit.stop();
        assert!(!folder.join("washington.key").exists() && folder.join("washington.crt").exists());
    }

    #[tokio::test]
    async fn what_a_mail_circuit_does_not_do_is_said() {
        let stage = stage().await;
        for (command, word) in
            [("noise heavy", "cut it"), ("cut after x", "`x`"), ("cut soon", "soon"), ("profile rome", "`rome`"), ("dance", "`dance`")]
        {
            let answer = stage.circuit.command(command);
            assert!(answer.starts_with("error ") && answer.contains(word), "{answer}");
        }
    }
}
