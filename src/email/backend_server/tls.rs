//! TLS of an e-mail server, the accepting side: what this station shows, and whose certificate was shown to it.
//!
//! Standards: TLS 1.2 and 1.3 (RFC 5246, 8446), STARTTLS (RFC 3207). In: a connection, the folder of certificates. Out: a stream, the station at its far end.
//! A certificate is asked for and none is required: a stranger's is as good as none, one that is pinned names its station. No resumption.
//! Left out: authorities (`line::ip::certs` says why); the sending side (`backend_client/tls.rs`). Shown by: `tests/it/email_server.rs`.

use crate::email::backend_anybody::Anybody;
use crate::line::ip::certs::{self, Age, Cert, day, world_utc};
use crate::line::ip::tls::WorldClock;
use crate::message::Name;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::version::{TLS12, TLS13};
use rustls::{Error, ServerConfig};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long the greeting may take (the session has a timer of its own, a minute; a task must not outlive it).
const GREETING: Duration = Duration::from_secs(60);

/// What a server shows, and whom it knows.
pub(super) struct Identity {
    station: Name,
    /// The station that the port is a line to.
    peer: Option<Name>,
    shows: Shows,
    provider: Arc<CryptoProvider>,
}

enum Shows {
    /// What lies in this folder, read anew for each connection.
    Folder(PathBuf),
    /// A certificate made at the start.
    ThrowAway(CertificateDer<'static>, PrivateKeyDer<'static>),
}

/// A connection under TLS.
pub(super) struct Secured {
    pub stream: TlsStream<TcpStream>,
    /// The station whose pinned certificate was shown.
    pub station: Option<String>,
    /// What is wrong with the certificate of a station.
    pub note: Option<String>,
}

impl Identity {
    /// Of a folder, which must hold what works today; without one a certificate is made now, for `host`.
    pub fn new(folder: Option<&PathBuf>, station: &Name, peer: Option<&Name>, host: &str) -> Result<Identity, String> {
        let shows = match folder {
            Some(folder) => Shows::Folder(folder.clone()),
            None => throw_away(station, host)?,
        };
        let identity = Identity { station: station.clone(), peer: peer.cloned(), shows, provider: Arc::new(ring::default_provider()) };
        identity.config()?;
        Ok(identity)
    }

    /// The fingerprint of a throw-away certificate.
    pub fn throw_away(&self) -> Option<String> {
        match &self.shows {
            Shows::Folder(_) => None,
            Shows::ThrowAway(der, _) => Some(certs::fingerprint(der)),
        }
    }

    /// Greets a far end that said STARTTLS to us; what it said in clear is gone.
    pub async fn accept(&self, stream: TcpStream) -> Result<Secured, String> {
        let acceptor = TlsAcceptor::from(Arc::new(self.config()?));
        let stream = match tokio::time::timeout(GREETING, acceptor.accept(stream)).await {
            Ok(greeted) => greeted.map_err(|e| format!("the TLS greeting failed: {e}"))?,
            Err(_) => return Err(format!("no TLS greeting within {} s", GREETING.as_secs())),
        };
        let shown = stream.get_ref().1.peer_certificates().and_then(|c| c.first()).cloned();
        let (station, note) = shown.map_or((None, None), |der| self.judge(der.into_owned()));
        Ok(Secured { stream, station, note })
    }

    fn config(&self) -> Result<ServerConfig, String> {
        let (der, key) = match &self.shows {
            Shows::ThrowAway(der, key) => (der.clone(), key.clone_key()),
            Shows::Folder(folder) => {
                let own = certs::own(folder, self.station.as_str())?;
                let (shown, station) = (folder.display(), &self.station);
                match own.cert.age(world_utc()) {
                    Age::Good => (own.cert.der, own.key),
                    Age::Over => {
                        let ended = day(own.cert.until);
                        return Err(format!(
                            "this station's own certificate, `{shown}/{station}.crt`, ended on {ended}: make a new one (molink certs make {station} --out NEW)"
                        ));
                    }
                    Age::Early => {
                        let begins = day(own.cert.from);
                        return Err(format!(
                            "this station's own certificate, `{shown}/{station}.crt`, begins on {begins}: set the clock right"
                        ));
                    }
                }
            }
        };
        let inside = |e: Error| format!("TLS cannot be set up: {e}");
        let mut config = ServerConfig::builder_with_details(self.provider.clone(), Arc::new(WorldClock))
            .with_protocol_versions(&[&TLS12, &TLS13])
            .map_err(inside)?
            .with_client_cert_verifier(Arc::new(Anybody(self.provider.signature_verification_algorithms)))
            .with_single_cert(vec![der], key)
            .map_err(inside)?;
        config.session_storage = Arc::new(NoServerSessionStorage {}); // a certificate is looked at each time
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    /// Whose certificate it is, if it is pinned here and good today; what is wrong with one that says it is a known station's.
    fn judge(&self, der: CertificateDer<'static>) -> (Option<String>, Option<String>) {
        let Shows::Folder(folder) = &self.shows else { return (None, None) };
        let Ok(shown) = Cert::read(der) else { return (None, None) };
        // A station's name is a file's name: nothing else is looked for.
        let Some(name) = shown.station.as_deref().and_then(|s| s.parse::<Name>().ok()).filter(|s| *s != self.station) else {
            return (None, None);
        };
        let file = certs::file(folder, name.as_str(), "crt");
        if !file.exists() {
            let missing = || {
                format!(
                    "the far end calls itself {name}, and no certificate of {name} is pinned: its operator brings you {name}.crt, and you pin it (molink certs pin); it was treated as a stranger"
                )
            };
            return (None, self.peer.as_ref().filter(|peer| **peer == name).map(|_| missing()));
        }
        let as_stranger = "; it was treated as a stranger";
        let pinned = match certs::pinned(folder, name.as_str()) {
            Ok(pinned) => pinned,
            Err(why) => return (None, Some(format!("{why}{as_stranger}"))),
        };
        let why = match pinned.iter().find(|c| c.der == shown.der).map(|c| c.age(world_utc())) {
            Some(Age::Good) => return (Some(name.to_string()), None),
            Some(Age::Over) => {
                format!("the certificate of {name} ended on {}: its operator makes a new one, and you pin it", day(shown.until))
            }
            Some(Age::Early) => format!("the certificate of {name} begins on {}: one of the two clocks is wrong", day(shown.from)),
            None => format!("the far end calls itself {name}, but its certificate is not the one in `{}`", file.display()),
        };
        (None, Some(why + as_stranger))
    }
}

fn throw_away(station: &Name, host: &str) -> Result<Shows, String> {
    let inside = |e: rcgen::Error| format!("the throw-away certificate could not be made: {e}");
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(inside)?;
    let mut names = vec![host.to_owned()];
    names.extend((host != station.as_str()).then(|| station.to_string()));
    let mut params = CertificateParams::new(names).map_err(inside)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, host);
    let cert = params.self_signed(&key).map_err(inside)?;
    let der = PrivateKeyDer::try_from(key.serialize_der()).map_err(|e| format!("the throw-away key cannot be used: {e}"))?;
    Ok(Shows::ThrowAway(cert.der().clone(), der))
}
