//! Lines in TLS: who is taken, who is refused and in which words, and what strangers can do to a line.

use crate::wire::address;
use molink::line::ip::certs::{self, Pin, world_utc};
use molink::line::ip::far::OCCUPIED;
use molink::line::{Line, LineSpec, Opened, Settings};
use molink::time::Utc;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{AlertDescription, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Nothing here takes so long unless it hangs.
pub const LONG: Duration = Duration::from_secs(20);
pub const DAY: Duration = Duration::from_secs(86_400);

pub async fn soon<T>(what: &str, wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, wait).await.unwrap_or_else(|_| panic!("{what}: nothing within {LONG:?}"))
}

pub fn ago(time: Duration) -> Utc {
    Utc(world_utc().0 - time.as_micros() as i64)
}

/// Folders of certificates: one a station, and `abroad` for others'.
pub struct Folders(tempfile::TempDir);

impl Folders {
    /// Washington and Moscow, each with its own and the other's.
    pub fn new() -> Folders {
        let all = Folders(tempfile::tempdir().unwrap());
        for station in ["washington", "moscow"] {
            certs::make(&all.of(station), station, world_utc(), 30).unwrap();
        }
        all.pin("washington", "moscow");
        all.pin("moscow", "washington");
        all
    }
    pub fn of(&self, station: &str) -> PathBuf {
        self.0.path().join(station)
    }
    pub fn pin(&self, station: &str, at: &str) {
        certs::pin(&self.of(at), &certs::file(&self.of(station), station, "crt")).unwrap();
    }
    /// A certificate of `station` in a folder of its own.
    pub fn other(&self, folder: &str, station: &str, from: Utc, days: u32) -> PathBuf {
        certs::make(&self.of(folder), station, from, days).unwrap();
        self.of(folder)
    }
    pub fn calling(&self, to: &str) -> Line {
        let spec = LineSpec::Tcp { to: to.into(), tls: Some(self.of("washington")) };
        Line::new(spec, Settings::default()).between("washington", "moscow")
    }
    pub fn listening(&self, at: &str) -> Line {
        let spec = LineSpec::Listen { at: at.into(), tls: Some(self.of("moscow")), anyone: false };
        Line::new(spec, Settings::default()).between("moscow", "washington")
    }
}

async fn joined(folders: &Folders) -> (Opened, Opened, Line, Line) {
    let at = address();
    let m = folders.listening(&at);
    let w = folders.calling(&at);
    let (listens, calls) = soon("a greeting", async { tokio::join!(m.open(), calling(&w)) }).await;
    (calls, listens.unwrap(), w, m)
}

/// Who listens may not do so yet.
async fn calling(line: &Line) -> Opened {
    loop {
        match line.open().await {
            Ok(opened) => return opened,
            Err(why) if why.contains("refused; is the other end listening") => tokio::task::yield_now().await,
            Err(why) => panic!("{why}"),
        }
    }
}

#[tokio::test]
async fn codes_pass_both_ways_at_once_and_the_notes_say_who_is_there() {
    let folders = Folders::new();
    let (w, m, ..) = joined(&folders).await;
    assert!(w.notes[0].contains("tls 1.3 with moscow"), "{:?}", w.notes);
    assert!(m.notes[0].contains("tls 1.3 with washington at 127."), "{:?}", m.notes);
    assert!(w.notes.iter().any(|n| n.contains("the certificate of moscow ends on") && n.contains("in 29 days")), "{:?}", w.notes);
    let sent: Vec<u8> = (0..60_000).map(|i| (i % 251) as u8).collect();
    let (mut w_read, mut w_write) = tokio::io::split(w.stream);
    let (mut m_read, mut m_write) = tokio::io::split(m.stream);
    let (mut at_w, mut at_m) = (vec![0; sent.len()], vec![0; sent.len()]);
    let both = async {
        let there = async { w_write.write_all(&sent).await.and(w_write.flush().await) };
        let back = async { m_write.write_all(&sent).await.and(m_write.flush().await) };
        tokio::try_join!(there, back, w_read.read_exact(&mut at_w), m_read.read_exact(&mut at_m))
    };
    soon("60,000 bytes each way", both).await.unwrap();
    assert!(at_w == sent && at_m == sent);
}

#[tokio::test]
async fn an_end_that_goes_without_a_word_is_an_end_and_no_error_of_tls() {
    let folders = Folders::new();
    let (w, mut m, ..) = joined(&folders).await;
    drop(w); // as a killed process: no farewell of TLS
    assert_eq!(soon("the end", m.stream.read(&mut [0; 8])).await.unwrap(), 0);
}

#[tokio::test]
async fn a_second_caller_with_the_right_certificate_is_told_that_the_line_is_occupied() {
    let folders = Folders::new();
    let (mut w, mut m, second, _line) = joined(&folders).await;
    let mut again = soon("a greeting", second.open()).await.unwrap();
    let mut got = vec![];
    let said = soon("the word", again.stream.read_to_end(&mut got)).await.unwrap_err().to_string();
    assert!(said.contains("has another caller on this line (OCC)"), "{said}");
    assert_eq!(got, OCCUPIED);
    w.stream.write_all(&[7]).await.unwrap();
    w.stream.flush().await.unwrap();
    let mut code = [0; 1];
    soon("a code", m.stream.read_exact(&mut code)).await.unwrap();
    assert_eq!(code, [7]);
}

#[tokio::test]
async fn a_renewed_certificate_is_taken_up_without_a_restart() {
    let folders = Folders::new();
    let (w, m, calls, listens) = joined(&folders).await;
    // Washington's next one is pinned beside the old at Moscow; then Washington changes over.
    folders.other("next", "washington", world_utc(), 400);
    let new = certs::file(&folders.of("next"), "washington", "crt");
    assert_eq!(certs::pin(&folders.of("moscow"), &new).unwrap().2, Pin::Beside(1));
    for ending in ["key", "crt"] {
        copy(certs::file(&folders.of("next"), "washington", ending), certs::file(&folders.of("washington"), "washington", ending));
    }
    drop((w, m));
    let (again, opened) = soon("a greeting", async { tokio::join!(listens.open(), calling(&calls)) }).await;
    assert!(again.is_ok());
    assert!(!opened.notes.iter().any(|n| n.contains("certificate of washington ends")), "{:?}", opened.notes);
}

/// What both ends of a stranger's verifier have in common: any signature will do.
macro_rules! any_signature {
    () => {
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            unreachable!()
        }
        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }
        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            vec![SignatureScheme::ECDSA_NISTP256_SHA256]
        }
    };
}

/// Takes any certificate: a stranger's side.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }
    any_signature!();
}

impl ClientCertVerifier for Anybody {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }
    fn verify_client_cert(&self, _: &CertificateDer<'_>, _: &[CertificateDer<'_>], _: UnixTime) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }
    any_signature!();
}

/// What a stranger shows.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl Shows {
    /// The certificate of one folder with the key of another.
    fn new(crt: &Path, key: &Path, station: &str) -> Shows {
        let (crt, key) = (certs::own(crt, station).unwrap(), certs::own(key, station).unwrap());
        let key = ring::default_provider().key_provider.load_private_key(key.key).unwrap();
        Shows(Arc::new(CertifiedKey::new(vec![crt.cert.der], key)))
    }
}

impl rustls::client::ResolvesClientCert for Shows {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
    fn has_certs(&self) -> bool {
        true
    }
}

impl rustls::server::ResolvesServerCert for Shows {
    fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Calls as a stranger; says with which alert it ended.
async fn stranger_calls(at: &str, shows: Option<Shows>) -> Option<AlertDescription> {
    let config = ClientConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13]).unwrap();
    let config = config.dangerous().with_custom_certificate_verifier(Arc::new(Anybody));
    let config = match shows {
        Some(shows) => config.with_client_cert_resolver(Arc::new(shows)),
        None => config.with_no_client_auth(),
    };
    let stream = TcpStream::connect(at).await.unwrap();
    let name = ServerName::try_from("moscow").unwrap();
    let error = match TlsConnector::from(Arc::new(config)).connect(name, stream).await {
        Ok(mut stream) => stream.read(&mut [0; 8]).await.err()?,
        Err(e) => e,
    };
    match error.get_ref()?.downcast_ref::<Error>()? {
        Error::AlertReceived(alert) => Some(*alert),
        other => panic!("{other}"),
    }
}

/// Answers one call as a stranger; says with which alert it ended.
async fn stranger_answers(listener: TcpListener, shows: Shows) -> Option<AlertDescription> {
    let config = ServerConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13]).unwrap();
    let config = config.with_client_cert_verifier(Arc::new(Anybody)).with_cert_resolver(Arc::new(shows));
    let (stream, _) = listener.accept().await.unwrap();
    let error = TlsAcceptor::from(Arc::new(config)).accept(stream).await.err()?;
    match error.get_ref()?.downcast_ref::<Error>()? {
        Error::AlertReceived(alert) => Some(*alert),
        other => panic!("{other}"),
    }
}

/// What a far end of a name shows wrongly, the words it is refused with, and the alert it gets.
fn cases(folders: &Folders, name: &str, here: &str) -> Vec<(Shows, String, AlertDescription)> {
    let dir = |of: &str| folders.of(&format!("{name}-{of}"));
    let shows = |of: &str, station: &str| Shows::new(&dir(of), &dir(of), station);
    let at = |of: &str, station: &str, from, days| folders.other(&format!("{name}-{of}"), station, from, days);
    at("old", name, ago(400 * DAY), 365);
    at("early", name, world_utc().plus(3 * DAY), 365);
    at("foreign", "paris", world_utc(), 30);
    at("false", name, world_utc(), 30);
    // Those two are pinned: it is their dates that are wrong.
    for of in ["old", "early"] {
        certs::pin(&folders.of(here), &certs::file(&dir(of), name, "crt")).unwrap();
    }
    vec![
        (shows("old", name), format!("the certificate of {name} ended on 2"), AlertDescription::CertificateExpired),
        (shows("early", name), format!("the certificate of {name} begins on 2"), AlertDescription::CertificateExpired),
        (shows("foreign", "paris"), format!("is that of `paris`, and this line is to {name}"), AlertDescription::AccessDenied),
        (shows("false", name), format!("calls itself {name}, but its certificate (SHA-256 "), AlertDescription::UnknownCA),
        (
            Shows::new(&folders.of(here), &folders.of(here), here),
            format!("shows this station's own certificate, and {name} is expected"),
            AlertDescription::AccessDenied,
        ),
        (
            Shows::new(&folders.of(name), &dir("false"), name),
            format!("shows the certificate of {name} without having its key"),
            AlertDescription::DecryptError,
        ),
    ]
}

fn copy(from: PathBuf, to: PathBuf) {
    std::fs::copy(from, to).unwrap();
}

fn one_sentence(said: &str) {
    assert!(!said.contains('\n') && !said.ends_with('.') && said.len() < 400, "{said}");
}

#[tokio::test]
async fn callers_with_expired_early_foreign_and_false_certificates_are_refused_by_name() {
    let (folders, at) = (Folders::new(), address());
    let listens = folders.listening(&at);
    let first = tokio::time::timeout(Duration::from_millis(1), listens.open()).await; // it listens from now on
    assert!(first.is_err());
    for (shows, words, alert) in cases(&folders, "washington", "moscow") {
        let (said, got) = soon("a refusal", async { tokio::join!(listens.open(), stranger_calls(&at, Some(shows))) }).await;
        let said = said.unwrap_err();
        println!("{said}");
        assert!(said.contains(&words) && said.starts_with("at 127.0.0.1: "), "{said}");
        one_sentence(&said);
        assert_eq!(got, Some(alert), "{said}");
    }
    let (said, got) = soon("a refusal", async { tokio::join!(listens.open(), stranger_calls(&at, None)) }).await;
    assert!(said.unwrap_err().contains("shows no certificate, and only that of washington is taken"));
    assert_eq!(got, Some(AlertDescription::CertificateRequired));
    // After all of them the line is free for whom it is for.
    let w = folders.calling(&at);
    let (m, _w) = soon("a greeting", async { tokio::join!(listens.open(), calling(&w)) }).await;
    m.unwrap();
}

#[tokio::test]
async fn far_ends_that_answer_with_such_certificates_are_refused_by_name() {
    let folders = Folders::new();
    for (shows, words, alert) in cases(&folders, "moscow", "washington") {
        let at = address();
        let answers = stranger_answers(TcpListener::bind(&at).await.unwrap(), shows);
        let calls = folders.calling(&at);
        let (said, got) = soon("a refusal", async { tokio::join!(calls.open(), answers) }).await;
        let said = said.unwrap_err();
        println!("{said}");
        assert!(said.contains(&words) && said.starts_with(&format!("at {at}: ")), "{said}");
        one_sentence(&said);
        assert_eq!(got, Some(alert), "{said}");
    }
}

#[tokio::test]
async fn the_end_that_is_refused_says_so_too_when_it_opens_and_not_later() {
    let folders = Folders::new();
    // Washington has a new certificate that Moscow does not know.
    for ending in ["key", "crt"] {
        std::fs::remove_file(certs::file(&folders.of("washington"), "washington", ending)).unwrap();
    }
    certs::make(&folders.of("washington"), "washington", world_utc(), 30).unwrap();
    let at = address();
    let (listens, calls) = (folders.listening(&at), folders.calling(&at));
    let refused = async {
        loop {
            match calls.open().await {
                Err(why) if why.contains("is the other end listening") => tokio::task::yield_now().await,
                Err(why) => return why,
                Ok(_) => panic!("taken"),
            }
        }
    };
    let (there, here) = soon("a refusal", async { tokio::join!(listens.open(), refused) }).await;
    assert!(there.unwrap_err().contains("calls itself washington, but its certificate"));
    assert!(here.contains("moscow does not know the certificate of washington: bring it washington.crt"), "{here}");
}

#[tokio::test]
async fn what_is_wrong_with_the_files_is_said_at_once() {
    let put = |path: PathBuf, content: &[u8]| std::fs::write(path, content).unwrap();
    type Harm = fn(&Folders);
    let harms: [(Harm, &str); 9] = [
        (|f| std::fs::remove_dir_all(f.of("moscow")).unwrap(), "`molink certs make moscow --out "),
        (|f| std::fs::remove_file(certs::file(&f.of("moscow"), "moscow", "key")).unwrap(), "moscow.key` cannot be read: no such file"),
        (
            |f| std::fs::remove_file(certs::file(&f.of("moscow"), "washington", "crt")).unwrap(),
            "get washington.crt from washington's operator",
        ),
        (
            |f| {
                use std::os::unix::fs::PermissionsExt;
                let key = certs::file(&f.of("moscow"), "moscow", "key");
                std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o640)).unwrap();
            },
            "can be read by others: chmod 600",
        ),
        (
            |f| copy(certs::file(&f.of("washington"), "washington", "key"), certs::file(&f.of("moscow"), "moscow", "key")),
            "moscow.key` is not the key of `",
        ),
        (
            |f| copy(certs::file(&f.of("moscow"), "moscow", "crt"), certs::file(&f.of("moscow"), "washington", "crt")),
            "washington.crt` is the certificate of moscow, not of washington",
        ),
        (|f| std::fs::write(certs::file(&f.of("moscow"), "washington", "crt"), "nothing").unwrap(), "holds no certificate"),
        (
            |f| {
                std::fs::remove_dir_all(f.of("moscow")).unwrap();
                f.other("moscow", "moscow", ago(400 * DAY), 365);
            },
            "this station's own certificate, `",
        ),
        (
            |f| {
                std::fs::remove_dir_all(f.of("moscow")).unwrap();
                f.other("moscow", "moscow", world_utc().plus(3 * DAY), 365);
            },
            "and it is 2",
        ),
    ];
    for (harm, words) in harms {
        let folders = Folders::new();
        harm(&folders);
        let said = soon("a sentence", folders.listening(&address()).open()).await.unwrap_err();
        println!("{said}");
        assert!(said.contains(words), "{said}");
        one_sentence(&said);
    }
    let nameless = Line::new(LineSpec::Tcp { to: address(), tls: Some("certs".into()) }, Settings::default());
    assert!(nameless.open().await.unwrap_err().contains("`tls` needs `peer`"));
    // Damage anywhere in a certificate's file is a sentence too, and never a panic.
    let folders = Folders::new();
    let path = certs::file(&folders.of("moscow"), "washington", "crt");
    let good = std::fs::read(&path).unwrap();
    let mut taken = 0;
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x03;
        put(path.clone(), &bad);
        match certs::pinned(&folders.of("moscow"), "washington") {
            Ok(_) => taken += 1, // within the heading, or the key or signature: it is then another certificate
            Err(said) => one_sentence(&said),
        }
    }
    assert!(taken < good.len(), "{taken} of {}", good.len());
}

#[tokio::test]
async fn a_far_end_that_speaks_no_tls_is_told_apart() {
    let (folders, at) = (Folders::new(), address());
    let listens = folders.listening(&at);
    let raw = async {
        loop {
            if let Ok(mut raw) = TcpStream::connect(&at).await {
                raw.write_all(&[0x1f; 40]).await.unwrap();
                return raw;
            }
            tokio::task::yield_now().await;
        }
    };
    let (said, _raw) = soon("a refusal", async { tokio::join!(listens.open(), raw) }).await;
    let said = said.unwrap_err();
    assert!(said.contains("does not speak TLS: does the line of washington have `tls` as well?"), "{said}");
    let to = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let calls = folders.calling(&to.local_addr().unwrap().to_string());
    let hangs_up = async { drop(to.accept().await.unwrap()) };
    let (said, ()) = soon("a refusal", async { tokio::join!(calls.open(), hangs_up) }).await;
    let said = said.unwrap_err();
    assert!(said.contains("hung up during the TLS greeting"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_with_garbage_neither_break_the_line_nor_keep_the_far_end_out() {
    let (folders, at) = (Folders::new(), address());
    let listens = Arc::new(folders.listening(&at));
    assert!(tokio::time::timeout(Duration::from_millis(1), listens.open()).await.is_err());
    let mut x = 1963_u64;
    let mut garbage = |n: usize| -> Vec<u8> {
        let mut some = vec![];
        while some.len() < n {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            some.extend(x.to_le_bytes());
        }
        some
    };
    let mut held = vec![];
    for round in 0..120_usize {
        let mut stranger = TcpStream::connect(&at).await.unwrap();
        let mut sends = garbage(1 + round * 40);
        if round % 3 == 0 {
            sends.splice(0..0, [0x16, 3, 1, 0x40, 0]); // a record of TLS that is 16 kB of nothing
        }
        let _ = stranger.write_all(&sends).await;
        if round < 20 {
            held.push(stranger); // and stays
        }
    }
    let calls = folders.calling(&at);
    let opens = async {
        loop {
            if let Ok(opened) = listens.open().await {
                return opened;
            }
        }
    };
    let (mut m, mut w) = soon("the far end", async { tokio::join!(opens, calling(&calls)) }).await;
    w.stream.write_all(&[1, 2, 3]).await.unwrap();
    w.stream.flush().await.unwrap();
    let mut got = [0; 3];
    soon("codes", m.stream.read_exact(&mut got)).await.unwrap();
    assert_eq!(got, [1, 2, 3]);
}

#[tokio::test]
#[ignore = "peer: run through tests/run"]
async fn a_greeting_that_nobody_answers_ends_after_ten_seconds_and_says_what_to_look_at() {
    let folders = Folders::new();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let began = crate::support::seconds();
    let said = soon("a refusal", folders.calling(&silent.local_addr().unwrap().to_string()).open()).await.unwrap_err();
    let took = crate::support::seconds() - began;
    assert!(said.contains("no TLS greeting within 10 s: is moscow there"), "{said}");
    assert!((9.5..13.0).contains(&took), "{took}");
}
