//! TLS between two stations: both show a certificate, each takes only the one it has of the other; then raw codes, full duplex.
//!
//! Standards: TLS 1.3 (RFC 8446) and no older; no resumption, no early data, no SNI. In: a TCP connection, a folder. Out: a [`Far`], or why not.
//! Left out: TLS to machines that are no stations. Shown by: `tests/it/tls.rs`, `docs/lines-over-ip.md`.

use super::certs::{self, Age, Cert, day, world_utc};
use super::far::{Far, Words};
use super::tcp::plain;
use super::verify::{Pinned, alert, failed};
use crate::line::device::{Kind, Told};
use crate::time::Utc;
use rustls::client::{ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{PrivateKeyDer, ServerName, UnixTime};
use rustls::server::StoresServerSessions;
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::version::TLS13;
use rustls::{ClientConfig, NamedGroup, ServerConfig};
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

/// How long a greeting may take. Its size is bounded by rustls: 64 kB a message.
const GREETING: Duration = Duration::from_secs(10);
/// How long the word that our certificate was taken is waited for; molink and OpenSSL send it at once.
const WORD: Duration = Duration::from_secs(2);
/// A certificate that ends within so many days is told of.
const SOON: u64 = 30;

/// What a line in TLS is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tls {
    /// This station.
    pub station: String,
    /// The station at the far end.
    pub peer: String,
    /// Where the certificates lie.
    pub folder: PathBuf,
}

/// The files of a line, read: anew for each connection, so that a renewed certificate is taken up by itself.
pub struct Loaded {
    own: Cert,
    key: PrivateKeyDer<'static>,
    pinned: Arc<Pinned>,
    provider: Arc<CryptoProvider>,
}

impl Tls {
    /// Reads what this station shows and takes; refuses what can never work, its own certificate out of date among it.
    pub fn load(&self) -> Result<Loaded, String> {
        let own = certs::own(&self.folder, &self.station)?;
        let provider = Arc::new(ring::default_provider());
        let pair = CertifiedKey::from_der(vec![own.cert.der.clone()], own.key.clone_key(), &provider);
        if !pair.is_ok_and(|pair| pair.keys_match().is_ok()) {
            let file = |ending| certs::file(&self.folder, &self.station, ending);
            return Err(format!("`{}` is not the key of `{}`: the files were mixed up", file("key").display(), file("crt").display()));
        }
        let now = world_utc();
        let (station, folder) = (&self.station, self.folder.display());
        match own.cert.age(now) {
            Age::Good => {}
            Age::Over => {
                return Err(format!(
                    "this station's own certificate, `{folder}/{station}.crt`, ended on {}: make a new one (molink certs make {station} --out NEW) and let {} pin it",
                    day(own.cert.until),
                    self.peer
                ));
            }
            Age::Early => {
                let begins = day(own.cert.from);
                return Err(format!(
                    "this station's own certificate, `{folder}/{station}.crt`, begins on {begins}, and it is {} here: set the clock right",
                    day(now)
                ));
            }
        }
        let pinned = Pinned {
            peer: self.peer.clone(),
            certs: certs::pinned(&self.folder, &self.peer)?,
            file: certs::file(&self.folder, &self.peer, "crt"),
            own: own.cert.der.clone(),
            algorithms: provider.signature_verification_algorithms,
            said: Default::default(),
        };
        Ok(Loaded { own: own.cert, key: own.key, pinned: Arc::new(pinned), provider })
    }

    /// Greets the far end that was connected to, and waits for its word that it took our certificate.
    pub(in crate::line) async fn connect(&self, stream: TcpStream, to: &str) -> Result<(Far, Told), String> {
        let (far, loaded) = self.call(stream, to, true).await?;
        Ok((far, self.told(&loaded, to)))
    }

    /// The same for another protocol than codes (mail behind STARTTLS), in which the far end says itself whom it takes: the stream, and what is
    /// to be said of certificates that end soon.
    pub(crate) async fn secure(&self, stream: TcpStream, to: &str) -> Result<(Far, Vec<String>), String> {
        let (far, loaded) = self.call(stream, to, false).await?;
        Ok((far, self.ending(&loaded)))
    }

    async fn call(&self, stream: TcpStream, to: &str, wait: bool) -> Result<(Far, Loaded), String> {
        let loaded = self.load()?;
        let word = Arc::new(Word::default());
        let config = loaded.client(word.clone()).map_err(|e| self.inside(&e))?;
        let name = ServerName::try_from(self.peer.clone()).map_err(|_| format!("`{}` cannot stand in a certificate", self.peer))?;
        let greeting = async {
            let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
            let ahead = if wait { taken(&mut stream, &word).await? } else { vec![] };
            Ok((stream, ahead))
        };
        let (stream, ahead) = self.greeted(greeting, &loaded.pinned, to).await?;
        Ok((Far::new(Box::new(stream), ahead, self.words()), loaded))
    }

    /// Greets a far end that called.
    pub(in crate::line) async fn accept(&self, stream: TcpStream, from: &str) -> Result<(Far, Told), String> {
        let loaded = self.load()?;
        let config = loaded.server().map_err(|e| self.inside(&e))?;
        let greeting = async {
            let stream: server::TlsStream<TcpStream> = TlsAcceptor::from(Arc::new(config)).accept(stream).await?;
            Ok(stream)
        };
        let stream = self.greeted(greeting, &loaded.pinned, from).await?;
        Ok((Far::new(Box::new(stream), vec![], self.words()), self.told(&loaded, from)))
    }

    async fn greeted<T>(&self, greeting: impl Future<Output = io::Result<T>>, pinned: &Pinned, at: &str) -> Result<T, String> {
        let error = match tokio::time::timeout(GREETING, greeting).await {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(e)) => e,
            Err(_) => {
                let (peer, limit) = (&self.peer, GREETING.as_secs());
                return Err(format!("at {at}: no TLS greeting within {limit} s: is {peer} there, and does its line have `tls` as well?"));
            }
        };
        let why = pinned.refusal().unwrap_or_else(|| match of_tls(&error) {
            Some(tls) => failed(tls, &self.peer, &self.station),
            None if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => {
                format!("the far end hung up during the TLS greeting: is {} there, and does its line have `tls` as well?", self.peer)
            }
            None => format!("the TLS greeting broke off: {}", plain(&error)),
        });
        Err(format!("at {at}: {why}"))
    }

    /// How errors of a stream that stood are said.
    fn words(&self) -> Words {
        let (peer, us) = (self.peer.clone(), self.station.clone());
        Box::new(move |e| match of_tls(e)? {
            rustls::Error::AlertReceived(description) => Some(alert(*description, &peer, &us)),
            other => Some(format!("what came is not of this TLS connection ({other}); it is made anew")),
        })
    }

    fn told(&self, loaded: &Loaded, at: &str) -> Told {
        let peer = &self.peer;
        let mut notes = vec![format!("tls 1.3 with {peer} at {at}: codes are masked to 5 bits and paced here")];
        notes.extend(self.ending(loaded));
        Told { kind: Kind::Tcp { peer: format!("{peer} at {at}") }, notes }
    }

    /// A sentence for each certificate of the two that ends soon.
    fn ending(&self, loaded: &Loaded) -> Vec<String> {
        let now = world_utc();
        let far = loaded.pinned.certs.iter().filter(|c| c.age(now) == Age::Good).max_by_key(|c| c.until);
        let both = [(&self.station, Some(&loaded.own)), (&self.peer, far)];
        both.into_iter().filter_map(|(whose, cert)| ends_soon(whose, cert?, now)).collect()
    }

    fn inside(&self, e: &rustls::Error) -> String {
        format!("TLS with {} cannot be set up: {e}", self.peer)
    }
}

fn ends_soon(whose: &str, cert: &Cert, now: Utc) -> Option<String> {
    let days = u64::try_from(cert.until.0 - now.0).unwrap_or_default() / 86_400_000_000;
    (days < SOON).then(|| {
        format!("the certificate of {whose} ends on {}, in {days} days; docs/lines-over-ip.md tells how to renew it", day(cert.until))
    })
}

fn of_tls(e: &io::Error) -> Option<&rustls::Error> {
    e.get_ref()?.downcast_ref()
}

impl Loaded {
    fn client(&self, word: Arc<Word>) -> Result<ClientConfig, rustls::Error> {
        let mut config = ClientConfig::builder_with_details(self.provider.clone(), Arc::new(WorldClock))
            .with_protocol_versions(&[&TLS13])?
            .dangerous() // rustls's name for a verifier of one's own; `verify` is it
            .with_custom_certificate_verifier(self.pinned.clone())
            .with_client_auth_cert(vec![self.own.der.clone()], self.key.clone_key())?;
        config.enable_sni = false; // the station's name is nobody's business on the way
        config.resumption = Resumption::store(word);
        Ok(config)
    }
    fn server(&self) -> Result<ServerConfig, rustls::Error> {
        let mut config = ServerConfig::builder_with_details(self.provider.clone(), Arc::new(WorldClock))
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(self.pinned.clone())
            .with_single_cert(vec![self.own.der.clone()], self.key.clone_key())?;
        config.session_storage = Arc::new(Forgetful);
        config.send_tls13_tickets = 1; // the word
        Ok(config)
    }
}

/// Waits for the far end's word that it took our certificate; gives the codes that came with it.
///
/// In TLS 1.3 a client is done before the server has looked at the client's certificate, so a refusal comes afterwards. But only a server
/// that is content sends a session ticket: that is the word. A far end that sends no tickets is believed after a while.
async fn taken(stream: &mut client::TlsStream<TcpStream>, word: &Word) -> io::Result<Vec<u8>> {
    let wait = std::future::poll_fn(|cx| {
        let mut space = [0; 64];
        let mut buffer = ReadBuf::new(&mut space);
        let read = Pin::new(&mut *stream).poll_read(cx, &mut buffer);
        match read {
            Poll::Ready(Err(e)) => Poll::Ready(Err(e)),
            Poll::Ready(Ok(())) if buffer.filled().is_empty() => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            Poll::Ready(Ok(())) => Poll::Ready(Ok(buffer.filled().to_vec())),
            Poll::Pending if word.0.load(Ordering::Acquire) => Poll::Ready(Ok(vec![])),
            Poll::Pending => Poll::Pending,
        }
    });
    tokio::time::timeout(WORD, wait).await.unwrap_or(Ok(vec![]))
}

/// Notes that a session ticket came, and keeps none: a certificate is looked at each time.
#[derive(Debug, Default)]
struct Word(AtomicBool);

impl ClientSessionStore for Word {
    fn insert_tls13_ticket(&self, _: ServerName<'static>, _: Tls13ClientSessionValue) {
        self.0.store(true, Ordering::Release);
    }
    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}
    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }
    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}
    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }
    fn remove_tls12_session(&self, _: &ServerName<'static>) {}
}

/// Gives out tickets and honours none.
#[derive(Debug)]
struct Forgetful;

impl StoresServerSessions for Forgetful {
    fn put(&self, _: Vec<u8>, _: Vec<u8>) -> bool {
        true
    }
    fn get(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }
    fn take(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }
    fn can_cache(&self) -> bool {
        true
    }
}

/// The world's clock, for rustls.
#[derive(Debug)]
pub(crate) struct WorldClock;

impl TimeProvider for WorldClock {
    fn current_time(&self) -> Option<UnixTime> {
        u64::try_from(world_utc().0).ok().map(|micros| UnixTime::since_unix_epoch(Duration::from_micros(micros)))
    }
}
