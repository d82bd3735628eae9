//! The client of an e-mail port under TLS: whose certificate is taken, who is refused and in which words, and when a password is said.

use crate::email_far::{Caller, Far, Sender, message, text};
use crate::tls::{DAY, Folders, ago};
use molink::line::ip::certs;
use molink::router::{Event, Fault, Outcome};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// An authority of a test's own, and a certificate by it for these names, until this year, with its key: as PEM.
pub fn authority(names: &[&str], until: i32) -> [String; 3] {
    let (authority, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut root = CertificateParams::new(vec![]).unwrap();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.distinguished_name.push(DnType::CommonName, "an authority of a test");
    let shown = root.self_signed(&authority).unwrap().pem();
    let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    let cert = params.signed_by(&key, &Issuer::new(root, authority)).unwrap();
    [shown, cert.pem(), key.serialize_pem()]
}

/// What a server shows: a certificate and its key.
struct Shown(CertificateDer<'static>, PrivateKeyDer<'static>);

impl Shown {
    /// A station's.
    fn of(folder: &Path, station: &str) -> Shown {
        let own = certs::own(folder, station).unwrap();
        Shown(own.cert.der, own.key)
    }
    /// One by an authority of a test's own, for these names, until this year; the authority's goes to `file` as PEM.
    fn by_authority(names: &[&str], until: i32, file: &Path) -> Shown {
        let [root, cert, key] = authority(names, until);
        std::fs::write(file, root).unwrap();
        Shown(CertificateDer::from_pem_slice(cert.as_bytes()).unwrap(), PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap())
    }
    /// Greets the next caller, says STARTTLS to it, and TLS; `None` if it leaves.
    async fn secures(&self, far: &Far) -> Option<Caller> {
        let mut there = far.greeted(&["STARTTLS"]).await;
        there.hears("STARTTLS").await;
        there.say("220 2.0.0 go").await;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.0.clone()], self.1.clone_key())
            .unwrap();
        let stream = TlsAcceptor::from(Arc::new(config)).accept(there.into_wire()).await.ok()?;
        Some(Caller::new(stream))
    }
    /// Takes a message from the next caller.
    async fn takes(&self, far: &Far) -> Caller {
        let mut there = self.secures(far).await.expect("TLS stands");
        there.hello(&["PIPELINING"]).await;
        there.message().await;
        there.say("250 ok").await;
        there
    }
}

/// The sentence of a delivery that was put off by the line's fault, or ours.
fn put_off(outcome: Outcome) -> String {
    match outcome {
        Outcome::Deferred(reason) if reason.fault != Fault::Peer => reason.text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_station_that_is_not_pinned_at_the_far_end_is_told_so_and_comes_anew() {
    let folders = Folders::new();
    let moscow = Shown::of(&folders.of("moscow"), "moscow");
    let far = Far::new().await;
    let keys = format!("peer = \"moscow\"\nline = {{ smtp = \"{}\", tls = \"{}\" }}", far.address, folders.of("washington").display());
    let mut sender = Sender::start(&keys);
    let m = message(1, "chairman@moscow", text("x"));
    for _ in 0..2 {
        sender.deliver(&m).await;
        let mut there = moscow.secures(&far).await.expect("TLS stands");
        there.hello(&["SIZE"]).await;
        there.hears("MAIL FROM:").await;
        there.say("530 5.7.0 log in first").await;
        let text = put_off(sender.outcome().await);
        let expected = "answered `530 5.7.0 log in first` while waiting for the answer to MAIL; it does not know the certificate of washington: \
                        washington.crt is to be pinned there (molink certs pin)";
        assert!(text.ends_with(expected), "{text}");
        // This session stays what it is, whatever is pinned meanwhile.
        there.hears("QUIT").await;
        there.say("221 bye").await;
    }
    sender.deliver(&m).await;
    drop(moscow.takes(&far).await);
    assert!(matches!(sender.outcome().await, Outcome::Delivered(_)));
    let events = sender.seen();
    let said = |what: fn(&Event) -> bool| events.iter().filter(|e| what(e)).count();
    assert_eq!((said(|e| matches!(e, Event::LineUp { .. })), said(|e| matches!(e, Event::LineDown { .. }))), (2, 1), "{events:?}");
    sender.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_pinned_certificate_of_a_station_is_taken_and_each_other_is_named() {
    let folders = Folders::new();
    let moscow = Shown::of(&folders.of("moscow"), "moscow");
    let other = Shown::of(&folders.other("abroad", "moscow", certs::world_utc(), 30), "moscow");
    let london = Shown::of(&folders.other("abroad", "london", certs::world_utc(), 30), "london");
    let ours = Shown::of(&folders.of("washington"), "washington");
    let far = Far::new().await;
    let keys = format!("peer = \"moscow\"\nline = {{ smtp = \"{}\", tls = \"{}\" }}", far.address, folders.of("washington").display());
    let mut sender = Sender::start(&keys);
    let m = message(1, "chairman@moscow", text("x"));
    for (shown, words) in [
        (other, "but its certificate (SHA-256"),
        (london, "the certificate shown is that of `london`, and this line is to moscow"),
        (ours, "shows this station's own certificate"),
    ] {
        sender.deliver(&m).await;
        assert!(shown.secures(&far).await.is_none(), "nothing is handed over");
        let text = put_off(sender.outcome().await);
        assert!(text.starts_with("moscow at 127.0.0.1:") && text.contains(words), "{text}");
    }
    sender.deliver(&m).await;
    drop(moscow.takes(&far).await);
    assert!(matches!(sender.outcome().await, Outcome::Delivered(r) if r.station.as_str() == "moscow"));
    // Without STARTTLS nothing goes either.
    sender.deliver(&m).await;
    let mut there = far.greeted(&["PIPELINING"]).await;
    assert!(put_off(sender.outcome().await).contains("does not offer STARTTLS"));
    assert!(there.hears("").await.is_empty() || there.is_gone().await);
    let events = sender.seen();
    let ups = events.iter().filter(|e| matches!(e, Event::LineUp { .. })).count();
    let downs = events.iter().filter(|e| matches!(e, Event::LineDown { .. })).count();
    assert_eq!((ups, downs), (1, 2), "{events:?}");
    sender.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_certificate_that_has_ended_and_files_that_are_missing_are_said_with_what_to_do() {
    let folders = Folders::new();
    let over = folders.other("past", "moscow", ago(40 * DAY), 30);
    let far = Far::new().await;
    let m = message(1, "chairman@moscow", text("x"));
    let keys = |folder: &Path| format!("peer = \"moscow\"\nline = {{ smtp = \"{}\", tls = \"{}\" }}", far.address, folder.display());
    let folder = folders.other("w", "washington", certs::world_utc(), 30);
    std::fs::copy(certs::file(&over, "moscow", "crt"), certs::file(&folder, "moscow", "crt")).unwrap();
    let mut sender = Sender::start(&keys(&folder));
    sender.deliver(&m).await;
    assert!(Shown::of(&over, "moscow").secures(&far).await.is_none());
    let text = put_off(sender.outcome().await);
    assert!(text.contains("the certificate of moscow ended on ") && text.contains("molink certs make moscow"), "{text}");
    // Read anew for each connection: a file that is taken away is missed at the next.
    std::fs::remove_file(certs::file(&folder, "moscow", "crt")).unwrap();
    let _silent = tokio::join!(far.caller(), sender.deliver(&m));
    let text = put_off(sender.outcome().await);
    assert!(text.contains("molink certs pin moscow.crt"), "{text}");
    sender.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_smart_host_is_known_by_its_authority_and_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    let good = Shown::by_authority(&["localhost"], 2090, &file("good"));
    let other = Shown::by_authority(&["localhost"], 2090, &file("other"));
    let named = Shown::by_authority(&["mail.example.org"], 2090, &file("named"));
    let over = Shown::by_authority(&["localhost"], 2020, &file("over"));
    let far = Far::new().await;
    let m = message(1, "alice@mail", text("x"));
    let sender = |authority: &str| {
        let line = format!("line = {{ smtp = \"localhost:{}\", authority = \"{}\" }}", far.port(), file(authority).display());
        Sender::start(&format!("kind = \"gateway\"\npeople = {{ alice = \"alice@example.org\" }}\n{line}"))
    };
    for (shown, authority, words) in [
        (&other, "good", "that no authority in `"),
        (&named, "named", "not for `localhost`: write the name that it has in `line.smtp`"),
        (&over, "over", "has ended: its operator has to renew it"),
    ] {
        let mut sender = sender(authority);
        sender.deliver(&m).await;
        let shaken = shown.secures(&far).await;
        let text = put_off(sender.outcome().await);
        assert!(text.starts_with("localhost:") && text.contains(words) && text.ends_with("nothing was handed over"), "{text}");
        assert!(shaken.is_none());
        sender.stop().await;
    }
    let mut sender = sender("good");
    sender.deliver(&m).await;
    drop(good.takes(&far).await);
    assert!(matches!(sender.outcome().await, Outcome::Delivered(r) if r.station.as_str() == "mail-server"));
    assert!(!sender.seen().iter().any(|e| matches!(e, Event::Note { .. })), "nothing to be warned of");
    // With an authority TLS is not left out when it is not offered.
    sender.deliver(&m).await;
    let there = far.greeted(&[]).await;
    assert!(put_off(sender.outcome().await).contains("does not offer STARTTLS"));
    drop(there);
    sender.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_authority_tls_is_taken_where_it_is_offered_and_it_is_said_that_nobody_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let shown = Shown::by_authority(&["elsewhere"], 2020, &dir.path().join("unused"));
    let far = Far::new().await;
    let m = message(1, "alice@mail", text("x"));
    let keys = format!("kind = \"gateway\"\npeople = {{ alice = \"alice@example.org\" }}\nline = {{ smtp = \"{}\" }}", far.address);
    let mut sender = Sender::start(&keys);
    for _ in 0..2 {
        sender.deliver(&m).await;
        drop(shown.takes(&far).await);
        assert!(matches!(sender.outcome().await, Outcome::Delivered(_)));
    }
    let notes: Vec<String> =
        sender.seen().into_iter().filter_map(|e| if let Event::Note { text } = e { Some(text) } else { None }).collect();
    assert_eq!(notes.len(), 1, "said once: {notes:?}");
    assert!(notes[0].contains("its certificate is not verified"), "{notes:?}");
    sender.stop().await;
}
