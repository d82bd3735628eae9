//! Those who may log in at an e-mail server: a file of names, each with a salted hash of its password.
//!
//! Standards: PBKDF2 (RFC 8018 5.2) with HMAC-SHA-256. In: a TOML file, `[NAME] password = "pbkdf2-sha256:ROUNDS:SALT:HASH", desk = "DESK"`.
//! Out: whether a password is right, whose desk a user writes from. The file is read anew at each login: a user taken out is out.
//! Left out: other stores (PAM, LDAP). Shown by: the tests below, `tests/it/email_server.rs`.

use crate::message::Name;
use ring::{digest, pbkdf2, rand};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::num::NonZeroU32;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Rounds of a new hash: about 25 ms on one core of 2020.
const ROUNDS: u32 = 100_000;
/// More rounds than this in a file are a mistake: each login would take seconds.
const MOST_ROUNDS: u32 = 5_000_000;
const SALT: usize = 16;
const HASH: usize = digest::SHA256_OUTPUT_LEN;
/// The largest file that is read.
const LONGEST: u64 = 4 << 20;
/// The longest password; AUTH itself brings no longer one.
const LONGEST_PASSWORD: usize = 1_000;

/// The users of a port.
#[derive(Clone, Debug)]
pub struct Users {
    path: PathBuf,
}

/// One user, as the file has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    password: String,
    /// The desk that this user writes from; without one he is a correspondent outside, by his mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desk: Option<Name>,
}

impl Users {
    /// Those of this file.
    pub fn at(path: impl Into<PathBuf>) -> Users {
        Users { path: path.into() }
    }

    /// Where they are.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All of them.
    pub fn read(&self) -> Result<BTreeMap<String, User>, String> {
        let shown = self.path.display();
        let unread = |e: std::io::Error| {
            let todo = match e.kind() {
                std::io::ErrorKind::NotFound => format!("`molink mail user NAME --file {shown}` makes the file"),
                _ => "let the station's account read it, as UTF-8".to_owned(),
            };
            format!("the users `{shown}` cannot be read: {}; {todo}", plain(&e))
        };
        let about = std::fs::metadata(&self.path).map_err(unread)?;
        if about.permissions().mode() & 0o077 != 0 {
            return Err(format!("the users `{shown}` can be read by others: chmod 600 {shown}"));
        }
        if about.len() > LONGEST {
            return Err(format!("the users `{shown}` are more than {} MiB; is it the right file", LONGEST >> 20));
        }
        let text = std::fs::read_to_string(&self.path).map_err(unread)?;
        let users: BTreeMap<String, User> = toml::from_str(&text).map_err(|e| {
            let why = e.message().replace("struct User", "a table");
            format!("the users `{shown}` are not as `molink mail user` writes them: {why}; mend the file, or make it anew")
        })?;
        match users.iter().find(|(_, user)| user.parts().is_none()) {
            Some((name, _)) => Err(format!(
                "the users `{shown}`: the password of `{name}` is not as `molink mail user` writes it; take out its table and put the user in anew"
            )),
            None => Ok(users),
        }
    }

    /// Whether name and password are right. Unknown names take as long as known ones.
    pub fn login(&self, name: &str, password: &str) -> Result<bool, String> {
        let users = self.read()?;
        match users.get(name).and_then(User::parts) {
            Some((rounds, salt, hash)) => Ok(pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, password.as_bytes(), &hash).is_ok()),
            None => {
                let rounds = NonZeroU32::new(ROUNDS).unwrap_or(NonZeroU32::MIN);
                let _ = pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &[0; SALT], password.as_bytes(), &[0; HASH]);
                Ok(false)
            }
        }
    }

    /// The desk of a user who has logged in.
    pub fn desk(&self, name: &str) -> Result<Option<Name>, String> {
        Ok(self.read()?.remove(name).and_then(|user| user.desk))
    }

    /// Puts a user into the file, or changes one; the file is made (0600) if it is missing. `true`: the user was there before.
    pub fn put(&self, name: &str, password: &str, desk: Option<Name>) -> Result<bool, String> {
        if name.is_empty() || name.len() > 100 || name.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(format!("`{}` is not a user's name; use 1 to 100 characters without blanks", name.escape_debug()));
        }
        if password.is_empty() || password.len() > LONGEST_PASSWORD || password.contains('\0') {
            return Err(format!("a password has 1 to {LONGEST_PASSWORD} octets"));
        }
        let mut users = if self.path.exists() { self.read()? } else { BTreeMap::new() };
        let user = User { password: hashed(password)?, desk };
        let before = users.insert(name.to_owned(), user).is_some();
        let text = toml::to_string(&users).map_err(|e| format!("the users cannot be written: {e}"))?;
        replace(&self.path, text.as_bytes())
            .map_err(|e| format!("the users `{}` cannot be written: {}", self.path.display(), plain(&e)))?;
        Ok(before)
    }
}

impl User {
    fn parts(&self) -> Option<(NonZeroU32, Vec<u8>, Vec<u8>)> {
        let mut words = self.password.split(':');
        let (Some("pbkdf2-sha256"), Some(rounds), Some(salt), Some(hash), None) =
            (words.next(), words.next(), words.next(), words.next(), words.next())
        else {
            return None;
        };
        let rounds: NonZeroU32 = rounds.parse().ok().filter(|r: &NonZeroU32| r.get() <= MOST_ROUNDS)?;
        Some((rounds, octets(salt)?, octets(hash).filter(|h| h.len() == HASH)?))
    }
}

fn hashed(password: &str) -> Result<String, String> {
    let salt: [u8; SALT] =
        rand::generate(&rand::SystemRandom::new()).map_err(|_| "the system gives no randomness for a salt; try again".to_owned())?.expose();
    let mut hash = [0; HASH];
    let rounds = NonZeroU32::new(ROUNDS).unwrap_or(NonZeroU32::MIN);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, password.as_bytes(), &mut hash);
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    Ok(format!("pbkdf2-sha256:{ROUNDS}:{}:{}", hex(&salt), hex(&hash)))
}

/// The system's words, without their number.
fn plain(e: &std::io::Error) -> String {
    let text = e.to_string().to_lowercase();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

fn octets(hex: &str) -> Option<Vec<u8>> {
    if hex.is_empty() || !hex.len().is_multiple_of(2) || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).ok()).collect()
}

/// Written aside and renamed: a reader sees the old file or the new one.
fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".new");
    let aside = PathBuf::from(aside);
    let _ = std::fs::remove_file(&aside); // of one that was broken off
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&aside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_logs_in_with_the_right_password_and_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let users = Users::at(dir.path().join("users.toml"));
        assert!(users.read().unwrap_err().contains("molink mail user"));
        assert!(!users.put("operator", "1963-08-30", Some("operator".parse().unwrap())).unwrap());
        assert!(!users.put("anna", "geheim", None).unwrap());
        assert!(users.put("anna", "пароль", None).unwrap());
        for (name, password, right) in [
            ("operator", "1963-08-30", true),
            ("operator", "1963-08-31", false),
            ("anna", "пароль", true),
            ("anna", "geheim", false),
            ("eve", "x", false),
        ] {
            assert_eq!(users.login(name, password), Ok(right), "{name} {password}");
        }
        assert_eq!((users.desk("operator").unwrap().unwrap().as_str(), users.desk("anna")), ("operator", Ok(None)));
        let text = std::fs::read_to_string(dir.path().join("users.toml")).unwrap();
        assert!(!text.contains("geheim") && !text.contains("1963"), "{text}");
    }

    #[test]
    fn a_file_that_others_can_read_or_that_is_damaged_lets_nobody_in() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("users.toml");
        let users = Users::at(&path);
        users.put("anna", "geheim", None).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(users.login("anna", "geheim").unwrap_err().contains("chmod 600"));
        for text in ["[anna]\npassword = \"geheim\"", "[anna]\npassword = \"pbkdf2-sha256:0:00:00\"", "[anna", "[anna]\npasswort = \"x\""] {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            assert!(users.login("anna", "geheim").is_err(), "{text}");
        }
        assert!(users.put("a b", "x", None).is_err() && users.put("a", "", None).is_err());
    }
}
