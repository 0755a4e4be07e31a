//! `mtl metrics`: from its options to the report on stdout, and what is said to a person besides.
//! What the figures are is for [`tenant_report`] to know.

pub(crate) mod args;
mod cost;
mod format;
mod help;
mod logs;
mod plan;
mod progress;

use std::env;
use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use terminal_size::terminal_size_of;

use self::args::Args;
use self::format::{Format, Sort};
use self::plan::{LogSubject, Plan, Question, Span};
use self::progress::Progress;
use crate::cli::failure::{Exit, Failure};
use crate::cli::target::block_on;
use crate::client::cloudwatch::{Asked, CloudWatch};
use crate::report::render::{custom as custom_text, tenant_data, tenant_text};
use crate::report::tenant_report::window::Window;
use crate::report::tenant_report::{self, FunctionReport, Subject, custom};
use crate::system::stderr;

/// What AWS takes for a thousand metrics of `GetMetricData`, in US dollars.
///
/// <https://aws.amazon.com/cloudwatch/pricing/>, read in November 2026 for us-east-1.
const PRICE_OF_1000_METRICS: f64 = 0.01;

/// What is printed, and what is said besides.
#[derive(Debug)]
pub(crate) struct Report {
    text: String,
    notes: Vec<String>,
}

/// Prints the report, once or again and again.
///
/// # Errors
///
/// When the options don't go together, or there is no answer.
pub(crate) fn run(args: Args) -> Result<Exit, Failure> {
    let plan = args.plan()?;
    block_on(async {
        let cloudwatch =
            CloudWatch::for_target(&plan.target).await.map_err(|error| plan.failure(error))?;
        loop {
            let window = plan.window.of_now()?;
            let report = report(&cloudwatch, &plan, &window).await?;
            let redraws = plan.watch.is_some() && io::stdout().is_terminal();
            let clear = if redraws { "\x1b[H\x1b[2J" } else { "" };
            if !print(&format!("{clear}{}", report.text))? {
                return Ok(Exit::Done);
            }
            say(&report.notes);
            let asked = cloudwatch.asked();
            if plan.target.is_aws() && asked != Asked::default() {
                say(&[charged(asked, plan.watch.is_some())]);
            }
            let Some(pause) = plan.watch else { return Ok(Exit::Done) };
            tokio::time::sleep(pause).await;
        }
    })?
}

async fn report(cloudwatch: &CloudWatch, plan: &Plan, window: &Window) -> Result<Report, Failure> {
    match &plan.question {
        Question::Tenants { subject, sort } => {
            of_tenants(cloudwatch, plan, (subject, *sort), window).await
        }
        Question::Logs { subject, sort } => of_logs(plan, (subject, *sort), window).await,
        Question::Cost { subject, prices } => {
            cost::report(cloudwatch, plan, (subject, prices), window).await
        }
        Question::Metrics(subject) => of_metrics(cloudwatch, plan, subject, window).await,
    }
}

async fn of_tenants(
    cloudwatch: &CloudWatch,
    plan: &Plan,
    (subject, sort): (&Subject, Sort),
    window: &Window,
) -> Result<Report, Failure> {
    let progress = Progress::default();
    let show = |answered, all| progress.show(answered, all);
    let reports = tenant_report::report(cloudwatch, subject, window, show).await;
    progress.end();
    let mut reports = reports.map_err(|error| plan.failure(error))?;
    for report in &mut reports {
        sort.apply(&mut report.tenants);
    }
    let remote = plan.target.is_aws();
    let found = reports.iter().flat_map(|report| &report.tenants);
    let found = found.filter_map(|tenant| tenant.tenant.as_deref());
    let notes = if reports.is_empty() {
        help::no_data(subject, window, remote)
    } else {
        let missing = help::missing(&subject.tenants, found);
        missing.into_iter().chain(help::notes(remote, plan.format)).collect()
    };
    Ok(Report { text: text(&reports, window, plan.format, subject.by_period), notes })
}

async fn of_logs(
    plan: &Plan,
    (subject, sort): (&LogSubject, Sort),
    window: &Window,
) -> Result<Report, Failure> {
    let logs = logs::read(plan, subject, window).await.map_err(|error| plan.failure(error))?;
    let mut report = logs.report(subject);
    sort.apply(&mut report.tenants);
    let reports = if report.tenants.is_empty() { Vec::new() } else { vec![report] };
    let notes = logs.notes(subject, window);
    Ok(Report { text: text(&reports, window, plan.format, false), notes })
}

async fn of_metrics(
    cloudwatch: &CloudWatch,
    plan: &Plan,
    subject: &custom::Subject,
    window: &Window,
) -> Result<Report, Failure> {
    let progress = Progress::default();
    let show = |answered, all| progress.show(answered, all);
    let found = custom::report(cloudwatch, subject, window, show).await;
    progress.end();
    let found = found.map_err(|error| plan.failure(error))?;
    let notes = if found.is_empty() { help::no_metrics(subject, window) } else { Vec::new() };
    let text = match plan.format {
        Format::Table if found.is_empty() => String::new(),
        Format::Table => custom_text::text(&found, subject, window, columns()),
        Format::Json => custom_text::json(&found, subject, window).to_string() + "\n",
        Format::Csv => tenant_data::csv(&custom_text::rows(&found, subject)),
        Format::Plain => tenant_data::plain(&custom_text::rows(&found, subject)),
    };
    Ok(Report { text, notes })
}

fn text(reports: &[FunctionReport], window: &Window, format: Format, by_period: bool) -> String {
    match format {
        Format::Json => tenant_data::json(reports, window).to_string() + "\n",
        Format::Csv => tenant_data::csv(&tenant_data::rows(reports)),
        Format::Plain => tenant_data::plain(&tenant_data::rows(reports)),
        Format::Table => {
            let mut texts = Vec::new();
            for report in reports {
                if reports.len() > 1 {
                    texts.push(format!("function {}\n", report.function));
                }
                texts.push(tenant_text::overview(report, window, columns()));
                for tenant in report.tenants.iter().filter(|_| by_period) {
                    let name = tenant.tenant.as_deref().unwrap_or_default();
                    let course = tenant_text::course_of(tenant, window, columns());
                    texts.push(format!("\ntenant {name}\n{course}"));
                }
            }
            texts.concat()
        }
    }
}

/// How wide the terminal is, or is said to be; a pipe has no width.
fn columns() -> Option<usize> {
    let said = || env::var("COLUMNS").ok()?.parse().ok().filter(|columns| *columns > 0);
    terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0)).or_else(said)
}

/// Whether someone reads: a broken pipe is the reader's choice, and the end of a watch.
fn print(text: &str) -> Result<bool, Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(anyhow::Error::new(error).context("failed to write to stdout").into()),
    }
}

fn say(notes: &[String]) {
    for note in notes {
        stderr::print_line(note);
    }
}

/// What AWS charges for the requests that were made, since the start if they are made again and again.
fn charged(Asked { requests, metrics }: Asked, watched: bool) -> String {
    #[expect(clippy::cast_precision_loss, reason = "there are not as many metrics")]
    let price = metrics as f64 / 1_000.0 * PRICE_OF_1000_METRICS;
    let so_far = if watched { " so far" } else { "" };
    format!("{requests} requests to CloudWatch for {metrics} metrics{so_far}: about ${price:.4}")
}

impl Span {
    fn of_now(&self) -> Result<Window, Failure> {
        let window = self.window(jiff::Timestamp::now());
        window.map_err(|error| Failure::new(Exit::Usage, error))
    }
}
