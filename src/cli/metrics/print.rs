//! The report on stdout, and on stderr what belongs to it.

use std::env;
use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use terminal_size::terminal_size_of;

use super::answer::MetricsAnswer;
use super::plan::MetricsPlan;
use crate::cli::failure::Failure;
use crate::client::cloudwatch::Asked;
use crate::report::tenant_report::window::Window;
use crate::system::stderr;

/// What AWS takes for a thousand metrics of `GetMetricData`, in US dollars.
///
/// <https://aws.amazon.com/cloudwatch/pricing/>, read in November 2026 for us-east-1.
const PRICE_OF_1000_METRICS: f64 = 0.01;

/// Prints an answer. Returns whether someone still reads: a broken pipe is the reader's choice, and the
/// end of a watch.
///
/// # Errors
///
/// When stdout can't be written.
pub(super) fn print(
    plan: &MetricsPlan,
    window: &Window,
    answer: &MetricsAnswer,
) -> Result<bool, Failure> {
    let redraws = plan.watch.is_some() && io::stdout().is_terminal();
    let clear = if redraws { "\x1b[H\x1b[2J" } else { "" };
    let text = answer.figures.text(plan.format, window, columns());
    if !write(&format!("{clear}{text}"))? {
        return Ok(false);
    }
    for note in &answer.notes {
        stderr::print_line(note);
    }
    Ok(true)
}

/// How wide the terminal is, or is said to be; a pipe has no width.
fn columns() -> Option<usize> {
    let said = || env::var("COLUMNS").ok()?.parse().ok().filter(|columns| *columns > 0);
    terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0)).or_else(said)
}

fn write(text: &str) -> Result<bool, Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(anyhow::Error::new(error).context("failed to write to stdout").into()),
    }
}

/// Says what AWS charges for the requests that were made, since the start if they are made again and
/// again. A local server charges nothing.
pub(super) fn say_price(plan: &MetricsPlan, asked: Asked) {
    if !plan.target.is_aws() || asked == Asked::default() {
        return;
    }
    let Asked { requests, metrics } = asked;
    #[expect(clippy::cast_precision_loss, reason = "there are not as many metrics")]
    let price = metrics as f64 / 1_000.0 * PRICE_OF_1000_METRICS;
    let so_far = if plan.watch.is_some() { " so far" } else { "" };
    stderr::print_line(&format!(
        "{requests} requests to CloudWatch for {metrics} metrics{so_far}: about ${price:.4}"
    ));
}
