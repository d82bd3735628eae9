//! The control socket of a relay: a Unix socket, one command a line, one answer a line, several clients at a time.
//!
//! Standards: none, ours. In: command lines (at most 200 bytes). Out: `ok …` or `error …`. Left out: names for clients; whoever may open the
//! socket (mode 0600: the same account) may command. Shown by: `tests/it/line.rs`.

use super::Orders;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

/// Longest command line.
const LINE: usize = 200;
/// Most clients at a time; the next waits.
const CLIENTS: usize = 16;

/// A bound socket; its file goes with it.
pub(super) struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    /// Binds; replaces a socket that nobody answers any more, refuses anything else that is there.
    pub fn bind(path: &Path) -> Result<Socket, String> {
        let shown = path.display();
        if let Ok(meta) = std::fs::symlink_metadata(path) {
            if !meta.file_type().is_socket() {
                return Err(format!("`{shown}` exists and is not a control socket: choose another path or remove it"));
            }
            if std::os::unix::net::UnixStream::connect(path).is_ok() {
                return Err(format!("`{shown}` is the control socket of another running line: choose another path or end that line"));
            }
            std::fs::remove_file(path).map_err(|e| format!("cannot remove the stale control socket `{shown}`: {e}"))?;
        }
        // Bound under a name of its own, made private, then moved: nobody can open it in between.
        let fresh = path.with_file_name(format!(".{}.{}", path.file_name().unwrap_or_default().to_string_lossy(), std::process::id()));
        let cannot = |e: std::io::Error| format!("cannot make the control socket `{shown}`: {e}");
        let listener = UnixListener::bind(&fresh).map_err(cannot)?;
        let made = std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(0o600)).and_then(|()| std::fs::rename(&fresh, path));
        made.map_err(|e| {
            let _ = std::fs::remove_file(&fresh);
            cannot(e)
        })?;
        Ok(Socket { listener, path: path.to_owned() })
    }

    /// Serves until aborted.
    pub async fn serve(self, orders: Orders) {
        let room = Arc::new(Semaphore::new(CLIENTS));
        let mut clients = tokio::task::JoinSet::new(); // they end with this task
        loop {
            let Ok(permit) = room.clone().acquire_owned().await else { return };
            while clients.try_join_next().is_some() {}
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let orders = orders.clone();
                    clients.spawn(async move {
                        let _ = client(stream, orders).await; // a client that goes away is no error
                        drop(permit);
                    });
                }
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(100)).await, // out of descriptors: later
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn client(stream: UnixStream, orders: Orders) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = vec![];
        let read = (&mut reader).take(LINE as u64 + 1).read_until(b'\n', &mut line).await?;
        if read == 0 {
            return Ok(());
        }
        if line.len() > LINE && line.last() != Some(&b'\n') {
            return writer.write_all(format!("error a command has at most {LINE} bytes\n").as_bytes()).await;
        }
        let answer = match std::str::from_utf8(&line) {
            Ok(text) => orders.command(text.trim()).await,
            Err(_) => "error a command is plain text".into(),
        };
        writer.write_all(format!("{answer}\n").as_bytes()).await?;
    }
}
