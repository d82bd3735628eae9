//! The conformance suite, run for every backend: the courier here, the teletype over a real pty circuit.

use crate::courier::Courier;
use molink::message::Name;
use molink::router::conformance::{CaseResult, Subject, run};
use molink::router::{Backend, BoxFuture};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

fn all_pass(results: Vec<CaseResult>) {
    let told: Vec<String> = results.iter().map(|(case, result)| format!("{case}: {result:?}")).collect();
    println!("{}", told.join("\n"));
    assert!(results.len() >= 12 && results.iter().all(|(_, r)| r.is_ok()), "{}", told.join("\n"));
}

struct Couriers(tempfile::TempDir);

impl Couriers {
    fn socket(&self, station: &str) -> PathBuf {
        self.0.path().join(station)
    }
}

impl Subject for Couriers {
    fn end(&self, station: &Name) -> Box<dyn Backend> {
        let far = if station.as_str() == "alpha" { "to-beta" } else { "to-alpha" };
        // The far end is reached by a link, so that the line can be cut without asking either end.
        let own = self.socket(station.as_str());
        let link = self.socket(&format!("to-{station}"));
        if !link.exists() {
            let _ = std::fs::remove_file(&link);
            std::os::unix::fs::symlink(&own, &link).unwrap();
        }
        Box::new(Courier { own, far: self.socket(far) })
    }
    fn cut(&self, cut: bool) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            for station in ["alpha", "beta"] {
                let link = self.socket(&format!("to-{station}"));
                let _ = std::fs::remove_file(&link);
                if !cut {
                    std::os::unix::fs::symlink(self.socket(station), &link).unwrap();
                }
            }
        })
    }
    fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_courier_passes() {
    static N: AtomicU32 = AtomicU32::new(0);
    let subject = || {
        N.fetch_add(1, Ordering::SeqCst);
        Couriers(tempfile::tempdir().unwrap())
    };
    all_pass(run(subject).await);
    assert_eq!(N.load(Ordering::SeqCst), 12, "each case on a fresh line");
}
