//! The mail of a station's desks: each filed message as `DATA/mail/IDENTITY.eml` and, once, in the Maildir of its desk.
//!
//! Standards: Maildir (see `email::backend_maildir`), RFC 5322. In: filed messages. Out: files; a Maildir's are on disk when this says so.
//! A mail is what came, byte for byte, if the message came as one; else it is made of the message and its other forms. Memory: one message.
//! Left out: when to try again (see `papers`). Shown by: `tests/it/desk_mail.rs`.

use super::StationConfig;
use super::config::MaildirAt;
use crate::email::backend_maildir::{Key, LARGEST, Maildir, MaildirError, ToFile};
use crate::email::keys::Keys;
use crate::email::mime::{self, Domains, Outgoing};
use crate::message::post::AsCame;
use crate::message::{Blob, Identity, Message, Name, Part};
use crate::router::journal::Row;
use crate::router::{Contents, Forms};
use crate::time::Utc;
use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The most bytes of files in one mail: in base64, and with its texts, they must fit into a Maildir's largest ([`LARGEST`]).
const MOST: u64 = LARGEST / 8 * 5;

/// What files the mails of this station's desks.
pub(super) struct Mailboxes {
    /// `DATA/mail`.
    dir: PathBuf,
    /// Whether each mail is left there.
    kept: bool,
    /// Each desk's Maildir, and the record of what was filed in it.
    places: BTreeMap<Name, (PathBuf, PathBuf)>,
    open: BTreeMap<Name, Maildir>,
    domains: Domains,
    host: String,
    contents: Contents,
    forms: Forms,
}

/// A mail that is written and not yet filed.
pub(super) struct Letter {
    pub row: Row,
    /// Fields of the Maildir's mail alone.
    on_top: String,
}

impl Mailboxes {
    /// Those of this station; `None` if none of its desks gets mail.
    pub(super) fn of(config: &StationConfig, forms: Forms) -> Option<Mailboxes> {
        let keys: Vec<Keys> =
            config.ports.values().filter(|p| p.backend == "email").filter_map(|p| Keys::read(p.keys.clone()).ok()).collect();
        let kept = config.ports.values().any(|p| p.backend == "email");
        let places = places(config, kept);
        let all = keys.iter().flat_map(|k| &k.domains).fold(Domains::default(), |all, (name, domain)| all.with(name.clone(), domain));
        (kept || !places.is_empty()).then(|| Mailboxes {
            dir: config.data.join("mail"),
            kept,
            places,
            open: BTreeMap::new(),
            host: keys.first().map_or_else(|| all.of(&config.station), |k| k.host(&config.station)),
            domains: all,
            contents: Contents::in_folder(config.data.join("content")),
            forms,
        })
    }
    /// Whether each mail is left in `DATA/mail`.
    pub(super) fn keeps(&self) -> bool {
        self.kept
    }
    /// Whether messages for this desk are filed as mails.
    pub(super) fn serves(&self, desk: &Name) -> bool {
        self.kept || self.places.contains_key(desk)
    }
    /// Whether a message's mail is not known to be filed.
    pub(super) fn lacks(&self, row: &Row) -> bool {
        match self.places.get(&row.to.desk) {
            _ if self.kept => !self.path(row, "eml").exists(),
            Some((_, record)) => !record.join(row.id.to_string()).exists(),
            None => false,
        }
    }
    /// Writes a message's mail aside.
    pub(super) fn write(&self, message: &Message, row: Row) -> Result<Letter, String> {
        let half = self.path(&row, "part");
        let said = |e: io::Error| format!("the mail `{}` cannot be written: {e}", half.display());
        DirBuilder::new().recursive(true).mode(0o700).create(&self.dir).map_err(said)?;
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&half).map_err(said)?;
        let mut to = BufWriter::with_capacity(64 << 10, file);
        let on_top = self.compose(message, &row, &mut to).and_then(|on_top| to.flush().map(|()| on_top)).map_err(said)?;
        Ok(Letter { row, on_top })
    }
    /// Files mails that were written; in the order of the letters, whether each is on disk.
    pub(super) fn file(&mut self, letters: &[Letter]) -> Vec<Result<(), String>> {
        let mut ended: Vec<Result<(), String>> = letters.iter().map(|_| Ok(())).collect();
        let mut by_desk: BTreeMap<Name, Vec<usize>> = BTreeMap::new();
        for (n, letter) in letters.iter().enumerate() {
            by_desk.entry(letter.row.to.desk.clone()).or_default().push(n);
        }
        for (desk, mine) in by_desk {
            let filed = self.file_at(&desk, mine.iter().map(|n| &letters[*n]).collect());
            mine.into_iter().zip(filed).for_each(|(n, filed)| ended[n] = filed);
        }
        let keep = |(filed, letter): (Result<(), String>, &Letter)| filed.and_then(|()| self.keep(&letter.row));
        ended.into_iter().zip(letters).map(keep).collect()
    }
    /// Forgets what was filed before: the station could not file it again.
    pub(super) fn forget(&mut self, before: Utc, waiting: &[Identity]) {
        let keep = waiting.iter().map(Key::of).collect();
        for (desk, place) in self.places.clone() {
            match self.maildir(&desk, &place).and_then(|maildir| maildir.forget(before, &keep)) {
                Ok(0) => {}
                Ok(n) => tracing::debug!("{n} marks of mails filed at the desk {desk} are forgotten"),
                Err(why) => tracing::warn!("{why}"),
            }
        }
    }

    fn path(&self, row: &Row, kind: &str) -> PathBuf {
        self.dir.join(match kind {
            "eml" => format!("{}.eml", row.id),
            _ => format!("{}.eml.{kind}", row.id),
        })
    }
    /// Writes the mail; gives what the Maildir's has on top of it.
    fn compose(&self, message: &Message, row: &Row, to: &mut dyn Write) -> io::Result<String> {
        let came = message.envelope.post.as_ref().and_then(|post| post.mail.as_ref());
        match came {
            Some(AsCame::Short(mail)) => to.write_all(mail.as_bytes())?,
            Some(AsCame::Kept(blob)) if self.is_here(blob) => {
                io::copy(&mut self.contents.open(blob).map_err(io::Error::other)?, to)?;
            }
            Some(AsCame::Kept(_)) | None => {
                let (fitted, room) = self.fitted(message);
                let on_top = mime::on_top(message, &self.domains, &self.host, row.came_by.as_deref(), row.accepted);
                let mut forms = (self.forms)(message, row.came_by.as_deref());
                if forms.iter().map(|form| form.bytes.len() as u64).sum::<u64>() > room {
                    forms.clear();
                }
                let mail = Outgoing { message: &fitted, domains: &self.domains, on_top: &on_top, forms: &forms };
                let mut open = |blob: &Blob| Ok(Box::new(self.contents.open(blob).map_err(io::Error::other)?) as Box<dyn Read>);
                mime::write(mail, &mut open, to)?;
                return Ok(String::new());
            }
        }
        Ok(mime::delivered_to(message, &self.domains))
    }
    /// The message as far as a mail can hold it, and the room that is left: a text stands for a file that is gone, or too large.
    fn fitted(&self, message: &Message) -> (Message, u64) {
        let mut room = MOST;
        let mut fit = |part: &Part| match part {
            Part::Text { .. } => part.clone(),
            Part::Page(blob) | Part::File(blob) => {
                let why = match (self.is_here(blob), room.checked_sub(blob.size)) {
                    (true, Some(left)) => {
                        room = left;
                        return part.clone();
                    }
                    (true, None) => format!("is too large for this mail; it lies at the station, content/{}", blob.sha256),
                    (false, _) => "is not at the station any more".to_owned(),
                };
                Part::Text { text: format!("{} {why}", blob.shown()) }
            }
        };
        let content = message.content.iter().map(&mut fit).collect();
        (Message { content, ..message.clone() }, room)
    }
    fn is_here(&self, blob: &Blob) -> bool {
        self.contents.open(blob).and_then(|file| file.metadata().map_err(|e| e.to_string())).is_ok_and(|found| found.len() == blob.size)
    }
    fn file_at(&mut self, desk: &Name, letters: Vec<&Letter>) -> Vec<Result<(), String>> {
        let Some(place) = self.places.get(desk).cloned() else { return letters.iter().map(|_| Ok(())).collect() };
        let paths: Vec<PathBuf> = letters.iter().map(|letter| self.path(&letter.row, "part")).collect();
        let maildir = match self.maildir(desk, &place) {
            Ok(maildir) => maildir,
            Err(why) => return letters.iter().map(|_| Err(why.to_string())).collect(),
        };
        let mail = |(letter, path): (&&Letter, &PathBuf)| {
            let (on_top, path) = (letter.on_top.clone(), path.clone());
            let write = move |to: &mut dyn Write| {
                to.write_all(on_top.as_bytes())?;
                io::copy(&mut File::open(&path)?, to).map(drop)
            };
            ToFile { key: Key::of(&letter.row.id), at: letter.row.accepted, write: Box::new(write) }
        };
        let mut mails: Vec<ToFile<'_>> = letters.iter().zip(&paths).map(mail).collect();
        maildir.file_all(&mut mails).into_iter().map(|filed| filed.map(drop).map_err(|why| why.to_string())).collect()
    }
    fn maildir(&mut self, desk: &Name, (dir, record): &(PathBuf, PathBuf)) -> Result<&Maildir, MaildirError> {
        let open = match self.open.remove(desk) {
            Some(open) => open,
            None => self.reopen(desk, dir, record)?,
        };
        Ok(self.open.entry(desk.clone()).or_insert(open))
    }
    /// Opens a Maildir. One elsewhere is made once: it is noted here that it was there, so that none is made where its disk is not mounted.
    fn reopen(&self, desk: &Name, dir: &Path, record: &Path) -> Result<Maildir, MaildirError> {
        let elsewhere = !record.starts_with(&self.dir);
        let note = self.dir.join("elsewhere").join(desk.as_str());
        if elsewhere && std::fs::read(&note).is_ok_and(|known| known == dir.as_os_str().as_bytes()) {
            return Maildir::open_again(dir, record, &self.host);
        }
        let maildir = Maildir::open(dir, record, &self.host)?;
        if elsewhere {
            write_note(&note, dir).map_err(|why| MaildirError::Disk { doing: "write", path: note, why })?;
        }
        Ok(maildir)
    }
    /// A filed mail gets its name, or goes where nobody wants it.
    fn keep(&self, row: &Row) -> Result<(), String> {
        let (half, whole) = (self.path(row, "part"), self.path(row, "eml"));
        let done = if self.kept { std::fs::rename(&half, &whole) } else { std::fs::remove_file(&half) };
        done.map_err(|e| format!("the mail `{}` cannot be written: {e}", whole.display()))
    }
}

/// Writes, synced, which Maildir it is.
fn write_note(note: &Path, dir: &Path) -> io::Result<()> {
    let folder = note.parent().unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(note)?;
    file.write_all(dir.as_os_str().as_bytes()).and_then(|()| file.sync_all())?;
    File::open(folder)?.sync_all()
}

/// Where each desk's Maildir and its record are.
fn places(config: &StationConfig, usual: bool) -> BTreeMap<Name, (PathBuf, PathBuf)> {
    let place = |desk: &Name| match config.maildirs.get(desk).unwrap_or(&MaildirAt::Usual(usual)) {
        MaildirAt::Usual(false) => None,
        MaildirAt::Usual(true) => {
            Some((config.data.join("maildir").join(desk.as_str()), config.data.join("mail/filed").join(desk.as_str())))
        }
        MaildirAt::Folder(dir) => Some((dir.clone(), beside(dir, &config.station, desk))),
    };
    config.desks.iter().filter_map(|desk| Some((desk.clone(), place(desk)?))).collect()
}

/// The record of a Maildir elsewhere lies beside it: on its disk, and not in it.
fn beside(dir: &Path, station: &Name, desk: &Name) -> PathBuf {
    let name = dir.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    dir.with_file_name(format!(".{name}.filed-{desk}-{station}"))
}
