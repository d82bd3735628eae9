//! A station's certificates, in a folder: its own with its key, and those of far stations that were brought there by hand.
//!
//! Standards: X.509 (RFC 5280), self-signed, P-256; PEM (RFC 7468). In: a folder, names. Out: files, [`Cert`]s, one sentence why not.
//! Left out: authorities, revocation: a certificate is trusted because it lies there, and no longer when it does not.
//! Shown by: `tests/it/tls.rs`, `docs/lines-over-ip.md`.

use super::tcp::plain;
use crate::time::{Clock, Speed, Utc};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use sha2::{Digest, Sha256};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use webpki::{EndEntityCert, KeyUsage};

/// A certificate begins so long before it is made: clocks differ.
const BEFORE: Duration = Duration::from_secs(3600);
/// No file of a folder is longer.
const LONGEST: u64 = 64 * 1024;
/// No more certificates are pinned for one station: the one in use, the next, and some.
const PINNED: usize = 8;

/// A certificate, read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cert {
    /// As it goes over the line.
    pub der: CertificateDer<'static>,
    /// The station it names: the first DNS name of its SAN.
    pub station: Option<String>,
    /// The first moment it is good for, by the world's clock.
    pub from: Utc,
    /// The last.
    pub until: Utc,
}

/// How a certificate stands to a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Age {
    /// It has not begun.
    Early,
    /// It is good.
    Good,
    /// It has ended.
    Over,
}

impl Cert {
    /// Reads one.
    pub fn read(der: CertificateDer<'static>) -> Result<Cert, String> {
        let strange = "it cannot be read as an X.509 certificate of a station; `molink certs make` makes them";
        let (from, until, station) = {
            let parsed = EndEntityCert::try_from(&der).map_err(|_| strange)?;
            // The parser keeps the dates to itself, but tells them when it refuses: asked at the beginning of time, and at its end.
            let refused = |at: u64| {
                let (time, usage) = (UnixTime::since_unix_epoch(Duration::from_secs(at)), KeyUsage::client_auth());
                parsed.verify_for_usage(&[], &[], &[], time, usage, None, None).err()
            };
            let (Some(webpki::Error::CertNotValidYet { not_before, .. }), Some(webpki::Error::CertExpired { not_after, .. })) =
                (refused(0), refused(1 << 40))
            else {
                return Err(strange.into());
            };
            (not_before, not_after, parsed.valid_dns_names().next().map(str::to_ascii_lowercase))
        };
        let utc = |at: UnixTime| Utc(0).plus(Duration::from_secs(at.as_secs()));
        Ok(Cert { from: utc(from), until: utc(until), station, der })
    }
    /// `AB:CD:…`, 32 bytes, as `openssl x509 -fingerprint -sha256` shows it.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.der)
    }
    /// How it stands to a moment of the world's clock.
    pub fn age(&self, now: Utc) -> Age {
        match () {
            () if now < self.from => Age::Early,
            () if now > self.until => Age::Over,
            () => Age::Good,
        }
    }
}

/// SHA-256 of a certificate, in hexadecimal pairs.
pub fn fingerprint(der: &CertificateDer<'_>) -> String {
    Sha256::digest(der).iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(":")
}

/// `2028-11-21`.
pub fn day(at: Utc) -> String {
    at.to_string().chars().take_while(|c| *c != 'T').collect()
}

/// The world's clock: a station may play 1963, but certificates are for the day it runs on.
pub fn world_utc() -> Utc {
    Clock::new(None, Speed::REAL).epoch()
}

/// What a station shows: its certificate and the key to it.
pub struct Own {
    /// Its certificate.
    pub cert: Cert,
    /// Its key.
    pub key: PrivateKeyDer<'static>,
}

/// Reads `FOLDER/STATION.crt` and `.key`.
pub fn own(folder: &Path, station: &str) -> Result<Own, String> {
    let (crt, key) = (file(folder, station, "crt"), file(folder, station, "key"));
    let make = format!("`molink certs make {station} --out {}` makes both", folder.display());
    let cert = read(&crt).map_err(|why| format!("{why}; {make}"))?.swap_remove(0);
    names(&cert, station, &crt)?;
    let about = std::fs::metadata(&key).map_err(|e| format!("`{}` cannot be read: {}; {make}", key.display(), plain(&e)))?;
    let mode = about.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(format!("the key `{0}` can be read by others: chmod 600 {0}, and ask who has had it", key.display()));
    }
    let text = text(&key)?;
    let key = PrivateKeyDer::from_pem_slice(&text).map_err(|_| format!("`{}` holds no private key; {make}", key.display()))?;
    Ok(Own { cert, key })
}

/// Reads the certificates pinned for a far station, `FOLDER/PEER.crt`: at least one.
pub fn pinned(folder: &Path, peer: &str) -> Result<Vec<Cert>, String> {
    let path = file(folder, peer, "crt");
    let certs =
        read(&path).map_err(|why| format!("{why}; get {peer}.crt from {peer}'s operator and put it there: molink certs pin {peer}.crt"))?;
    certs.iter().try_for_each(|cert| names(cert, peer, &path))?;
    Ok(certs)
}

/// The certificates of a PEM file: at least one.
pub fn read(path: &Path) -> Result<Vec<Cert>, String> {
    let text = text(path)?;
    let ders: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).take(PINNED + 1).collect();
    let ders = ders.map_err(|_| format!("`{}` is damaged: it is no PEM file from end to end", path.display()))?;
    if ders.is_empty() || ders.len() > PINNED {
        let shown = path.display();
        return Err(match ders.is_empty() {
            true => format!("`{shown}` holds no certificate; a certificate's file is STATION.crt"),
            false => format!("`{shown}` holds too many certificates; {PINNED} at the most are read"),
        });
    }
    let certs: Result<Vec<_>, _> = ders.into_iter().map(Cert::read).collect();
    certs.map_err(|why| format!("`{}`: {why}", path.display()))
}

/// The two files of a new certificate.
pub struct Made {
    /// The key: it never leaves this machine.
    pub key: PathBuf,
    /// The certificate: for the other station.
    pub crt: PathBuf,
    /// What is in it.
    pub cert: Cert,
}

/// Makes key (0600) and certificate of a station, valid for `days` from `from` (an hour before, as clocks differ). Replaces nothing.
pub fn make(folder: &Path, station: &str, from: Utc, days: u32) -> Result<Made, String> {
    let (key_file, crt) = (file(folder, station, "key"), file(folder, station, "crt"));
    if let Some(there) = [&key_file, &crt].into_iter().find(|f| f.exists()) {
        return Err(format!(
            "`{}` is there already, and another station may have pinned it: make the next one in another folder (--out), let it be pinned there, then change over",
            there.display()
        ));
    }
    let inside = |e: rcgen::Error| format!("the certificate could not be made: {e}");
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(inside)?;
    let cert = params(station, from, days).map_err(inside)?.self_signed(&key).map_err(inside)?;
    let read = Cert::read(cert.der().clone())?;
    make_folder(folder)?;
    write(&key_file, 0o600, key.serialize_pem().as_bytes())?;
    if let Err(why) = write(&crt, 0o644, (heading(&read) + &cert.pem()).as_bytes()) {
        let _ = std::fs::remove_file(&key_file); // half a pair is none
        return Err(why);
    }
    Ok(Made { key: key_file, crt, cert: read })
}

/// What became of a certificate that was to be pinned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Pin {
    /// It is the first of its station.
    First,
    /// It stands beside others of its station, so many.
    Beside(usize),
    /// It was pinned already.
    Before,
}

/// Puts a far station's certificate, which its operator brought, into `folder`. Answers with it, where it lies, and what became of it.
pub fn pin(folder: &Path, from: &Path) -> Result<(Cert, PathBuf, Pin), String> {
    let shown = from.display();
    let brought = text(from)?;
    if PrivateKeyDer::from_pem_slice(&brought).is_ok() {
        return Err(format!(
            "`{shown}` holds a private key, which must never leave its station: ask for the .crt alone, and for a new pair"
        ));
    }
    let cert = match <[Cert; 1]>::try_from(read(from)?) {
        Ok([cert]) => cert,
        Err(more) => return Err(format!("`{shown}` holds {} certificates; pin one at a time", more.len())),
    };
    let Some(station) = cert.station.clone().filter(|s| is_name(s)) else {
        return Err(format!("`{shown}` names no station; a certificate made by `molink certs make STATION` does"));
    };
    let path = file(folder, &station, "crt");
    if file(folder, &station, "key").exists() {
        return Err(format!("`{}` is this folder's own station: its key lies here; there is nothing to pin", path.display()));
    }
    let before = if path.exists() { pinned(folder, &station)? } else { vec![] };
    if before.contains(&cert) {
        return Ok((cert, path, Pin::Before));
    }
    if before.len() == PINNED {
        return Err(format!("`{}` holds {PINNED} certificates: take out those that have ended", path.display()));
    }
    make_folder(folder)?;
    let mut all = if path.exists() { text(&path)? } else { vec![] };
    let block = block(&brought).ok_or_else(|| format!("`{shown}` is not a PEM file as others can read it"))?;
    all.extend((heading(&cert) + &block).bytes());
    replace(&path, &all)?;
    let count = before.len();
    Ok((cert, path, if count == 0 { Pin::First } else { Pin::Beside(count) }))
}

fn params(station: &str, from: Utc, days: u32) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(vec![station.to_owned()])?;
    let begin = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_micros(from.0.try_into().unwrap_or_default()).saturating_sub(BEFORE);
    (params.not_before, params.not_after) = (begin, begin + BEFORE + Duration::from_secs(u64::from(days) * 86_400));
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, station);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

fn make_folder(folder: &Path) -> Result<(), String> {
    let shown = folder.display();
    if folder.exists() && !folder.is_dir() {
        return Err(format!("`{shown}` is not a folder; give one with --out"));
    }
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|e| format!("the folder `{shown}` cannot be made: {}; give another with --out", plain(&e)))
}

/// What a person sees who opens the file; PEM lets it stand before the certificate.
fn heading(cert: &Cert) -> String {
    let station = cert.station.as_deref().unwrap_or("?");
    format!("station {station}\nvalid {} to {}\nSHA-256 {}\n", day(cert.from), day(cert.until), cert.fingerprint())
}

/// The one certificate of a file as it stands there.
fn block(text: &[u8]) -> Option<String> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let text = String::from_utf8_lossy(text);
    let (_, from) = text.split_once(BEGIN)?;
    let (inside, _) = from.split_once(END)?;
    Some(format!("{BEGIN}{inside}{END}\n"))
}

/// Names become file names: only what a station's name may hold.
fn is_name(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Where a station's file lies in a folder: `crt` or `key`.
pub fn file(folder: &Path, station: &str, ending: &str) -> PathBuf {
    folder.join(format!("{station}.{ending}"))
}

fn names(cert: &Cert, station: &str, path: &Path) -> Result<(), String> {
    match &cert.station {
        Some(named) if named == station => Ok(()),
        Some(named) => Err(format!("`{}` is the certificate of {named}, not of {station}: the files were mixed up", path.display())),
        None => Err(format!("`{}` names no station; a certificate made by `molink certs make {station}` does", path.display())),
    }
}

fn text(path: &Path) -> Result<Vec<u8>, String> {
    let say = |e: io::Error| format!("`{}` cannot be read: {}", path.display(), plain(&e));
    let about = std::fs::metadata(path).map_err(say)?;
    match about.is_file() && about.len() <= LONGEST {
        true => std::fs::read(path).map_err(say),
        false => Err(format!("`{}` is not a certificate's file (a text file of at most 64 kB)", path.display())),
    }
}

fn write(path: &Path, mode: u32, content: &[u8]) -> Result<(), String> {
    let written = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path).and_then(|mut f| {
        f.write_all(content)?;
        f.sync_all()
    });
    written.map_err(|e| format!("`{}` cannot be written: {e}", path.display()))
}

fn replace(path: &Path, content: &[u8]) -> Result<(), String> {
    let next = path.with_extension("crt.new");
    let _ = std::fs::remove_file(&next); // of a pin that was broken off
    write(&next, 0o644, content)?;
    std::fs::rename(&next, path).map_err(|e| format!("`{}` cannot be replaced: {e}", path.display()))
}
