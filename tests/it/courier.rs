//! The courier: a whole backend in under 80 lines. One Unix socket, one JSON line a message, one word back.
use molink::message::{Message, Takes};
use molink::router::{Backend, BackendError, BoxFuture, Delivery, Door, Fault, Order, Outcome, Port, Reason, Receipt, Verdict};
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

/// Carries messages between the socket it listens on and the one it calls.
pub struct Courier {
    pub own: PathBuf,
    pub far: PathBuf,
}

impl Backend for Courier {
    fn takes(&self) -> Takes {
        Takes { pages: false, files: false, ..Takes::everything() } // any text; files would need their bytes carried too
    }

    fn run(self: Box<Self>, mut port: Port) -> BoxFuture<'static, Result<(), BackendError>> {
        Box::pin(async move {
            let _ = std::fs::remove_file(&self.own); // left by a crash
            let trouble = |e| BackendError(format!("{}: {e}; is the folder there", self.own.display()));
            let listener = UnixListener::bind(&self.own).map_err(trouble)?;
            let mut errands = JoinSet::new(); // dropped, and so stopped, with us
            loop {
                tokio::select! {
                    order = port.next_order() => match order {
                        Some(Order::Deliver(delivery)) => drop(errands.spawn(carry(self.far.clone(), delivery, port.door()))),
                        Some(Order::CallOff(_)) => {} // an errand cannot be stopped half-way: its receipt wins
                        Some(Order::Tell { .. }) => {} // nobody types here
                        None => return Ok(()),
                    },
                    Ok((caller, _)) = listener.accept() => drop(errands.spawn(receive(caller, port.door()))),
                    Some(_) = errands.join_next() => {}
                }
            }
        })
    }
}

/// Takes one message over and reports what was said to it.
async fn carry(far: PathBuf, delivery: Delivery, door: Door) {
    let errand = async {
        let mut call = UnixStream::connect(&far).await?;
        call.write_all((serde_json::to_string(&delivery.message)? + "\n").as_bytes()).await?;
        let mut said = String::new();
        call.take(1000).read_to_string(&mut said).await.map(|_| said)
    };
    let line = |why: String| Outcome::Deferred(Reason::new(Fault::Line, format!("{}: {why}", far.display())));
    let station = delivery.message.envelope.to.station.clone();
    let outcome = match tokio::time::timeout(Duration::from_secs(20), errand).await {
        Err(_) => line("no answer within 20 s".into()),
        Ok(Err(e)) => line(e.to_string()),
        Ok(Ok(said)) if said == "filed" => Outcome::Delivered(Receipt { station, before: false, text: said }),
        Ok(Ok(said)) if said.starts_with("no: ") => Outcome::Refused(Reason::new(Fault::Peer, &said[4..])),
        Ok(Ok(said)) => line(format!("`{said}` instead of a receipt")),
    };
    door.report(delivery.number, outcome).await;
}

/// Takes one message in, hands it to the router, says what became of it.
async fn receive(mut caller: UnixStream, door: Door) {
    let mut line = String::new();
    let read = BufReader::new((&mut caller).take(4 << 20)).read_line(&mut line).await;
    let Ok(message) = read.map_err(|_| ()).and_then(|_| serde_json::from_str::<Message>(&line).map_err(|_| ())) else { return };
    let said = match door.submit(message).await {
        Verdict::Filed | Verdict::FiledBefore => "filed".to_owned(),
        Verdict::Refused(reason) => format!("no: {}", reason.text),
        Verdict::TryLater(reason) => format!("later: {}", reason.text),
    };
    let _ = caller.write_all(said.as_bytes()).await; // a caller that hung up asks again
}
