//! A line between a mail client and its server that can be cut and held: every octet passes a test's hands.

use crate::wire::address;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

/// Passes connections on until it is dropped.
pub struct Relay {
    /// Where it listens.
    pub address: String,
    tell: mpsc::UnboundedSender<(bool, oneshot::Sender<()>)>,
    cut: Arc<AtomicBool>,
}

impl Relay {
    /// Before the server at `to`, which need not be there yet.
    pub fn to(to: &str) -> Relay {
        Relay::on(&address(), to)
    }
    /// The same at an address of the test's choice.
    pub fn on(at: &str, to: &str) -> Relay {
        let listener = std::net::TcpListener::bind(at).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        listener.set_nonblocking(true).unwrap();
        let (tell, told) = mpsc::unbounded_channel();
        let cut = Arc::new(AtomicBool::new(false));
        tokio::spawn(serve(listener, to.to_owned(), told, cut.clone()));
        Relay { address, tell, cut }
    }
    /// Cuts the line: connections are gone, and new ones end at once; or mends it.
    pub async fn cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::SeqCst);
        let (done, wait) = oneshot::channel();
        self.tell.send((cut, done)).unwrap();
        wait.await.unwrap();
    }
}

async fn serve(
    listener: std::net::TcpListener,
    to: String,
    mut told: mpsc::UnboundedReceiver<(bool, oneshot::Sender<()>)>,
    cut: Arc<AtomicBool>,
) {
    let listener = TcpListener::from_std(listener).unwrap();
    let mut lines = JoinSet::new();
    loop {
        tokio::select! {
            order = told.recv() => match order {
                None => return,
                Some((cut, done)) => {
                    if cut {
                        lines.shutdown().await;
                    }
                    let _ = done.send(());
                }
            },
            Ok((stream, _)) = listener.accept() => if !cut.load(Ordering::SeqCst) {
                lines.spawn(pass(stream, to.clone()));
            },
            Some(_) = lines.join_next(), if !lines.is_empty() => {}
        }
    }
}

async fn pass(near: TcpStream, to: String) {
    // An end that restarts is a moment away from listening again: the line is there all the same.
    let Ok(far) = TcpStream::connect(&to).await else { return };
    let ((from_near, to_near), (from_far, to_far)) = (near.into_split(), far.into_split());
    tokio::join!(copy(from_near, to_far), copy(from_far, to_near));
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        if to.write_all(&buffer[..n]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
