//! What is made: one file of all pages, or a file a page (`OUT-001.png`), all at the end or none.
//!
//! Standards: those of the files (see `paper`, `fax`). In: pages. Out: files. A PDF is put together in memory, the rest is written
//! page by page. Left out: names of one's own for the pages. Shown by: `tests/it/convert.rs`.

use super::files::{self, Made, Ready, Target, Workshop};
use super::format::{To, at};
use super::input::Sheet;
use crate::cli::Usage;
use crate::fax::code::{Coding, Layout, encode};
use crate::fax::file::PageAbout;
use crate::fax::pdf::{Document, Leaf, WriteError};
use crate::fax::tiff::{WriteOptions, Writer};
use crate::fax::{pbm, raw};
use crate::paper::{About, square};
use crate::time::Dtg;
use anyhow::anyhow;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// What is made, and of what.
pub struct Output {
    shop: Workshop,
    target: Target,
    shown: String,
    to: To,
    kind: Kind,
    /// What of a file of all pages is being written to.
    whole: Option<Whole>,
    /// Files of single pages.
    each: Vec<Ready>,
    inputs: Vec<(u64, u64)>,
    pages: usize,
}

enum Kind {
    Pdf(Document),
    Tiff(Box<Writer<BufWriter<File>>>),
    Pbm(BufWriter<File>),
    Each,
}

/// Where a file of all pages lies until it is done.
enum Whole {
    Beside(Made),
    Nameless(File),
}

impl Output {
    /// Begins one. `pages`: how many there will be, if that is known.
    pub fn begin(
        shop: Workshop,
        path: &Path,
        to: To,
        inputs: Vec<(u64, u64)>,
        about: &About,
        pages: Option<usize>,
    ) -> anyhow::Result<Output> {
        let target = Target::of(path, &inputs)?;
        let shown = if target == Target::Stdout { "standard output".into() } else { files::shown(path) };
        let mut whole = None;
        let mut file = || {
            let (file, lies) = match &target {
                Target::File(path) => shop.begin(path).and_then(|m| Ok((m.file.try_clone()?, Whole::Beside(m))))?,
                _ => files::nameless().and_then(|f| Ok((f.try_clone()?, Whole::Nameless(f))))?,
            };
            whole = Some(lies);
            anyhow::Ok(BufWriter::with_capacity(1 << 16, file))
        };
        let kind = match to {
            To::Pdf => Kind::Pdf(Document::new(about.clone())),
            To::Tiff(coding) => {
                let pages = pages.and_then(|n| u16::try_from(n).ok()).unwrap_or(0);
                let options = WriteOptions { pages, ..WriteOptions::new(coding) };
                Kind::Tiff(Box::new(Writer::new(file()?, &shown, options)))
            }
            To::Pbm => Kind::Pbm(file()?),
            To::Png | To::Raw(_) => Kind::Each,
        };
        if matches!(kind, Kind::Pdf(_)) {
            // So that a folder one may not write to is told before the work, not after it.
            drop(file()?);
        }
        Ok(Output { shop, target, shown, to, kind, whole, each: vec![], inputs, pages: 0 })
    }
    /// Adds a page. `sheet.t6` is used as it is where it may be.
    pub fn page(&mut self, sheet: &Sheet, about: &PageAbout) -> anyhow::Result<()> {
        self.pages += 1;
        let cannot = |e: &dyn std::fmt::Display| anyhow!("{} cannot be written: {e}", self.shown);
        match &mut self.kind {
            Kind::Pdf(document) => {
                let page = &sheet.page;
                let t6 = sheet.t6.clone().unwrap_or_else(|| encode(page, Coding::Mmr, Layout { end: true, ..Layout::default() }));
                let leaf = Leaf { t6, width: page.width(), height: page.height(), resolution: page.resolution };
                let pages = self.pages;
                document.push(leaf).map_err(|e| Usage(format!("{} page {pages}: {e}", self.shown)).into())
            }
            Kind::Tiff(writer) => writer.page(&sheet.page, about).map_err(anyhow::Error::new),
            Kind::Pbm(file) => pbm::write(&sheet.page, file).map_err(|e| cannot(&e)),
            Kind::Each => self.single(sheet),
        }
    }
    fn single(&mut self, sheet: &Sheet) -> anyhow::Result<()> {
        let (shown, page) = (self.shown.clone(), self.pages);
        let cannot = |e: io::Error| anyhow!("{shown} page {page} cannot be written: {e}");
        let bytes = match self.to {
            To::Png => square(&sheet.page).map_err(|why| Usage(format!("{shown} page {page}: {why}")))?,
            To::Raw(coding) => {
                let (mut bytes, coding) = (vec![], at(coding, sheet.page.resolution.y));
                raw::write(&sheet.page, coding, &mut bytes).map_err(cannot)?;
                bytes
            }
            _ => return Err(anyhow!("a file of all pages was to be a page's (a bug)")),
        };
        match &self.target {
            Target::File(path) => {
                let mut made = self.shop.begin(path)?;
                made.file.write_all(&bytes).map_err(cannot)?;
                self.each.push(made.ready().map_err(cannot)?);
            }
            _ if page > 1 => {
                return Err(Usage(format!(
                    "{shown}: it takes one page of this format, and there are more; choose one with --page-range, or give a file"
                ))
                .into());
            }
            _ => {
                let mut file = files::nameless()?;
                file.write_all(&bytes).map_err(cannot)?;
                self.whole = Some(Whole::Nameless(file));
            }
        }
        Ok(())
    }
    /// Puts everything where it belongs; the names of the files.
    pub fn finish(mut self) -> anyhow::Result<Vec<PathBuf>> {
        let shown = self.shown.clone();
        let cannot = |e: io::Error| anyhow!("{shown} cannot be written: {e}");
        match self.kind {
            Kind::Pdf(document) => {
                let file = match &self.whole {
                    Some(Whole::Beside(made)) => &made.file,
                    Some(Whole::Nameless(file)) => file,
                    None => return Err(anyhow!("a PDF has no file (a bug)")),
                };
                let mut out = BufWriter::with_capacity(1 << 20, file);
                document.write(&mut out).map_err(|e| match e {
                    WriteError::Pages(why) => anyhow!("{shown}: {why}"),
                    WriteError::Io(e) => cannot(e),
                })?;
                out.flush().map_err(cannot)?;
            }
            Kind::Tiff(writer) => writer.finish()?.flush().map_err(cannot)?,
            Kind::Pbm(mut file) => file.flush().map_err(cannot)?,
            Kind::Each => {}
        }
        match (self.target, self.whole.take()) {
            (Target::File(path), Some(Whole::Beside(made))) => {
                self.shop.keep(&[(made.ready().map_err(cannot)?, path.clone())])?;
                Ok(vec![path])
            }
            (Target::File(path), _) => {
                let names = names(&path, self.each.len());
                for name in &names {
                    Target::of(name, &self.inputs)?;
                }
                let made: Vec<(Ready, PathBuf)> = self.each.into_iter().zip(names.iter().cloned()).collect();
                self.shop.keep(&made)?;
                Ok(names)
            }
            (target, Some(Whole::Nameless(file))) => files::pour(file, &target).map(|()| vec![]),
            _ => Err(anyhow!("{shown}: nothing was made (a bug)")),
        }
    }
}

/// One page has the name itself; more have their numbers behind it.
fn names(path: &Path, pages: usize) -> Vec<PathBuf> {
    if pages == 1 {
        return vec![path.to_owned()];
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let ending = path.extension().map(|e| format!(".{}", e.to_string_lossy())).unwrap_or_default();
    let digits = pages.to_string().len().max(3);
    (1..=pages).map(|n| path.with_file_name(format!("{stem}-{n:0digits$}{ending}"))).collect()
}

/// What a TIFF tells of a page: what was known of it, who sends it and when, and what is lost.
pub fn about(sheet: &Sheet, kept: bool, sender: &str, date: Option<Dtg>) -> PageAbout {
    let received = match sheet.damage.bad_rows {
        0 => sheet.about.received.filter(|_| kept),
        _ => Some(sheet.damage).filter(|_| kept),
    };
    let known = sheet.about.clone();
    let sender = Some(sender.to_owned()).filter(|s| !s.is_empty()).or(known.sender);
    PageAbout { number: None, sender, date: date.map(|d| d.utc()).or(known.date), received, ..known }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_page_has_the_name_itself_and_more_have_numbers() {
        let of = |n| names(Path::new("d/fax.v1.png"), n).iter().map(|p| p.display().to_string()).collect::<Vec<_>>();
        assert_eq!(of(1), ["d/fax.v1.png"]);
        assert_eq!(of(2), ["d/fax.v1-001.png", "d/fax.v1-002.png"]);
        assert_eq!(of(1000)[999], "d/fax.v1-1000.png");
    }
}
