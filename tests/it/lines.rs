//! Clear and enciphered lines: a test under [`both_lines!`] runs over each, and the rigs ask here which it is.

use molink::history::Scenario;
use std::cell::Cell;

/// What the lines of a test are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lines {
    Clear,
    Cipher,
}

thread_local!(static LINES: Cell<Lines> = const { Cell::new(Lines::Clear) });

/// Runs a test over such lines. Its rigs must be made in its own thread.
pub fn over<T>(lines: Lines, test: impl FnOnce() -> T) -> T {
    LINES.set(lines);
    let done = test();
    LINES.set(Lines::Clear);
    done
}

/// What the lines of the test that runs in this thread are, for its other threads.
pub fn now() -> Lines {
    LINES.get()
}

/// Whether the lines of the test that runs in this thread are enciphered.
pub fn cipher() -> bool {
    LINES.get() == Lines::Cipher
}

/// Makes every line of a scenario what the test wants.
pub fn set(scenario: &mut Scenario) {
    for station in scenario.stations.values_mut() {
        let ports = station.get_mut("port").and_then(|p| p.as_table_mut()).expect("a station with ports");
        for (name, port) in ports.iter_mut() {
            let port = port.as_table_mut().expect("a port is a table");
            if cipher() {
                port.insert("keys".into(), format!("keys/{name}").into());
            } else {
                port.remove("keys");
            }
        }
    }
}

/// Makes two tests of a function without arguments: `NAME::clear` and `NAME::cipher`.
macro_rules! both_lines {
    ($name:ident $(, #[$attr:meta])*) => {
        mod $name {
            #[test]
            $(#[$attr])*
            fn clear() {
                crate::lines::over(crate::lines::Lines::Clear, super::$name)
            }
            #[test]
            $(#[$attr])*
            fn cipher() {
                crate::lines::over(crate::lines::Lines::Cipher, super::$name)
            }
        }
    };
}
pub(crate) use both_lines;
