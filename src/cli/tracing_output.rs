//! `MTL_LOG`: what mtl does inside, written to stderr for those who want to watch it work.
//!
//! Without the variable there is no subscriber, and `tracing`'s macros cost next to nothing.

use std::env;
use std::ffi::OsStr;
use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::cli::failure::{Exit, Failure};

/// The environment variable that says what is written.
const VARIABLE: &str = "MTL_LOG";

/// From here on writes to stderr what `MTL_LOG` asks for, if it is set.
///
/// # Errors
///
/// When the variable holds no filter.
pub(crate) fn start() -> Result<(), Failure> {
    let Some(text) = env::var_os(VARIABLE).filter(|text| !text.is_empty()) else {
        return Ok(());
    };
    let filter = parse(&text).map_err(|error| bad_filter(&text, error))?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        // It would print its own failures with `eprintln!`, which panics where stderr is closed.
        .log_internal_errors(false)
        .finish();
    // Fails only if there is a subscriber already, and nobody else sets one.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(())
}

fn parse(text: &OsStr) -> Result<EnvFilter, anyhow::Error> {
    let text = text.to_str().ok_or_else(|| anyhow::anyhow!("it is not UTF-8"))?;
    EnvFilter::builder().parse(text).map_err(|error: ParseError| error.into())
}

fn bad_filter(text: &OsStr, cause: anyhow::Error) -> Failure {
    let error = cause.context(format!("{VARIABLE} has no valid filter: `{}`", text.display()));
    Failure::new(Exit::Usage, error).help(
        "name modules and levels, such as MTL_LOG=mtl=debug or MTL_LOG=mtl::environment=trace",
    )
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::parse;

    #[test]
    fn a_filter_names_modules_and_levels() {
        for right in ["debug", "mtl=debug", "mtl::environment=trace,mtl::data_plane=debug"] {
            assert!(parse(OsStr::new(right)).is_ok(), "{right}");
        }
        for wrong in ["mtl=loud", "mtl::environment=debug=trace", "=="] {
            assert!(parse(OsStr::new(wrong)).is_err(), "{wrong}");
        }
    }
}
