//! The arguments of a load, and what they make together with those of a single invocation.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;

use crate::cli::failure::Failure;
use crate::cli::values::duration;
use crate::lambda::function::TenantId;

/// How many invocations run at once where nothing was said.
const CONNECTIONS: u32 = 10;

/// The arguments of a load.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "A load")]
pub(crate) struct LoadArgs {
    /// How many invocations to make
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) requests: Option<u64>,

    /// For how long to start new invocations
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) duration: Option<Duration>,

    /// How many invocations run at once [default: 10]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) connections: Option<u32>,

    /// How many invocations to start per second, however long the answers take
    #[arg(long, value_name = "N", value_parser = rate)]
    pub(crate) rate: Option<f64>,

    /// Invoke for N made-up tenants in turn
    #[arg(long, value_name = "N", conflicts_with_all = ["tenant_id", "tenants_file"])]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) tenants: Option<u32>,

    /// Invoke for the tenants in a file in turn, one per line
    #[arg(long, value_name = "FILE", conflicts_with = "tenant_id")]
    pub(crate) tenants_file: Option<PathBuf>,

    /// Don't ask before a load on AWS (--remote), which costs money
    #[arg(long)]
    pub(crate) yes: bool,

    /// Give each tenant a secret, and look for it in the answers and logs of all others
    #[arg(long)]
    pub(crate) leak_check: bool,

    /// Where the function's answer tells its environment: a JSON pointer such as /pid
    #[arg(long, value_name = "POINTER", value_parser = pointer)]
    pub(crate) environment_at: Option<String>,
}

impl LoadArgs {
    /// Whether a load is meant and not one invocation.
    ///
    /// # Errors
    ///
    /// When it is meant, but nothing ends it.
    pub(crate) fn is_load(&self, tenants: usize) -> Result<bool, Failure> {
        if self.duration.is_some_and(|duration| duration.is_zero()) {
            return Err(Failure::usage("a load of no time sends nothing")
                .help("give `--duration` a time such as 10s"));
        }
        if self.requests.is_some() || self.duration.is_some() {
            return Ok(true);
        }
        let meant = [
            (self.connections.is_some(), "--connections"),
            (self.rate.is_some(), "--rate"),
            (self.tenants.is_some(), "--tenants"),
            (self.tenants_file.is_some(), "--tenants-file"),
            (self.environment_at.is_some(), "--environment-at"),
            (self.leak_check, "--leak-check"),
            (self.yes, "--yes"),
        ];
        if tenants > 1 {
            return Err(Failure::usage("several tenants are for a load")
                .help("say how large it is: -n 1000, or --duration 10s"));
        }
        match meant.iter().find(|(given, _)| *given) {
            None => Ok(false),
            Some((_, option)) => Err(Failure::usage(format!("`{option}` is for a load"))
                .help("say how large it is: -n 1000, or --duration 10s")),
        }
    }

    /// How many invocations run at once.
    #[must_use]
    pub(crate) fn connections(&self) -> u32 {
        self.connections.unwrap_or(CONNECTIONS)
    }

    /// The tenants, where they aren't named one by one.
    ///
    /// # Errors
    ///
    /// When the file can't be read, or has a line that is no tenant id.
    pub(crate) fn tenants(&self, named: Vec<TenantId>) -> Result<Vec<TenantId>, Failure> {
        if let Some(file) = &self.tenants_file {
            return tenants_of(file);
        }
        let made_up =
            (1..=self.tenants.unwrap_or_default()).map(|number| format!("tenant-{number}"));
        let made_up: Result<Vec<TenantId>, _> = made_up.map(|name| name.parse()).collect();
        let made_up = made_up.context("failed to make up tenants")?;
        Ok(if made_up.is_empty() { named } else { made_up })
    }
}

fn tenants_of(file: &Path) -> Result<Vec<TenantId>, Failure> {
    let shown = file.display();
    let text = fs::read_to_string(file).with_context(|| format!("failed to read `{shown}`"))?;
    // Editors on Windows put a mark in front.
    let text = text.trim_start_matches('\u{feff}');
    let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty());
    let tenants: Result<Vec<TenantId>, Failure> = lines
        .map(|(index, line)| {
            tenant_id(line).map_err(|error| {
                let number = index + 1;
                Failure::usage(format!("failed to read line {number} of `{shown}`: {error}"))
            })
        })
        .collect();
    let tenants = tenants?;
    if tenants.is_empty() {
        return Err(Failure::usage(format!("`{shown}` has no tenants")));
    }
    Ok(tenants)
}

/// A tenant id that HTTP can carry: it takes the spaces around a header's value away.
///
/// # Errors
///
/// When it can't be carried, or is no tenant id at all.
pub(crate) fn tenant_id(text: &str) -> Result<TenantId, String> {
    if text.trim() != text {
        return Err("a tenant id can't begin or end with a space: HTTP doesn't keep it".to_owned());
    }
    text.parse().map_err(|error| format!("{error}"))
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "expected a number".to_owned())?;
    // One a day is as slow as anybody waits for.
    let least = 1.0 / 86_400.0;
    if rate.is_finite() && rate >= least { Ok(rate) } else { Err("it is more than 0".to_owned()) }
}

fn pointer(text: &str) -> Result<String, String> {
    if text.starts_with('/') {
        Ok(text.to_owned())
    } else {
        Err("a JSON pointer begins with `/`, such as /pid".to_owned())
    }
}
