//! libtiff as a peer: `tests/peers/libtiff_fax.c`, compiled when first asked for, spoken to by pipe. Shared by tests and benches.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A running peer; it ends with its owner.
pub struct Libtiff {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

/// What libtiff answered.
pub struct Answer {
    /// Its shortest time.
    pub nanoseconds: u64,
    /// Rows that came before it gave up.
    pub rows: usize,
    /// Codes, or packed rows.
    pub bytes: Vec<u8>,
}

impl Libtiff {
    /// Compiles the peer if need be and starts it. The error says what to install.
    pub fn start() -> Result<Libtiff, String> {
        let program = compiled()?;
        let mut child = Command::new(&program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("cannot start {}: {e}", program.display()))?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the peer has no pipes".into());
        };
        Ok(Libtiff { child, to, from: BufReader::new(from) })
    }
    /// Packed rows to codes (`coding` is mh, mr or mmr).
    pub fn encode(&mut self, coding: &str, width: usize, rows: usize, times: u32, packed: &[u8]) -> Result<Answer, String> {
        self.ask(&format!("enc {coding} {width} {rows} {times} {}", packed.len()), packed)
    }
    /// Codes to packed rows.
    pub fn decode(&mut self, coding: &str, width: usize, rows: usize, times: u32, codes: &[u8]) -> Result<Answer, String> {
        self.ask(&format!("dec {coding} {width} {rows} {times} {}", codes.len()), codes)
    }
    fn ask(&mut self, request: &str, bytes: &[u8]) -> Result<Answer, String> {
        let cut = |e: std::io::Error| format!("the libtiff peer on `{request}`: {e}");
        writeln!(self.to, "{request}").and_then(|()| self.to.write_all(bytes)).and_then(|()| self.to.flush()).map_err(cut)?;
        let mut line = String::new();
        self.from.read_line(&mut line).map_err(cut)?;
        let numbers: Vec<u64> = line.strip_prefix("ok ").unwrap_or_default().split_whitespace().filter_map(|n| n.parse().ok()).collect();
        let [nanoseconds, rows, length] = numbers[..] else {
            return Err(format!("the libtiff peer answered `{}` to `{request}`", line.trim()));
        };
        let mut bytes = vec![0; length as usize];
        self.from.read_exact(&mut bytes).map_err(cut)?;
        Ok(Answer { nanoseconds, rows: rows as usize, bytes })
    }
}

impl Drop for Libtiff {
    fn drop(&mut self) {
        // Killed before it is waited for: it may be in the middle of an answer nobody reads.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The peer's program, newer than its source.
pub fn compiled() -> Result<PathBuf, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/libtiff_fax.c");
    let own = std::env::current_exe().map_err(|e| e.to_string())?;
    let folder = own.parent().unwrap_or(Path::new("."));
    let (program, begun) = (folder.join("libtiff_fax"), folder.join(format!("libtiff_fax.{}", std::process::id())));
    let changed = |path: &Path| path.metadata().and_then(|m| m.modified()).ok();
    if changed(&program) > changed(&source) {
        return Ok(program);
    }
    let made = Command::new("cc").args(["-O2", "-o"]).arg(&begun).arg(&source).arg("-ltiff").output();
    let made =
        made.map_err(|e| format!("libtiff is the peer here, and there is no C compiler (`cc`: {e}): apt-get install gcc libtiff-dev"))?;
    if !made.status.success() {
        let why = String::from_utf8_lossy(&made.stderr);
        return Err(format!(
            "libtiff is the peer here, and tests/peers/libtiff_fax.c does not compile: apt-get install libtiff-dev\n{why}"
        ));
    }
    std::fs::rename(&begun, &program).map_err(|e| format!("{}: {e}", program.display()))?;
    Ok(program)
}
