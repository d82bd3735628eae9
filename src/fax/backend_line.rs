//! What carries fax calls, as the backend sees it: a line that can be called over and that rings, and the modem of a call.
//!
//! Standards: none; the modem's orders are those of `modem`. In: orders. Out: what the modem hears.
//! Left out: what is behind it (a simulated circuit, UDP). Shown by: `docs/fax-call.md`.

use super::modem::{Heard, Order};
use crate::router::{BoxFuture, Reason};
use tokio::sync::mpsc;

/// A line to one far end. Both calls are cancel-safe: a call that is dropped was not made, and one that rings rings on.
pub trait FaxLine: Send + 'static {
    /// Calls the far end: the modem of the call once the line is taken, or why there is none (busy, cut, nobody there).
    /// Nobody need have answered yet: that is for the modem to hear.
    fn dial(&mut self) -> BoxFuture<'_, Result<Handset, Reason>>;
    /// Waits until the far end calls. `Err`: the line is of no use any more; what, where and what to do, in a sentence.
    fn ring(&mut self) -> BoxFuture<'_, Result<Handset, String>>;
    /// How it is called in sentences: `the circuit satellite`, `T.38 to 127.0.0.1:5004`.
    fn name(&self) -> String;
    /// What it must have for itself (see `router::Backend::holds`).
    fn holds(&self) -> Vec<String> {
        vec![]
    }
}

/// What a modem is told: an order, or that all it has said so far was heard and answered.
#[derive(Debug)]
pub enum ToModem {
    /// Do this.
    Order(Order),
    /// What was heard is dealt with. A line whose time is virtual goes on only now; another does not care.
    Settled,
}

/// The modem of a call. Dropped, it hangs up.
pub struct Handset {
    orders: mpsc::UnboundedSender<ToModem>,
    heard: mpsc::Receiver<Heard>,
    owed: bool,
}

/// The line's side of a [`Handset`].
pub struct Modem {
    /// What it is told. It ends when the handset is dropped: hang up.
    pub orders: mpsc::UnboundedReceiver<ToModem>,
    /// What it hears goes here. (Room for a few; a handset that does not listen makes the line wait.)
    pub heard: mpsc::Sender<Heard>,
}

impl Handset {
    /// A handset, and the line's side of it.
    pub fn new() -> (Handset, Modem) {
        let (told, orders) = mpsc::unbounded_channel();
        let (tell, heard) = mpsc::channel(64);
        (Handset { orders: told, heard, owed: false }, Modem { orders, heard: tell })
    }
    /// Tells the modem to do something. A line that is gone does not hear it; [`Handset::heard`] says so.
    pub fn order(&self, order: Order) {
        let _ = self.orders.send(ToModem::Order(order));
    }
    /// What is heard next; `Lost` when the line is gone. Asking says that all before it is dealt with. Cancel-safe.
    pub async fn heard(&mut self) -> Heard {
        if std::mem::take(&mut self.owed) {
            let _ = self.orders.send(ToModem::Settled);
        }
        let heard = self.heard.recv().await.unwrap_or(Heard::Lost);
        self.owed = true;
        heard
    }
}
