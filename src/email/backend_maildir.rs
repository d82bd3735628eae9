//! The Maildir of a desk: a mail is in it whole, once, and on disk when this says so.
//!
//! Standard: the Maildir page of qmail's author; lines end with LF, as Unix programs have them there; `,S=` in a name as Dovecot has it. In: a key (a message's identity), who writes the mail.
//! Out: the file's name, and whether it is new. Each step is synced before the next, so that a crash between any two is made good by delivering again.
//! Left out: flags, subfolders, quotas; taking mails away is their reader's. Shown by: the tests here, `tests/it/mail_peers.rs`.

use crate::message::Identity;
use crate::time::Utc;
use std::collections::BTreeSet;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The largest mail that is filed, in bytes.
pub const LARGEST: u64 = 128 << 20;

/// What a mail is filed once by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Key(String);

impl Key {
    /// A message's identity.
    pub fn of(identity: &Identity) -> Key {
        Key(identity.to_string())
    }
    /// Another: letters, digits and hyphens, 1 to 100 (a hash, the name of a spooled mail).
    pub fn named(name: &str) -> Option<Key> {
        let good = (1..=100).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        good.then(|| Key(name.to_owned()))
    }
}

/// Why a mail was not filed. The sentence names the path and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum MaildirError {
    /// The folder cannot be used.
    #[error("cannot {doing} `{}`: {why}{}", path.display(), advice(why))]
    Disk {
        /// What was tried.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// It was there before.
    #[error("`{}` is not there, though mail was filed in it before: mount its disk; or make that folder, if it is to begin anew", .0.display())]
    Away(PathBuf),
    /// The mail is larger than [`LARGEST`].
    #[error("the mail for `{}` is larger than {} MiB; send it in parts", .0.display(), LARGEST >> 20)]
    TooLarge(PathBuf),
    /// Who writes the mail could not go on.
    #[error("the mail for `{}` could not be written: {}", .0.display(), .1)]
    Source(PathBuf, io::Error),
}

impl MaildirError {
    /// The same for another mail that waited for the same disk.
    fn again(&self) -> MaildirError {
        let copy = |why: &io::Error| io::Error::new(why.kind(), why.to_string());
        match self {
            MaildirError::Disk { doing, path, why } => MaildirError::Disk { doing, path: path.clone(), why: copy(why) },
            MaildirError::Away(dir) => MaildirError::Away(dir.clone()),
            MaildirError::TooLarge(dir) => MaildirError::TooLarge(dir.clone()),
            MaildirError::Source(dir, why) => MaildirError::Source(dir.clone(), copy(why)),
        }
    }
}

fn advice(why: &io::Error) -> &'static str {
    match why.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; make room on that disk, the mail is kept until then",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => "; let the station's account write there",
        io::ErrorKind::NotFound => "; if its disk is not mounted, mount it, the mail is kept until then",
        io::ErrorKind::CrossesDevices => "; the Maildir and the station's record of it must lie on one disk",
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => "; move what has that name away",
        _ => "",
    }
}

fn disk(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> MaildirError {
    let path = path.to_owned();
    move |why| MaildirError::Disk { doing, path, why }
}

/// Who writes a mail.
pub type Writes<'a> = &'a mut dyn FnMut(&mut dyn Write) -> io::Result<()>;

/// The same, of several mails.
pub type OwnWrites<'a> = Box<dyn FnMut(&mut dyn Write) -> io::Result<()> + 'a>;

/// One mail of several.
pub struct ToFile<'a> {
    /// What it is filed once by.
    pub key: Key,
    /// When it came.
    pub at: Utc,
    /// Who writes it.
    pub write: OwnWrites<'a>,
}

/// How far a mail is before it is moved into `new`.
#[derive(PartialEq, Eq)]
enum Step {
    Before,
    Aside,
}

/// The Maildir of a desk. One at a time writes to it: the desk's port.
#[derive(Clone, Debug)]
pub struct Maildir {
    dir: PathBuf,
    /// What was filed, by key: an empty file when it is done, the mail itself (the same file) until then.
    record: PathBuf,
    host: String,
}

/// A mail in a Maildir.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Filed {
    /// It is on disk, under this name.
    New(PathBuf),
    /// It was there before; only its mark is as new.
    Before,
}

impl Maildir {
    /// Opens the Maildir in `dir`, and the record of what was filed in it in `record`, outside of it and on the same disk; makes both (0700) if missing.
    pub fn open(dir: impl Into<PathBuf>, record: impl Into<PathBuf>, host: &str) -> Result<Maildir, MaildirError> {
        let host: String = host.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.')).take(100).collect();
        let maildir = Maildir { dir: dir.into(), record: record.into(), host };
        for folder in ["tmp", "new", "cur"] {
            make(&maildir.dir.join(folder))?;
        }
        make(&maildir.record)?;
        Ok(maildir)
    }

    /// The same of one that was there before: what is missing of the two is not made anew, since it may be on a disk that is not mounted now.
    pub fn open_again(dir: &Path, record: &Path, host: &str) -> Result<Maildir, MaildirError> {
        match [dir, record].into_iter().find(|folder| !folder.is_dir()) {
            Some(away) => Err(MaildirError::Away(away.to_owned())),
            None => Maildir::open(dir, record, host),
        }
    }

    /// Files a mail, once by its key. `write` is called unless it is there before; when this returns `Ok`, it is on disk.
    pub fn file(&self, key: &Key, at: Utc, write: Writes<'_>) -> Result<Filed, MaildirError> {
        if self.put(key, write)? == Step::Before {
            return Ok(Filed::Before);
        }
        sync(&self.record)?;
        let name = self.move_in(key, at)?;
        sync(&self.dir.join("new"))?;
        self.done(key).map(|()| Filed::New(name))
    }
    /// The same for several mails, which share the syncs of their folders; each ends for itself.
    pub fn file_all(&self, mails: &mut [ToFile<'_>]) -> Vec<Result<Filed, MaildirError>> {
        let steps: Vec<_> = mails.iter_mut().map(|mail| self.put(&mail.key, mail.write.as_mut())).collect();
        let any = steps.iter().any(|step| matches!(step, Ok(Step::Aside)));
        let synced = |folder: &Path| if any { sync(folder) } else { Ok(()) };
        let recorded = synced(&self.record);
        let move_in = |(step, mail): (Result<Step, MaildirError>, &ToFile<'_>)| match (step?, &recorded) {
            (Step::Before, _) => Ok(Filed::Before),
            (Step::Aside, Ok(())) => self.move_in(&mail.key, mail.at).map(Filed::New),
            (Step::Aside, Err(why)) => Err(why.again()),
        };
        let moved: Vec<_> = steps.into_iter().zip(mails.iter()).map(move_in).collect();
        let synced = synced(&self.dir.join("new"));
        let end = |(filed, mail): (Result<Filed, MaildirError>, &ToFile<'_>)| match (filed?, &synced) {
            (Filed::New(name), Ok(())) => self.done(&mail.key).map(|()| Filed::New(name)),
            (Filed::New(_), Err(why)) => Err(why.again()),
            (Filed::Before, _) => Ok(Filed::Before),
        };
        moved.into_iter().zip(mails.iter()).map(end).collect()
    }
    /// Whether a mail with this key was filed, and is not forgotten.
    pub fn has(&self, key: &Key) -> bool {
        std::fs::symlink_metadata(self.mark(key)).is_ok_and(|found| found.len() == 0)
    }

    fn mark(&self, key: &Key) -> PathBuf {
        self.record.join(&key.0)
    }
    fn aside(&self, key: &Key) -> PathBuf {
        self.dir.join("tmp").join(&key.0)
    }
    /// Steps 1 and 2: the mail lies in `tmp`, synced, and its mark is made; or it was filed before.
    fn put(&self, key: &Key, write: Writes<'_>) -> Result<Step, MaildirError> {
        let (mark, aside) = (self.mark(key), self.aside(key));
        match std::fs::symlink_metadata(&mark) {
            // Done is an empty file; a mail that is also in `new` or `cur` was filed, and only the mark was not changed yet.
            Ok(found) if found.len() == 0 => {
                let _ = self.done(key); // its age counts from now, as that of a paper that is made anew with it
                return Ok(Step::Before);
            }
            Ok(found) if !aside.exists() && found.nlink() > 1 => {
                sync(&self.dir.join("new"))?;
                return self.done(key).map(|()| Step::Before);
            }
            // Filed or not, its only name is the mark (`tmp` was swept, or its reader took it away): a mail twice is better than none.
            Ok(_) if !aside.exists() => std::fs::hard_link(&mark, &aside).map_err(disk("write", &aside))?,
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                self.put_aside(&aside, write)?;
                std::fs::hard_link(&aside, &mark).map_err(disk("write", &mark))?;
            }
            Err(e) => return Err(disk("read", &mark)(e)),
        }
        Ok(Step::Aside)
    }
    /// Step 3: from `tmp` to its name in `new`.
    fn move_in(&self, key: &Key, at: Utc) -> Result<PathBuf, MaildirError> {
        let aside = self.aside(key);
        let size = std::fs::metadata(&aside).map_err(disk("read", &aside))?.len();
        let name = self.dir.join("new").join(format!("{}.{}.{},S={size}", at.0.div_euclid(1_000_000).max(0), key.0, self.host));
        std::fs::rename(&aside, &name).map_err(disk("write", &name))?;
        Ok(name)
    }

    /// Writes a mail into `tmp` and syncs it; what a crash left there under that name is written over.
    fn put_aside(&self, aside: &Path, write: Writes<'_>) -> Result<(), MaildirError> {
        let _ = std::fs::remove_file(aside);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(aside).map_err(disk("write", aside))?;
        let mut out = Bounded { to: BufWriter::with_capacity(64 << 10, file), left: LARGEST, full: false, failed: None, cr: false };
        let written = write(&mut out).and_then(|()| out.end());
        let result = match (written, out.full, out.failed.take()) {
            (_, true, _) => Err(MaildirError::TooLarge(self.dir.clone())),
            (_, _, Some(why)) => Err(disk("write", aside)(why)),
            (Err(why), ..) => Err(MaildirError::Source(self.dir.clone(), why)),
            (Ok(()), ..) => out.to.get_ref().sync_all().map_err(disk("sync", aside)),
        };
        if result.is_err() {
            let _ = std::fs::remove_file(aside);
        }
        result
    }

    /// Step 4: changes the mark to an empty file. (Not synced: until it is on disk, the mail's second name tells the same.)
    fn done(&self, key: &Key) -> Result<(), MaildirError> {
        let (mark, empty) = (self.mark(key), self.record.join(".done"));
        let made = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&empty);
        made.and_then(|_| std::fs::rename(&empty, &mark)).map_err(disk("write", &mark))
    }

    /// Forgets what was filed longer ago than the station could still want to file again, but for those in `keep`; gives how many marks that were.
    pub fn forget(&self, before: Utc, keep: &BTreeSet<Key>) -> Result<usize, MaildirError> {
        let mut forgotten = 0;
        for entry in std::fs::read_dir(&self.record).map_err(disk("read", &self.record))? {
            let entry = entry.map_err(disk("read", &self.record))?;
            let old = |m: std::fs::Metadata| m.is_file() && m.len() == 0 && m.mtime() < before.0.div_euclid(1_000_000);
            let kept = entry.file_name().to_str().is_some_and(|name| keep.contains(&Key(name.to_owned())));
            if !kept && entry.metadata().is_ok_and(old) && std::fs::remove_file(entry.path()).is_ok() {
                forgotten += 1;
            }
        }
        Ok(forgotten)
    }
}

fn make(folder: &Path) -> Result<(), MaildirError> {
    if folder.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(disk("make the folder", folder))?;
    folder.parent().filter(|p| !p.as_os_str().is_empty()).map_or(Ok(()), sync)
}

fn sync(folder: &Path) -> Result<(), MaildirError> {
    File::open(folder).and_then(|f| f.sync_all()).map_err(disk("sync", folder))
}

/// A file with LF for CR LF that takes no more than so many bytes, and remembers what its disk said.
struct Bounded {
    to: BufWriter<File>,
    left: u64,
    full: bool,
    failed: Option<io::Error>,
    /// A CR that may be a line end's is held back.
    cr: bool,
}

impl Bounded {
    /// What comes with no LF behind it is text.
    fn end(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.cr) {
            let done = self.to.write_all(b"\r");
            self.kept(done)?;
        }
        self.flush()
    }
    fn kept<T>(&mut self, done: io::Result<T>) -> io::Result<T> {
        done.map_err(|e| {
            let said = io::Error::new(e.kind(), e.to_string());
            self.failed = Some(e);
            said
        })
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() as u64 > self.left {
            self.full = true;
            return Err(io::Error::other("too large"));
        }
        for line in bytes.split_inclusive(|b| *b == b'\n') {
            if std::mem::take(&mut self.cr) && line != b"\n" {
                let done = self.to.write_all(b"\r");
                self.kept(done)?;
            }
            let (text, end) = line.strip_suffix(b"\n").map_or((line, &b""[..]), |text| (text, b"\n"));
            let held = text.strip_suffix(b"\r");
            self.cr = held.is_some() && end.is_empty();
            let done = self.to.write_all(held.unwrap_or(text)).and_then(|()| self.to.write_all(end));
            self.kept(done)?;
        }
        self.left -= bytes.len() as u64;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        let done = self.to.flush();
        self.kept(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    struct Desk {
        folder: tempfile::TempDir,
        maildir: Maildir,
        key: Key,
    }

    fn desk() -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let maildir = Maildir::open(folder.path().join("mail/chairman"), folder.path().join("filed/chairman"), "moscow").unwrap();
        Desk { folder, maildir, key: Key::of(&"WASHINGTON-0001-20161031T1200Z".parse().unwrap()) }
    }

    impl Desk {
        fn file(&self) -> Result<Filed, MaildirError> {
            self.maildir.file(&self.key, "2016-10-31T12:00:00Z".parse().unwrap(), &mut |to| to.write_all(b"Subject: x\r\n\r\ny\r\n"))
        }
        fn names(&self, folder: &str) -> Vec<String> {
            let dir = self.folder.path().join("mail/chairman").join(folder);
            std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
        }
        fn mark(&self) -> PathBuf {
            self.folder.path().join("filed/chairman").join(&self.key.0)
        }
    }

    #[test]
    fn a_mail_is_filed_once_by_its_key_whatever_its_reader_does_with_it() {
        let desk = desk();
        let Filed::New(name) = desk.file().unwrap() else { panic!("it was not there") };
        assert_eq!(desk.names("new"), ["1477915200.WASHINGTON-0001-20161031T1200Z.moscow,S=14"]);
        assert_eq!(desk.names("tmp"), [""; 0]);
        let modes = [&name, name.parent().unwrap(), &desk.mark()].map(|p| std::fs::metadata(p).unwrap().permissions().mode() & 0o777);
        assert_eq!(modes, [0o600, 0o700, 0o600]);
        assert_eq!(desk.file().unwrap(), Filed::Before);
        std::fs::remove_file(&name).unwrap();
        assert_eq!(desk.file().unwrap(), Filed::Before, "its reader took it away");
    }

    #[test]
    fn line_ends_are_those_of_unix_wherever_the_writer_parts_them() {
        let whole = b"a\r\nb\rc\r\r\n\nd\r";
        for parts in 1..=whole.len() {
            let desk = desk();
            let filed = desk.maildir.file(&desk.key, Utc(0), &mut |to| whole.chunks(parts).try_for_each(|p| to.write_all(p)));
            let Filed::New(name) = filed.unwrap() else { panic!("it was not there") };
            assert_eq!(std::fs::read(name).unwrap(), b"a\nb\rc\r\n\nd\r", "{parts}");
        }
    }

    /// Every state that a crash between two steps can leave behind, made by hand.
    #[test]
    fn a_crash_between_any_two_steps_leaves_neither_none_nor_two() {
        let whole = b"Subject: x\n\ny\n";
        for step in ["half in tmp", "whole in tmp", "marked", "in new", "in cur", "tmp swept"] {
            let desk = desk();
            let (aside, mark) = (desk.maildir.dir.join("tmp").join(&desk.key.0), desk.mark());
            std::fs::write(&aside, if step == "half in tmp" { &whole[..5] } else { whole }).unwrap();
            if !matches!(step, "half in tmp" | "whole in tmp") {
                std::fs::hard_link(&aside, &mark).unwrap();
            }
            match step {
                "in new" => std::fs::rename(&aside, desk.maildir.dir.join("new/1.x.moscow")).unwrap(),
                "in cur" => std::fs::rename(&aside, desk.maildir.dir.join("cur/1.x.moscow:2,S")).unwrap(),
                "tmp swept" => std::fs::remove_file(&aside).unwrap(),
                _ => {}
            }
            let filed = desk.file().unwrap();
            assert_eq!(matches!(filed, Filed::Before), step.starts_with("in "), "{step}");
            assert_eq!(desk.names("new").len() + desk.names("cur").len(), 1, "{step}");
            assert_eq!(desk.names("tmp").len(), 0, "{step}");
            let name = desk.names("new").pop().map(|n| format!("new/{n}")).unwrap_or_else(|| "cur/1.x.moscow:2,S".into());
            assert_eq!(std::fs::read(desk.maildir.dir.join(name)).unwrap(), whole, "{step}");
            assert_eq!(std::fs::metadata(&mark).unwrap().len(), 0, "{step}");
            assert_eq!(desk.file().unwrap(), Filed::Before, "{step}");
        }
    }

    #[test]
    fn a_mail_that_cannot_be_written_leaves_nothing_and_is_filed_later() {
        let desk = desk();
        let at = Utc(0);
        let why = desk.maildir.file(&desk.key, at, &mut |to| {
            to.write_all(b"half")?;
            Err(io::Error::other("`map.png` is not there"))
        });
        assert!(why.unwrap_err().to_string().ends_with("could not be written: `map.png` is not there"));
        let large = vec![0; 1 << 20];
        let why = desk.maildir.file(&desk.key, at, &mut |to| (0..200).try_for_each(|_| to.write_all(&large)));
        assert!(why.unwrap_err().to_string().contains("larger than 128 MiB"));
        assert_eq!(desk.names("tmp"), [""; 0]);
        assert!(matches!(desk.file().unwrap(), Filed::New(_)));
    }

    #[test]
    fn several_mails_share_their_syncs_and_each_ends_for_itself() {
        let desk = desk();
        desk.file().unwrap();
        let of = |key: &str, fails: bool| ToFile {
            key: Key::named(key).unwrap(),
            at: Utc(0),
            write: Box::new(move |to| {
                to.write_all(b"Subject: x\r\n\r\ny\r\n").and(if fails { Err(io::Error::other("gone")) } else { Ok(()) })
            }),
        };
        let mut mails = [of("a", false), of("b", true), of("WASHINGTON-0001-20161031T1200Z", true), of("c", false)];
        let filed = desk.maildir.file_all(&mut mails);
        assert!(matches!(&filed[..], [Ok(Filed::New(_)), Err(MaildirError::Source(..)), Ok(Filed::Before), Ok(Filed::New(_))]));
        assert_eq!((desk.names("new").len(), desk.names("tmp").len()), (3, 0));
        assert!(desk.maildir.has(&mails[0].key) && !desk.maildir.has(&mails[1].key));
        let again = desk.maildir.file_all(&mut [of("a", true), of("b", false)]);
        assert!(matches!(&again[..], [Ok(Filed::Before), Ok(Filed::New(_))]));
    }

    #[test]
    fn what_is_in_the_way_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("mail"), "a file").unwrap();
        let why = Maildir::open(folder.path().join("mail"), folder.path().join("filed"), "moscow").unwrap_err().to_string();
        assert!(
            why.contains("cannot make the folder") && why.contains("mail/tmp`") && why.contains("move what has that name away"),
            "{why}"
        );
    }

    #[test]
    fn a_maildir_that_was_there_before_is_not_made_anew() {
        let desk = desk();
        let (dir, record) = (desk.folder.path().join("mail/chairman"), desk.folder.path().join("filed/chairman"));
        assert!(Maildir::open_again(&dir, &record, "moscow").is_ok());
        for away in [&record, &dir] {
            std::fs::remove_dir_all(away).unwrap();
            let why = Maildir::open_again(&dir, &record, "moscow").unwrap_err().to_string();
            assert!(why.contains(&format!("`{}` is not there", away.display())) && why.contains("mount its disk"), "{why}");
            assert!(!away.exists());
        }
    }

    #[test]
    fn marks_are_forgotten_by_their_age_and_keys_are_plain() {
        let desk = desk();
        desk.file().unwrap();
        assert_eq!(desk.maildir.forget(Utc(0), &BTreeSet::new()).unwrap(), 0);
        let late = "2100-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(
            desk.maildir.forget(late, &BTreeSet::from([desk.key.clone()])).unwrap(),
            0,
            "who still waits for its machine is known on"
        );
        assert_eq!(desk.maildir.forget(late, &BTreeSet::new()).unwrap(), 1);
        for bad in ["", "a/b", "..", "a:2,S", &"x".repeat(101)] {
            assert_eq!(Key::named(bad), None, "{bad}");
        }
    }
}
