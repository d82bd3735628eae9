//! A station with an e-mail server, in this process, and somebody who talks to it over TCP as a mail program does.

use crate::support::free_port;
use molink::line::ip::certs;
use molink::message::Message;
use molink::router::journal::reader::{Filter, Reader};
use molink::router::{Event, EventSink, Stamped};
use molink::station::{Running, Station, StationConfig};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedSender;

/// Nothing here takes so long.
const SOON: Duration = Duration::from_secs(20);

/// A folder, and in it the station `moscow` with desks `operator` and `chairman` and the port `post`.
pub struct Room {
    pub dir: tempfile::TempDir,
    pub port: u16,
    running: Option<Running>,
}

impl Room {
    /// A gateway, with more keys of the port and of `line`.
    pub async fn gateway(keys: &str, line: &str) -> Room {
        Room::open(tempfile::tempdir().unwrap(), "kind = \"gateway\"", keys, line).await
    }
    /// Any, in this folder.
    pub async fn open(dir: tempfile::TempDir, kind: &str, keys: &str, line: &str) -> Room {
        Room::watched(dir, kind, keys, line, tokio::sync::mpsc::unbounded_channel().0).await
    }
    /// The same; what the port notes is told.
    pub async fn watched(dir: tempfile::TempDir, kind: &str, keys: &str, line: &str, notes: UnboundedSender<String>) -> Room {
        let port = free_port();
        let text = station(dir.path(), port, kind, keys, line);
        let config = StationConfig::parse("test.toml", &text).unwrap();
        let running = Station::builder().observe(Arc::new(Notes(notes))).start(config).await.unwrap();
        Room { dir, port, running: Some(running) }
    }
    /// Stops the station.
    pub async fn stop(&mut self) {
        self.running.take().unwrap().stop().await.unwrap();
    }
    /// The folder of the station.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }
    /// Connects, and hears the greeting.
    pub async fn call(&self) -> Talker {
        let mut talker = call(self.port).await;
        talker.hears(220).await;
        talker
    }
    /// Connects.
    pub async fn call_without_greeting(&self) -> Talker {
        call(self.port).await
    }
    /// Waits until so many mails lie in the spool, each with so many octets.
    pub async fn spooled(&self, count: usize, octets: u64) {
        let spool = self.data().join("mail/spool/post");
        let there = async {
            loop {
                let files = std::fs::read_dir(&spool).unwrap().flatten();
                if files.filter(|f| f.metadata().is_ok_and(|m| m.len() >= octets)).count() >= count {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(SOON, there).await.expect("the spool has them");
    }
    /// The messages in the journal, the oldest first.
    pub fn messages(&self) -> Vec<Message> {
        let reader = Reader::open(&self.data().join("journal.sqlite")).unwrap();
        let mut rows = reader.list(&Filter { state: None, limit: 1_000 }).unwrap();
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        rows.iter().map(|row| reader.load(&row.id).unwrap().unwrap()).collect()
    }
    /// The bytes of a content.
    pub fn content(&self, sha256: &str) -> Vec<u8> {
        std::fs::read(self.data().join("content").join(sha256)).unwrap()
    }
}

struct Notes(UnboundedSender<String>);
impl EventSink for Notes {
    fn take(&self, event: Stamped) {
        if let Event::Note { text } = event.event {
            let _ = self.0.send(text);
        }
    }
}

/// Connects to a port of this machine. The server may be a moment away from listening.
pub async fn call(port: u16) -> Talker {
    let connected = async {
        loop {
            match TcpStream::connect(("127.0.0.1", port)).await {
                Ok(stream) => return stream,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    Talker::new(tokio::time::timeout(SOON, connected).await.expect("the server listens"))
}

/// The station file.
pub fn station(dir: &Path, port: u16, kind: &str, keys: &str, line: &str) -> String {
    format!(
        "station = \"moscow\"\ndata = \"{}\"\nlisten = \"off\"\n[desk.operator]\n[desk.chairman]\n\
         [port.post]\nbackend = \"email\"\n{kind}\nline = {{ listen = \"127.0.0.1:{port}\"{}{line} }}\n{keys}\n",
        dir.join("data").display(),
        if line.is_empty() { "" } else { ", " },
    )
}

pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// A mail program's end of a connection.
pub struct Talker {
    wire: BufReader<Box<dyn Wire>>,
}

impl Talker {
    pub fn new(wire: impl Wire + 'static) -> Talker {
        Talker { wire: BufReader::new(Box::new(wire)) }
    }
    /// Sends octets as they are.
    pub async fn send(&mut self, octets: &[u8]) {
        self.wire.get_mut().write_all(octets).await.unwrap();
        self.wire.get_mut().flush().await.unwrap();
    }
    /// The next reply, all its lines; empty when the connection is closed.
    pub async fn reply(&mut self) -> String {
        let mut all = String::new();
        let reads = async {
            loop {
                let mut line = String::new();
                match self.wire.read_line(&mut line).await {
                    Ok(0) | Err(_) => return,
                    Ok(_) => all += &line,
                }
                if line.as_bytes().get(3) != Some(&b'-') {
                    return;
                }
            }
        };
        tokio::time::timeout(SOON, reads).await.expect("a reply in time");
        all
    }
    /// The next reply, which has this code.
    pub async fn hears(&mut self, code: u16) -> String {
        let reply = self.reply().await;
        assert!(reply.starts_with(&code.to_string()), "expected {code}, got {reply:?}");
        reply
    }
    /// Says a line, and hears that code.
    pub async fn say(&mut self, line: &str, code: u16) -> String {
        self.send(format!("{line}\r\n").as_bytes()).await;
        let reply = self.reply().await;
        assert!(reply.starts_with(&code.to_string()), "`{line}`: expected {code}, got {reply:?}");
        reply
    }
    /// Hands a mail in, from EHLO on unless that was said; gives the reply to its end.
    pub async fn mail(&mut self, from: &str, to: &[&str], mail: &[u8]) -> String {
        self.say(&format!("MAIL FROM:<{from}>"), 250).await;
        for to in to {
            self.say(&format!("RCPT TO:<{to}>"), 250).await;
        }
        self.data(mail).await
    }
    /// The data of a mail, dots doubled; gives the reply.
    pub async fn data(&mut self, mail: &[u8]) -> String {
        self.say("DATA", 354).await;
        let mut stuffed = Vec::with_capacity(mail.len() + 5);
        for line in mail.split_inclusive(|b| *b == b'\n') {
            if line.starts_with(b".") {
                stuffed.push(b'.');
            }
            stuffed.extend_from_slice(line);
        }
        stuffed.extend_from_slice(b".\r\n");
        self.send(&stuffed).await;
        self.reply().await
    }
    /// STARTTLS; shows the certificate of `show`: a folder and a station's name. Anything the server shows is taken.
    pub async fn secure(self, show: Option<(&Path, &str)>) -> Talker {
        let mut talker = self.secure_as(show, &rustls::version::TLS13).await;
        talker.say("EHLO client.example", 250).await;
        talker
    }
    /// The same in this version of TLS, without EHLO.
    pub async fn secure_as(mut self, show: Option<(&Path, &str)>, version: &'static rustls::SupportedProtocolVersion) -> Talker {
        self.say("STARTTLS", 220).await;
        let config = client_config(show, &[version]);
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let stream = connector.connect(ServerName::try_from("moscow").unwrap(), self.wire.into_inner()).await.expect("TLS stands");
        Talker::new(stream)
    }
}

/// A client that takes any certificate, and shows one if it is told to.
pub fn client_config(show: Option<(&Path, &str)>, versions: &[&'static rustls::SupportedProtocolVersion]) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anything));
    match show {
        None => builder.with_no_client_auth(),
        Some((folder, station)) => {
            let own = certs::own(folder, station).unwrap();
            builder.with_client_auth_cert(vec![own.cert.der], own.key).unwrap()
        }
    }
}

#[derive(Debug)]
struct Anything;

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &ring::default_provider().signature_verification_algorithms)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &ring::default_provider().signature_verification_algorithms)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
