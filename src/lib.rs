//! molink: the Washington–Moscow hotline as working software.
//!
//! One idea holds the house together: everything that decides is a value with no I/O (a [`machine::Machine`]);
//! everything that does I/O decides nothing. The same machines run live and, under a virtual clock, in replay.
#![warn(missing_docs)]

pub mod cli;
pub mod console;
pub mod email;
pub mod faults;
pub mod fax;
pub mod history;
pub mod key;
pub mod line;
pub mod machine;
pub mod message;
pub mod paper;
pub mod router;
pub mod station;
pub mod teletype;
pub mod time;
