//! How far it is: a bar on a terminal, for work that takes a while; nothing elsewhere.
//!
//! Standards: none. In: pages done. Out: a line on standard error that is gone in the end. Left out: bytes.
//! Shown by: nothing that a test could read; sentences pass through it in `tests/it/convert.rs`.

use crate::time::{Clock, Instant, Speed};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// Work that is done before needs no bar.
const SOON: Duration = Duration::from_millis(500);

/// The bar, and what is told beside it.
pub struct Progress {
    clock: Clock,
    began: Instant,
    bar: ProgressBar,
    terminal: bool,
}

impl Progress {
    /// None is shown yet. `pages`: how many there will be, if that is known.
    pub fn new(pages: Option<usize>) -> Progress {
        let clock = Clock::new(None, Speed::REAL);
        let bar = ProgressBar::with_draw_target(pages.map(|n| n as u64), ProgressDrawTarget::hidden());
        let style = if pages.is_some() { "{bar:30} page {pos} of {len}" } else { "{spinner} page {pos}" };
        let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
        Progress { began: clock.now(), clock, bar: bar.with_style(style), terminal: std::io::stderr().is_terminal() }
    }
    /// A page is done.
    pub fn step(&mut self) {
        self.bar.inc(1);
        if self.terminal && self.bar.is_hidden() && self.clock.now().since(self.began) > SOON {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
    /// A sentence, above the bar.
    pub fn tell(&self, sentence: &str) {
        self.bar.suspend(|| crate::cli::complain(sentence));
    }
    /// The bar is gone.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}
