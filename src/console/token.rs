//! The API's token: made by the station, found by the command line of the same account.
//!
//! Standards: XDG Base Directory (state); 256 bits of the system's randomness, in hexadecimal.
//! In: the station's data folder, the address it listens on. Out: `DATA/api-token` (0600) and a link to it by address.
//! Left out: more than one token (one operator). Shown by: `console::token::tests`.

use crate::router::journal::store::{disk, hexadecimal, make_folder, sync_folder};
use rustix::fs::{Mode, OFlags};
use rustix::rand::{GetRandomFlags, getrandom};
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// `N` bytes of the system's randomness, in hexadecimal.
pub fn random<const N: usize>() -> io::Result<String> {
    let mut bytes = [0u8; N];
    let mut filled = 0;
    while filled < N {
        filled += getrandom(&mut bytes[filled..], GetRandomFlags::empty())?;
    }
    Ok(hexadecimal(&bytes))
}

/// The token of the station whose data lie in `data`; made if there is none. The error is one sentence.
pub fn make(data: &Path) -> Result<String, String> {
    let path = data.join("api-token");
    let fail = |e: io::Error| disk("make the token", &path, &e).to_string();
    match read(&path) {
        Ok(token) => {
            rustix::fs::chmod(&path, Mode::RUSR | Mode::WUSR).map_err(|e| fail(e.into()))?;
            return Ok(token);
        }
        Err(_) if !path.exists() => {}
        Err(why) => return Err(format!("{why}; remove it, the station then makes a new one")),
    }
    make_folder(data).map_err(fail)?;
    let token = random::<32>().map_err(fail)?;
    let aside = data.join(format!("api-token.{}", std::process::id()));
    let _ = std::fs::remove_file(&aside);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let mut file: File = rustix::fs::open(&aside, flags, Mode::RUSR | Mode::WUSR).map_err(|e| fail(e.into()))?.into();
    let written = writeln!(file, "{token}").and_then(|()| file.sync_all()).and_then(|()| std::fs::rename(&aside, &path));
    written.and_then(|()| sync_folder(data)).map_err(fail)?;
    Ok(token)
}

/// Reads a token file; the error is one sentence.
pub fn read(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let file = File::open(path).map_err(|e| disk("read the token", path, &e).to_string())?;
    let mut text = String::new();
    file.take(1024).read_to_string(&mut text).map_err(|e| disk("read the token", path, &e).to_string())?;
    let token = text.trim();
    let good = token.len() >= 32 && token.bytes().all(|b| b.is_ascii_graphic());
    good.then(|| token.to_owned()).ok_or_else(|| format!("`{shown}` holds no token; give the `api-token` of the station's data folder"))
}

/// Links the token to where [`find`] looks for that of a station at `address`.
pub fn link(data: &Path, address: SocketAddr) -> Result<PathBuf, String> {
    link_in(&state_folder()?, data, address)
}

fn link_in(state: &Path, data: &Path, address: SocketAddr) -> Result<PathBuf, String> {
    let place = state.join(name(&address.ip().to_string(), address.port()));
    let fail = |e: io::Error| disk("link the token at", &place, &e).to_string();
    make_folder(state).map_err(fail)?;
    let token = data.join("api-token").canonicalize().map_err(fail)?;
    let aside = state.join(format!("tmp-{}-{}", std::process::id(), address.port()));
    let _ = std::fs::remove_file(&aside);
    std::os::unix::fs::symlink(token, &aside).and_then(|()| std::fs::rename(&aside, &place)).map_err(fail)?;
    Ok(place)
}

/// The token of the station at `host:port`, as its own account finds it; the error is one sentence.
pub fn find(host: &str, port: u16) -> Result<String, String> {
    find_in(&state_folder()?, host, port)
}

/// The data folder of the station at `host:port`, if it is on this machine and its own account asks.
pub fn data(host: &str, port: u16) -> Option<PathBuf> {
    data_in(&state_folder().ok()?, host, port)
}

fn data_in(state: &Path, host: &str, port: u16) -> Option<PathBuf> {
    let token = places(state, host, port).iter().find_map(|place| place.canonicalize().ok())?;
    token.parent().map(Path::to_owned)
}

/// Where the link to a token may be.
fn places(state: &Path, host: &str, port: u16) -> Vec<PathBuf> {
    let bare = host.trim_matches(['[', ']']);
    let names: &[&str] = if bare.eq_ignore_ascii_case("localhost") { &["127.0.0.1", "::1"] } else { &[bare] };
    names.iter().map(|h| state.join(name(h, port))).collect()
}

fn find_in(state: &Path, host: &str, port: u16) -> Result<String, String> {
    let places = places(state, host, port);
    if let Some(place) = places.iter().find(|p| p.exists()) {
        return read(place);
    }
    Err(format!(
        "no token for a station at {host}:{port} (looked at `{}`); start the station under this account, or give `--token-file DATA/api-token`",
        places.first().map(|p| p.display().to_string()).unwrap_or_default()
    ))
}

fn name(host: &str, port: u16) -> String {
    let safe: String = host.chars().map(|c| if c.is_ascii_alphanumeric() || ".:-".contains(c) { c } else { '_' }).collect();
    format!("{safe}_{port}.token")
}

/// `$XDG_STATE_HOME/molink`, or `~/.local/state/molink`.
fn state_folder() -> Result<PathBuf, String> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|h| h.join(".local/state")));
    state.map(|s| s.join("molink")).ok_or_else(|| "neither XDG_STATE_HOME nor HOME is set; give `--token-file`".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_token_stays_is_private_and_is_found_by_address() {
        let dir = tempfile::tempdir().unwrap();
        let (data, state) = (dir.path().join("data"), dir.path().join("state/molink"));
        let token = make(&data).unwrap();
        assert_eq!((token.len(), make(&data).unwrap()), (64, token.clone()));
        assert_eq!(std::fs::metadata(data.join("api-token")).unwrap().permissions().mode() & 0o777, 0o600);
        link_in(&state, &data, "127.0.0.1:1963".parse().unwrap()).unwrap();
        link_in(&state, &data, "127.0.0.1:1963".parse().unwrap()).unwrap();
        assert_eq!(find_in(&state, "127.0.0.1", 1963), Ok(token.clone()));
        assert_eq!(find_in(&state, "localhost", 1963), Ok(token));
        assert_eq!(data_in(&state, "localhost", 1963), data.canonicalize().ok());
        assert_eq!(data_in(&state, "localhost", 1964), None);
        assert!(find_in(&state, "localhost", 1964).unwrap_err().contains("127.0.0.1_1964.token"));
        assert!(find_in(&state, "../../etc", 1).unwrap_err().contains(".._.._etc_1.token"));
    }

    #[test]
    fn a_file_that_holds_no_token_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("api-token"), "short\n").unwrap();
        assert!(make(dir.path()).unwrap_err().contains("holds no token"));
        assert_eq!(std::fs::read_to_string(dir.path().join("api-token")).unwrap(), "short\n");
    }
}
