//! The `mtl` binary. Everything it does is in the library.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    mtl::cli::main()
}
