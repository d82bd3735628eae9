//! The spool of a station's fax ports on disk: pages that came, until their message is filed; how much of a message the far end has confirmed.
//!
//! Standards: TIFF-F for pages (`tiff`), TOML for what is known of a call. In: pages, entries. Out: the same, after a crash too.
//! `DIR/spool/NAME/{call.toml, 001.tif, …}`, `DIR/sent/IDENTITY.toml`. Everything is written aside, synced, renamed, and the folder synced.
//! Left out: what follows from what (see `terminal`). Shown by: the tests below, `tests/it/fax_spool.rs`.

use super::code::Damage;
use super::file::PageAbout;
use super::pages::{MOST_PAGES, file_of};
use super::spool::Entry;
use super::t30::Received;
use super::tiff::Reader;
use crate::faults;
use crate::message::{Blob, Identity};
use crate::paper::Page;
use crate::router::Contents;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Messages whose confirmed pages are remembered at most.
const MOST_SENT: usize = 1000;
/// Bytes of a file of what is known of a call at most.
const MOST_TOML: u64 = 64 * 1024;

/// The spool of a station. Its fax ports share it: a call at one goes on with what came at another.
pub struct Spool {
    dir: PathBuf,
    /// What was joined last: which entry, and the file.
    joined: Mutex<Option<(String, Blob)>>,
}

/// How much of a message is confirmed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    confirmed: usize,
    of: usize,
    /// Of all its pages, so that a count is not taken for pages drawn otherwise.
    pages: String,
}

impl Spool {
    /// The spool in a folder, which need not be there yet; what lies in it. What cannot be read is said, and stays where it is.
    pub fn open(dir: PathBuf) -> Result<(Spool, Vec<Entry>, Vec<String>), String> {
        let spool = Spool { dir, joined: Mutex::default() };
        for folder in [spool.dir.join("spool"), spool.dir.join("sent")] {
            fs::create_dir_all(&folder).map_err(|e| format!("the fax spool `{}` cannot be made: {e}", folder.display()))?;
        }
        sync_folder(&spool.dir).map_err(|e| format!("the fax spool `{}` cannot be synced: {e}", spool.dir.display()))?;
        let (entries, troubles) = spool.look().map_err(|e| format!("the fax spool `{}` cannot be read: {e}", spool.dir.display()))?;
        Ok((spool, entries, troubles))
    }
    /// What lies in it now. What cannot be read was said at the start.
    pub fn entries(&self) -> Vec<Entry> {
        self.look().map(|(entries, _)| entries).unwrap_or_default()
    }
    /// Folders without pages are passed over: of a crash before anything was confirmed, or of a call that comes in at another port.
    fn look(&self) -> io::Result<(Vec<Entry>, Vec<String>)> {
        let (mut entries, mut troubles) = (vec![], vec![]);
        for place in fs::read_dir(self.dir.join("spool"))?.flatten().map(|e| e.path()).filter(|p| p.is_dir()) {
            match self.read(&place) {
                Ok(entry) => entries.extend(entry),
                Err(why) => troubles.push(format!("`{}` in the fax spool is passed over: {why}", place.display())),
            }
        }
        entries.sort_by(|a, b| (a.began, &a.name).cmp(&(b.began, &b.name)));
        Ok((entries, troubles))
    }
    fn read(&self, place: &Path) -> Result<Option<Entry>, String> {
        let file = place.join("call.toml");
        let size = match fs::metadata(&file) {
            Ok(about) => about.len(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e.to_string()),
        };
        if size > MOST_TOML {
            return Err(format!("call.toml has {size} bytes"));
        }
        let text = fs::read_to_string(&file).map_err(|e| format!("call.toml: {e}"))?;
        let mut entry: Entry = toml::from_str(&text).map_err(|e| format!("call.toml: {}", e.message()))?;
        if place.file_name().and_then(|n| n.to_str()) != Some(entry.name.as_str()) {
            return Err(format!("call.toml is that of `{}`", entry.name));
        }
        if entry.filed {
            clear(place); // a crash may have left some
        }
        let there = (1..=MOST_PAGES).take_while(|n| page_file(place, *n).exists()).count();
        entry.pages = if entry.filed { entry.of.unwrap_or(there) } else { there };
        Ok((entry.pages > 0).then_some(entry))
    }
    fn place(&self, name: &str) -> PathBuf {
        self.dir.join("spool").join(name)
    }
    /// Keeps what is known of an entry.
    pub fn note(&self, entry: &Entry) -> Result<(), String> {
        let say = |e: io::Error| format!("`{}` in the fax spool: {e}", entry.name);
        let place = self.place(&entry.name);
        if !place.is_dir() {
            fs::create_dir_all(&place).map_err(say)?;
            sync_folder(&self.dir.join("spool")).map_err(say)?;
        }
        let text = toml::to_string(entry).map_err(|e| format!("`{}` in the fax spool: {e}", entry.name))?;
        write(&place, &place.join("call.toml"), text.as_bytes()).map_err(say)
    }
    /// Puts a page into the spool; on disk when this returns.
    pub fn put(&self, entry: &Entry, page: usize, received: &Received) -> Result<(), String> {
        *self.last_joined() = None;
        self.note(entry)?;
        let about = PageAbout { sender: entry.peer.clone(), date: Some(entry.began), ..PageAbout::default() };
        let bytes = file_of([(&received.page, received.damage)], &about)?;
        let place = self.place(&entry.name);
        write(&place, &page_file(&place, page), &bytes).map_err(|e| format!("`{}` in the fax spool, page {page}: {e}", entry.name))
    }
    /// All pages of an entry as one file among the station's contents, and how many of their rows were bad.
    pub fn join(&self, entry: &Entry, contents: &Contents) -> Result<Blob, String> {
        if let Some(blob) = self.read(&self.place(&entry.name)).ok().flatten().and_then(|e| e.blob) {
            return Ok(blob);
        }
        if let Some((_, blob)) = self.last_joined().as_ref().filter(|(name, _)| *name == entry.name) {
            return Ok(blob.clone());
        }
        let place = self.place(&entry.name);
        let (mut pages, mut trouble) = (1.., None);
        let each = std::iter::from_fn(|| {
            let number = pages.next().filter(|n| *n <= entry.of.unwrap_or(entry.pages))?;
            read_page(&page_file(&place, number)).map_err(|why| trouble = Some(format!("page {number}: {why}"))).ok()
        });
        let name = format!("{}.tif", entry.name);
        let sender = entry.peer.clone().or_else(|| entry.envelope.as_ref().map(|e| e.from.to_string()));
        let about = PageAbout { name: Some(name.clone()), sender, date: Some(entry.began), ..PageAbout::default() };
        let bytes = file_of(each, &about);
        if let Some(why) = trouble {
            return Err(format!("`{}` in the fax spool, {why}", entry.name));
        }
        let blob = contents.keep(&name, "image/tiff", &bytes?)?;
        *self.last_joined() = Some((entry.name.clone(), blob.clone()));
        Ok(blob)
    }
    fn last_joined(&self) -> MutexGuard<'_, Option<(String, Blob)>> {
        self.joined.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// An entry is filed: its pages go, and what it was stays for a while.
    pub fn retire(&self, entry: &Entry, blob: Option<Blob>) -> Result<(), String> {
        self.note(&Entry { filed: true, blob, ..entry.clone() })?;
        clear(&self.place(&entry.name));
        Ok(())
    }
    /// An entry is of no use any more.
    pub fn discard(&self, name: &str) {
        *self.last_joined() = None;
        let _ = fs::remove_dir_all(self.place(name)); // what is left is found at the next start
    }

    fn sent_file(&self, identity: &Identity) -> PathBuf {
        self.dir.join("sent").join(format!("{identity}.toml"))
    }
    /// So many pages of a message are confirmed.
    pub fn progress(&self, identity: &Identity, confirmed: usize, of: usize, pages: &str) -> Result<(), String> {
        let say = |e: io::Error| format!("what is confirmed of {identity} cannot be kept: {e}");
        let text = toml::to_string(&Sent { confirmed, of, pages: pages.to_owned() }).map_err(|e| e.to_string())?;
        self.forget_some();
        write(&self.dir.join("sent"), &self.sent_file(identity), text.as_bytes()).map_err(say)
    }
    /// How many of these pages are confirmed.
    pub fn confirmed(&self, identity: &Identity, pages: &str) -> usize {
        let sent = fs::read_to_string(self.sent_file(identity)).ok().and_then(|text| toml::from_str::<Sent>(&text).ok());
        sent.filter(|sent| sent.pages == pages && sent.confirmed <= sent.of).map_or(0, |sent| sent.confirmed)
    }
    /// A message is done with.
    pub fn forget(&self, identity: &Identity) {
        let _ = fs::remove_file(self.sent_file(identity)); // there is one only if a call broke off, or has more pages than one
    }
    /// Messages that were given up elsewhere leave their count behind: the oldest go.
    fn forget_some(&self) {
        let Ok(listed) = fs::read_dir(self.dir.join("sent")) else { return };
        let mut files: Vec<_> = listed.flatten().filter_map(|e| Some((e.metadata().ok()?.modified().ok()?, e.path()))).collect();
        if files.len() > MOST_SENT {
            files.sort();
            files.iter().take(files.len() - MOST_SENT).for_each(|(_, path)| drop(fs::remove_file(path)));
        }
    }
}

/// A name for pages as they were drawn.
pub fn fingerprint(pages: &[Arc<Page>]) -> String {
    let mut hash = Sha256::new();
    for page in pages {
        hash.update([page.width() as u64, page.height() as u64].map(u64::to_le_bytes).concat());
        page.rows().flatten().for_each(|word| hash.update(word.to_le_bytes()));
    }
    hash.finalize().iter().take(16).map(|octet| format!("{octet:02x}")).collect()
}

fn page_file(place: &Path, page: usize) -> PathBuf {
    place.join(format!("{page:03}.tif"))
}

/// Takes the pages out of an entry's folder. What cannot be removed is tried again at the next start.
fn clear(place: &Path) {
    let Ok(listed) = fs::read_dir(place) else { return };
    let pages = listed.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "tif" || e == "part"));
    pages.for_each(|page| drop(fs::remove_file(page)));
}

fn read_page(file: &Path) -> Result<(Page, Damage), String> {
    let open = File::open(file).map_err(|e| e.to_string())?;
    let mut reader = Reader::open(BufReader::new(open), &file.display().to_string()).map_err(|e| e.to_string())?;
    let page = reader.next_page().ok_or("there is no page in it")?.map_err(|e| e.to_string())?;
    Ok((page.page, page.about.received.unwrap_or(page.damage)))
}

/// Whole or not at all, and on disk when this returns.
fn write(folder: &Path, file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut aside = file.as_os_str().to_owned();
    aside.push(".part");
    let aside = PathBuf::from(aside);
    let mut half = File::create(&aside)?;
    half.write_all(bytes)?;
    if faults::planted(faults::Fault::PageNotSynced) {
        return fs::rename(&aside, file);
    }
    half.sync_all()?;
    fs::rename(&aside, file)?;
    sync_folder(folder)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
