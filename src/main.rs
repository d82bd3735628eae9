//! The command `molink`: parses the command line, runs, gives the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    molink::cli::main()
}
