//! The server of an e-mail port: takes connections, holds them to the limits, files what they bring.
//!
//! Standards: RFC 5321 and its extensions (`docs/smtp.md`). In: connections. Out: messages and drafts at the router's door.
//! Left out: one connection (`session`), what becomes of a mail (`intake`). Shown by: `tests/it/email_server.rs`.

mod directory;
mod intake;
mod quota;
mod session;
mod spool;
mod tls;

use self::directory::Directory;
use self::intake::Intake;
use self::session::{Connection, Hall, run};
use self::spool::Spool;
use self::tls::Identity;
use crate::email::backend::{Listener, Shared};
use crate::email::backend_users::Users;
use crate::email::keys::{Keys, Kind};
use crate::email::smtp::Server;
use crate::email::smtp::replies::Say;
use crate::email::smtp::server::Config;
use crate::line::ip::tcp;
use crate::message::Name;
use std::collections::BTreeMap;
use std::io::Write;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long the sessions have to say their last word when the station stops.
const STOPPING: Duration = Duration::from_secs(4);

/// Listens at `at`; on this machine only unless `anyone`.
pub(super) async fn listen(at: &str, anyone: bool) -> Result<Listener, String> {
    if !anyone {
        refuse_open_door(at).await?;
    }
    tcp::listen(at).await
}

async fn refuse_open_door(at: &str) -> Result<(), String> {
    let found = tokio::net::lookup_host(at).await.map_err(|e| format!("cannot listen on `{at}`: {e}; give HOST:PORT"))?;
    match found.into_iter().find(|a| !a.ip().is_loopback()) {
        Some(open) => Err(format!(
            "`listen = \"{at}\"` ({}) can be reached from other machines; add anyone = true to `line` if mail shall come from there",
            open.ip()
        )),
        None => Ok(()),
    }
}

/// Tries what a port needs before the station runs; notes, or why it would not work.
pub(super) async fn check(keys: &Keys, station: &Name) -> Result<Vec<String>, String> {
    let Some(at) = &keys.line.listen else { return Ok(vec![]) };
    drop(listen(at, keys.line.anyone).await?);
    let identity = Identity::new(keys.line.tls.as_ref(), station, keys.peer.as_ref(), &keys.host(station))?;
    let mut notes = vec![];
    if identity.throw_away().is_some() {
        notes.push("STARTTLS with a throw-away certificate, another at each start; stations pin the one in line.tls".to_owned());
    }
    if let Some(path) = &keys.users {
        notes.push(match Users::at(path).read()?.len() {
            0 => format!("AUTH under TLS, and nobody can log in: `molink mail user NAME --file {}` adds a user", path.display()),
            1 => "AUTH under TLS for one user".to_owned(),
            n => format!("AUTH under TLS for {n} users"),
        });
    }
    notes.push(match (keys.kind, keys.login_required) {
        (Kind::Line, _) if keys.users.is_none() => "takes mail only of stations whose certificate is pinned".to_owned(),
        (Kind::Line, _) => "takes mail of stations whose certificate is pinned, and of users who log in".to_owned(),
        (Kind::Gateway, true) => "takes mail of users who log in and of pinned stations only".to_owned(),
        (Kind::Gateway, false) => format!(
            "takes mail of anybody for desks here and at stations that a route names, {} an hour from one sender: at a desk with a machine it prints",
            if keys.quota == 0 { "without a limit".to_owned() } else { keys.quota.to_string() }
        ),
    });
    Ok(notes)
}

/// How many connections there are, in all and from each address.
#[derive(Default)]
struct Count {
    all: usize,
    each: BTreeMap<IpAddr, usize>,
}

/// One of them; it is counted until it is dropped.
struct Counted(Arc<Mutex<Count>>, IpAddr);

impl Counted {
    fn new(count: &Arc<Mutex<Count>>, from: IpAddr, keys: &Keys) -> Option<Counted> {
        let mut now = count.lock().unwrap_or_else(PoisonError::into_inner);
        if now.all >= keys.connections || now.each.get(&from).is_some_and(|n| *n >= keys.per_address) {
            return None;
        }
        now.all += 1;
        *now.each.entry(from).or_default() += 1;
        Some(Counted(count.clone(), from))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        now.all -= 1;
        if let Some(n) = now.each.get_mut(&self.1) {
            *n -= 1;
            if *n == 0 {
                now.each.remove(&self.1);
            }
        }
    }
}

/// A port that is started again at once may find its last listener not closed yet: it is tried so many times before it is said, so long apart.
const AT_ONCE: usize = 20;
const MOMENT: Duration = Duration::from_millis(25);
/// Then somebody else has the address. How often it is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Listens as soon as the address can be had; `None`: the station stops before. What the port sends does not wait for that.
async fn listening(shared: &Shared, at: &str, stopping: &mut watch::Receiver<bool>) -> Option<Listener> {
    let (mut tries, mut said) = (0, String::new());
    loop {
        let why = match listen(at, shared.keys.line.anyone).await {
            Ok(listener) => {
                if !said.is_empty() {
                    shared.note(format!("mail is taken at `{at}` now"));
                }
                return Some(listener);
            }
            Err(why) => why,
        };
        tries += 1;
        if tries >= AT_ONCE && why != said {
            shared.warn(format!("no mail can be taken: {why}; it is tried again until it can be had"));
            said = why;
        }
        tokio::select! {
            biased;
            () = stop(stopping) => return None,
            () = tokio::time::sleep(if tries < AT_ONCE { MOMENT } else { AGAIN }) => {}
        }
    }
}

/// Serves on a listener that is open, or at this address, until `stopping` says so; then every session is told, and has [`STOPPING`] to end.
pub(super) async fn serve(
    shared: Arc<Shared>,
    at: String,
    open: Option<Listener>,
    mut stopping: watch::Receiver<bool>,
) -> Result<(), String> {
    let listener = match open {
        Some(open) => Some(open),
        None => listening(&shared, &at, &mut stopping).await,
    };
    match listener {
        Some(listener) => serve_on(shared, listener, stopping).await,
        None => Ok(()),
    }
}

async fn serve_on(shared: Arc<Shared>, listener: Listener, mut stopping: watch::Receiver<bool>) -> Result<(), String> {
    let host = shared.keys.host(&shared.station);
    let tls = Identity::new(shared.keys.line.tls.as_ref(), &shared.station, shared.keys.peer.as_ref(), &host)?;
    if let Some(fingerprint) = tls.throw_away() {
        shared.note(format!(
            "STARTTLS with a throw-away certificate made now, SHA-256 {fingerprint}; `line.tls` names a folder with one that lasts"
        ));
    }
    let spool = Spool::open(shared.place.data.join("mail").join("spool").join(&shared.port), shared.keys.size)?;
    let directory = Arc::new(Directory::new(shared.clone()));
    directory.look();
    let intake = Arc::new(Intake::new(shared.clone(), directory.clone()));
    let hall = Arc::new(Hall { intake, spool, tls });
    let config = config(&shared, host.clone(), directory);
    let count = Arc::new(Mutex::new(Count::default()));
    let mut sessions = JoinSet::new();
    let told = stopping.clone();
    loop {
        tokio::select! {
            biased;
            () = stop(&mut stopping) => break,
            called = listener.accept() => match called {
                Ok((stream, from)) => match Counted::new(&count, from.ip(), &shared.keys) {
                    Some(counted) => {
                        // Replies go out as soon as they are due: one that waited for the far end to acknowledge the last cost 40 ms a mail.
                        let _ = stream.set_nodelay(true); // it is as good as closed then, which is heard
                        let connection = Connection::new(hall.clone(), stream, from.ip().to_string(), told.clone());
                        let machine = Server::new(config.clone(), from.ip().to_string());
                        sessions.spawn(async move {
                            run(machine, connection).await;
                            drop(counted);
                        });
                    }
                    None => turn_away(stream, &host),
                },
                // It hung up at once, or there are no more files: neither is worth a word, nor a hot loop.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            },
            Some(_) = sessions.join_next(), if !sessions.is_empty() => {}
        }
    }
    drop(listener);
    let _ = tokio::time::timeout(STOPPING, async { while sessions.join_next().await.is_some() {} }).await;
    Ok(())
}

/// Waits until the station stops.
async fn stop(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await; // whoever could say so is gone: it stops as well
}

fn config(shared: &Shared, host: String, directory: Arc<Directory>) -> Config {
    // A line is for stations: who is not known by a certificate or a login has nothing to say there.
    let known_only = shared.keys.login_required || shared.keys.outside().is_none();
    Config {
        host,
        directory,
        limits: shared.keys.limits(),
        tls: true,
        tls_required: known_only,
        auth: shared.keys.users.is_some(),
        auth_required: known_only,
        speed: shared.clock.speed(),
    }
}

/// One too many: told so, if it can be told at once; nothing of it is kept.
fn turn_away(stream: TcpStream, host: &str) {
    if let Ok(mut stream) = stream.into_std() {
        let _ = stream.write(&Say::TooManyConnections.line(host)); // a new connection has room for a line
    }
}
