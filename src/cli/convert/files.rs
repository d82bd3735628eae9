//! Files in the making: nothing stands under an output's name before all of it is written and synced, and nothing is left of a failure.
//!
//! Standards: POSIX rename(2), which replaces at once. In: names. Out: files; on an error, on Ctrl-C (130) and SIGTERM none.
//! What is not a plain file (a device, a pipe) is written straight, once all is ready. Left out: `kill -9`, after which a
//! `.NAME.molink-N` may lie beside NAME. Shown by: the tests below, `tests/it/convert.rs`.

use crate::cli::{INTERRUPTED, Usage};
use anyhow::{Context as _, anyhow};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How errors call a path.
pub fn shown(path: &Path) -> String {
    match path.as_os_str() == "-" {
        true => "standard input".into(),
        false => format!("`{}`", path.display().to_string().escape_debug()),
    }
}

/// Where the output goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// A device or a pipe that is there.
    Stream(PathBuf),
    /// A file, new or to be replaced.
    File(PathBuf),
}

impl Target {
    /// What stands at the path, and whether it may be written. `inputs` are files that must not be.
    pub fn of(path: &Path, inputs: &[(u64, u64)]) -> anyhow::Result<Target> {
        if path.as_os_str() == "-" {
            return Ok(Target::Stdout);
        }
        let usage = |why: String| Err(Usage(format!("{}: {why}", shown(path))).into());
        match fs::metadata(path) {
            Ok(there) if there.is_dir() => usage("it is a folder; name the file in it that is to be made".into()),
            Ok(there) if inputs.contains(&(there.dev(), there.ino())) => {
                usage("it is one of the inputs; give the output another name".into())
            }
            Ok(there) if there.file_type().is_char_device() || there.file_type().is_fifo() => Ok(Target::Stream(path.to_owned())),
            Ok(there) if !there.is_file() => usage("it is neither a file nor a stream".into()),
            // Beside the file itself, not beside a link to it.
            Ok(_) => Ok(Target::File(fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()))),
            Err(_) if path.file_name().is_none() => usage("it is no name of a file".into()),
            Err(_) => Ok(Target::File(path.to_owned())),
        }
    }
}

/// The files that are being made. Those that are not kept are removed when it is dropped, and on Ctrl-C.
#[derive(Clone)]
pub struct Workshop(Arc<Bench>);

struct Bench(Mutex<Vec<PathBuf>>);

impl Drop for Bench {
    fn drop(&mut self) {
        sweep(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn sweep(files: &mut Vec<PathBuf>) {
    for file in files.drain(..) {
        let _ = fs::remove_file(file); // nobody is left to tell
    }
}

/// A file in the making.
pub struct Made {
    /// Where it lies for now.
    path: PathBuf,
    /// To write to.
    pub file: File,
}

/// A file that is made, on disk and closed, but not yet where it belongs.
pub struct Ready(PathBuf);

impl Made {
    /// All of it is written.
    pub fn ready(self) -> io::Result<Ready> {
        self.file.sync_all()?;
        Ok(Ready(self.path))
    }
}

impl Workshop {
    /// An empty one; from now on Ctrl-C and SIGTERM leave nothing and end the process with 130.
    pub fn open() -> anyhow::Result<Workshop> {
        let shop = Workshop(Arc::new(Bench(Mutex::new(vec![]))));
        // The one who listens keeps no file alive: what is not kept goes with the workshop.
        let theirs = Arc::downgrade(&shop.0);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        // Listening begins here, not in the thread: a signal may come at once.
        let (mut interrupt, mut terminate) = {
            let _within = runtime.enter();
            use tokio::signal::unix::{SignalKind, signal};
            // Heard by nobody: but a limit on the size of files is then an error of writing, and not the end of the process.
            drop(signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())));
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
        };
        std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            });
            let bench = theirs.upgrade();
            // Held until the end, so that nothing is begun or kept any more.
            let mut files = bench.as_ref().map(|b| b.0.lock().unwrap_or_else(PoisonError::into_inner));
            if let Some(files) = &mut files {
                sweep(files);
                crate::cli::complain("interrupted; nothing was written");
            }
            std::process::exit(INTERRUPTED.into());
        });
        Ok(shop)
    }
    fn files(&self) -> MutexGuard<'_, Vec<PathBuf>> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Begins a file that will stand at `path`.
    pub fn begin(&self, path: &Path) -> anyhow::Result<Made> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut files = self.files();
        for n in 0..100 {
            let beside = path.with_file_name(format!(".{name}.molink-{}-{n}", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).open(&beside) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(Usage(format!("{} cannot be written: {e}", shown(path))).into()),
                Ok(file) => {
                    files.push(beside.clone());
                    return Ok(Made { path: beside, file });
                }
            }
        }
        Err(anyhow!("{}: files of earlier runs (.{name}.molink-…) lie in its folder; remove them", shown(path)))
    }
    /// Puts finished files where they belong: all of them, or none.
    pub fn keep(&self, made: &[(Ready, PathBuf)]) -> anyhow::Result<()> {
        let mut files = self.files();
        for (n, (Ready(file), path)) in made.iter().enumerate() {
            if let Ok(old) = fs::metadata(path) {
                let _ = fs::set_permissions(file, old.permissions()); // where it is another's file, ours stays ours
            }
            if let Err(e) = fs::rename(file, path) {
                made[..n].iter().for_each(|(_, path)| drop(fs::remove_file(path)));
                return Err(anyhow!("{} cannot be written: {e}", shown(path)));
            }
        }
        files.retain(|f| !made.iter().any(|(Ready(file), _)| f == file));
        let folder = made.last().and_then(|(_, path)| path.parent()).filter(|p| !p.as_os_str().is_empty());
        // Not every file system can sync a folder; the files are synced.
        let _ = File::open(folder.unwrap_or(Path::new("."))).and_then(|f| f.sync_all());
        Ok(())
    }
}

/// A file without a name, for what has to be sought in or must be whole before anybody sees it.
pub fn nameless() -> anyhow::Result<File> {
    let folder = std::env::temp_dir();
    for n in 0..100 {
        let path = folder.join(format!(".molink-{}-{n}", std::process::id()));
        match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e).with_context(|| format!("no temporary file can be made in {}", shown(&folder))),
            Ok(file) => {
                fs::remove_file(&path)?;
                return Ok(file);
            }
        }
    }
    Err(anyhow!("{} is full of files of earlier runs", shown(&folder)))
}

/// Copies a finished file to a stream.
pub fn pour(mut file: File, target: &Target) -> anyhow::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    let (mut to, name): (Box<dyn Write>, String) = match target {
        Target::Stdout => (Box::new(io::stdout()), "standard output".into()),
        Target::Stream(path) | Target::File(path) => {
            let open = OpenOptions::new().write(true).open(path);
            (Box::new(open.map_err(|e| Usage(format!("{} cannot be written: {e}", shown(path))))?), shown(path))
        }
    };
    match io::copy(&mut file, &mut to).and_then(|_| to.flush()) {
        // `molink convert … - | head` has read enough.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done.map_err(|e| anyhow!("{name} cannot be written: {e}")),
    }
}

/// An input, opened; standard input as a nameless file. At most `most` bytes.
pub fn open(path: &Path, most: u64) -> anyhow::Result<File> {
    let usage = |why: String| anyhow::Error::from(Usage(format!("{}: {why}", shown(path))));
    let too_long = || usage(format!("it has more than {} MiB, and no more are read", most >> 20));
    let mut file = match path.as_os_str() == "-" {
        true => None,
        false => {
            let file = File::open(path).map_err(|e| Usage(format!("cannot read {}: {e}", shown(path))))?;
            let there = file.metadata().map_err(|e| usage(format!("cannot be read: {e}")))?;
            if there.is_dir() {
                return Err(usage("it is a folder; name the files in it".into()));
            }
            if there.is_file() && there.len() > most {
                return Err(too_long());
            }
            if there.is_file() {
                return Ok(file);
            }
            Some(file)
        }
    };
    // What flows is caught first: a page is sought in, and errors come before anything is made.
    let mut caught = nameless()?;
    let mut input: Box<dyn Read> = match file.take() {
        Some(file) => Box::new(file),
        None => Box::new(io::stdin()),
    };
    let copied = io::copy(&mut input.by_ref().take(most + 1), &mut caught).map_err(|e| usage(format!("cannot be read: {e}")))?;
    if copied > most {
        return Err(too_long());
    }
    caught.seek(SeekFrom::Start(0))?;
    Ok(caught)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_kept_is_gone_and_what_is_kept_replaces_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let names = || {
            let mut names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        let shop = Workshop(Arc::new(Bench(Mutex::new(vec![]))));
        let (one, two) = (dir.path().join("one.pdf"), dir.path().join("two.pdf"));
        fs::write(&one, "old").unwrap();
        let mut first = shop.begin(&one).unwrap();
        first.file.write_all(b"new").unwrap();
        let second = shop.begin(&two).unwrap();
        let again = shop.begin(&two).unwrap();
        assert_ne!(second.path, again.path);
        assert_eq!((names().len(), fs::read_to_string(&one).unwrap()), (4, "old".into()));
        shop.keep(&[(first.ready().unwrap(), one.clone())]).unwrap();
        assert_eq!(fs::read_to_string(&one).unwrap(), "new");
        drop(shop);
        assert_eq!(names(), ["one.pdf"]);
    }

    #[test]
    fn if_one_cannot_be_kept_none_is() {
        let dir = tempfile::tempdir().unwrap();
        let shop = Workshop(Arc::new(Bench(Mutex::new(vec![]))));
        let (fine, folder) = (dir.path().join("a-001.png"), dir.path().join("a-002.png"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("x"), "").unwrap();
        let made = [&fine, &folder].map(|path| (shop.begin(path).unwrap().ready().unwrap(), path.clone()));
        assert!(shop.keep(&made).unwrap_err().to_string().contains("a-002.png"));
        drop(shop);
        assert!(!fine.exists() && fs::read_dir(dir.path()).unwrap().count() == 1);
    }

    #[test]
    fn folders_inputs_and_streams_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let input = dir.path().join("in.tif");
        fs::write(&input, "").unwrap();
        let there = fs::metadata(&input).unwrap();
        let said = |path: &Path| Target::of(path, &[(there.dev(), there.ino())]).unwrap_err().to_string();
        assert!(said(dir.path()).contains("it is a folder"));
        assert!(said(&input).contains("one of the inputs"));
        let link = dir.path().join("link.tif");
        std::os::unix::fs::symlink(&input, &link).unwrap();
        assert!(said(&link).contains("one of the inputs"));
        assert_eq!(Target::of(Path::new("/dev/null"), &[]).unwrap(), Target::Stream("/dev/null".into()));
        assert_eq!(Target::of(Path::new("-"), &[]).unwrap(), Target::Stdout);
        assert!(open(dir.path(), 10).unwrap_err().to_string().contains("it is a folder"));
        fs::write(&input, [0; 11]).unwrap();
        assert!(open(&input, 10).unwrap_err().to_string().contains("no more are read"));
        assert!(open(Path::new("/dev/zero"), 1 << 20).unwrap_err().to_string().contains("more than 1 MiB"));
    }
}
