//! The program `mdwarf`: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    mdwarf::cli::main()
}
