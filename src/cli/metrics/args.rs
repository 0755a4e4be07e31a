//! The options of `mtl metrics`, which of them go together, and what they ask for.

use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ValueEnum, ValueHint};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::format::{ReportFormat, Sort};
use super::plan::{CostSubject, LogSubject, MetricsPlan, Question, TimeSpan};
use crate::cli::failure::Failure;
use crate::cli::target::endpoint_of_this_folder;
use crate::cli::values::duration;
use crate::client::aws;
use crate::client::endpoint::Endpoint;
use crate::client::target::Target;
use crate::lambda::function::TenantId;
use crate::report::prices::Price;
use crate::report::tenant_report::figures;
use crate::report::tenant_report::{self, AWS_NAMESPACE, custom};
use crate::telemetry::metric_store::statistic::{Statistic, StatisticError};

const EXAMPLES: &str = "\
Examples:
  mtl metrics                                   all tenants of the server of this folder
  mtl metrics --tenant alice --since 15m        one tenant over time
  mtl metrics --sort p99 -o csv
  mtl metrics --metric Duration --statistic p99.9
  mtl metrics --namespace Shop --metric Orders --statistic Sum
  mtl metrics --cost                            what the same traffic costs on AWS
  mtl metrics --remote --region eu-west-1 my-function --since 7d
  mtl metrics --remote my-function --source logs --cost";

/// How often SDK calls to AWS are tried again.
const RETRIES: u32 = 2;

/// The arguments of `mtl metrics`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct MetricsArgs {
    /// Name of the function; every function that has data if it is local
    #[arg(value_name = "FUNCTION", env = "MTL_FUNCTION", hide_env_values = true)]
    function: Option<String>,

    /// The tenant to show; can be repeated
    #[arg(long, visible_alias = "tenant-id", value_name = "ID", allow_hyphen_values = true)]
    tenant: Vec<TenantId>,

    /// How far back to look: 15m, 6h, 7d
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = since)]
    #[arg(conflicts_with = "start_time")]
    since: Duration,

    /// The start of the window: RFC 3339, in UTC unless it names an offset
    #[arg(long, value_name = "TIME", value_parser = time)]
    start_time: Option<Timestamp>,

    /// The end of the window [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    end_time: Option<Timestamp>,

    /// How long a period is [default: one that fits the window]
    #[arg(long, value_name = "DURATION", value_parser = since)]
    period: Option<Duration>,

    /// Show this metric instead of Lambda's; can be repeated
    #[arg(long, value_name = "NAME")]
    metric: Vec<String>,

    /// A statistic of it: `Sum`, `Average`, `Minimum`, `Maximum`, `SampleCount`, `p50` and so on; can be
    /// repeated
    #[arg(long, value_name = "NAME", value_parser = statistic, requires = "metric")]
    statistic: Vec<String>,

    /// The namespace of the metric
    #[arg(long, value_name = "NAME", default_value = AWS_NAMESPACE, requires = "metric")]
    namespace: String,

    /// A dimension of the metric, in place of its tenant; can be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = dimension, requires = "metric")]
    dimension: Vec<(String, String)>,

    /// Where the figures of tenants come from
    #[arg(long, value_enum, default_value_t, conflicts_with = "metric")]
    source: FigureSource,

    /// Show what the same traffic costs on AWS
    #[arg(long, conflicts_with = "metric")]
    cost: bool,

    /// A price in place of AWS's: `request=USD`, `gb-second=USD`, `environment-gb=USD`; can be
    /// repeated
    #[arg(long, value_name = "NAME=USD", requires = "cost")]
    price: Vec<Price>,

    /// The column to sort by, the greatest first
    #[arg(long, value_enum, default_value_t, conflicts_with_all = ["metric", "cost"])]
    sort: Sort,

    /// Show the report again and again [default: every 2s]
    #[arg(long, value_name = "DURATION", num_args = 0..=1, default_missing_value = "2s")]
    #[arg(value_parser = pause)]
    watch: Option<Duration>,

    /// What to print
    #[arg(short, long, value_enum, default_value_t)]
    output: ReportFormat,

    /// `http://HOST:PORT` of the server, unless it is that of this folder
    #[arg(long, value_name = "URL", env = "MTL_ENDPOINT", hide_env_values = true)]
    #[arg(help_heading = "On this machine", value_hint = ValueHint::Url)]
    endpoint: Option<Endpoint>,

    /// Ask CloudWatch on AWS, which charges for it
    #[arg(long, env = "MTL_REMOTE", hide_env_values = true)]
    #[arg(value_parser = BoolishValueParser::new(), help_heading = "On AWS")]
    remote: bool,

    /// Region of the function
    #[arg(long, help_heading = "On AWS")]
    region: Option<String>,

    /// Profile of the AWS configuration files
    #[arg(long, help_heading = "On AWS")]
    profile: Option<String>,
}

/// Where the figures of tenants are from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum FigureSource {
    /// The metrics by tenant
    #[default]
    Cloudwatch,
    /// The JSON logs of a function on AWS, which Logs Insights reads and charges for
    Logs,
}

impl MetricsArgs {
    /// What the options ask for.
    ///
    /// # Errors
    ///
    /// When they don't go together.
    pub(crate) fn plan(self) -> Result<MetricsPlan, Failure> {
        let period = self.period.map(whole_seconds).transpose()?;
        let span =
            TimeSpan { since: self.since, start: self.start_time, end: self.end_time, period };
        let function = self.function.as_deref().map(name_of);
        if self.remote && function.is_none() && self.namespace == AWS_NAMESPACE {
            return Err(Failure::usage("metrics on AWS need the name of the function")
                .help("name it as FUNCTION, or set MTL_FUNCTION"));
        }
        let question = self.question(function)?;
        let target = if self.remote {
            let (region, profile) = (self.region, self.profile);
            Target::Aws(aws::AwsOptions { region, profile, retries: RETRIES })
        } else if let Some(option) =
            self.region.map(|_| "--region").or(self.profile.map(|_| "--profile"))
        {
            return Err(Failure::usage(format!("`{option}` is for CloudWatch on AWS"))
                .help(format!("add `--remote`, or leave `{option}` out")));
        } else {
            let given = self.endpoint.is_some();
            let endpoint = self.endpoint.unwrap_or_else(endpoint_of_this_folder);
            Target::Local { endpoint, given }
        };
        Ok(MetricsPlan { target, question, span, format: self.output, watch: self.watch })
    }
}

impl MetricsArgs {
    fn question(&self, function: Option<String>) -> Result<Question, Failure> {
        let tenants: Vec<String> = self.tenant.iter().map(ToString::to_string).collect();
        if !self.metric.is_empty() {
            let all = || vec!["Sum".to_owned(), "Average".to_owned(), "SampleCount".to_owned()];
            let given = self.statistic.clone();
            return Ok(Question::Custom(custom::Subject {
                namespace: self.namespace.clone(),
                metrics: self.metric.clone(),
                statistics: if given.is_empty() { all() } else { given },
                function,
                tenants,
                dimensions: self.dimension.clone(),
            }));
        }
        let (sort, prices) = (self.sort, self.price.clone());
        match (self.source, self.remote, function) {
            (FigureSource::Logs, true, Some(function)) => {
                let subject = LogSubject { function, tenants };
                Ok(if self.cost {
                    Question::Cost { subject: CostSubject::Logs(subject), prices }
                } else {
                    Question::Logs { subject, sort }
                })
            }
            (FigureSource::Logs, _, _) => Err(Failure::usage(
                "`--source logs` is for a function on AWS",
            )
            .help("add `--remote`, or leave it out: the local server has metrics by tenant")),
            (FigureSource::Cloudwatch, true, _) if self.cost => {
                Err(Failure::usage("CloudWatch on AWS has no billed durations by tenant")
                    .help("add `--source logs`: the logs have them"))
            }
            (FigureSource::Cloudwatch, remote, function) => {
                let by_period = !tenants.is_empty() && !self.cost;
                let metrics =
                    if remote { figures::Metrics::Lambdas } else { figures::Metrics::WithOwn };
                let subject = tenant_report::Subject { function, tenants, metrics, by_period };
                Ok(if self.cost {
                    Question::Cost { subject: CostSubject::Metrics(subject), prices }
                } else {
                    Question::Tenants { subject, sort }
                })
            }
        }
    }
}

/// The name in an ARN: metrics know no more.
fn name_of(function: &str) -> String {
    let mut parts = function.split(':');
    match parts.find(|part| *part == "function").and_then(|_| parts.next()) {
        Some(name) => name.to_owned(),
        None => function.to_owned(),
    }
}

fn whole_seconds(period: Duration) -> Result<u32, Failure> {
    let seconds = u32::try_from(period.as_secs()).ok().filter(|_| period.subsec_nanos() == 0);
    seconds.ok_or_else(|| Failure::usage("a period is a multiple of 60 seconds"))
}

/// A duration, also in days and weeks: nobody counts those in hours.
fn since(text: &str) -> Result<Duration, String> {
    let (number, hours) = match text.char_indices().next_back() {
        Some((end, 'd')) => (&text[..end], 24.0),
        Some((end, 'w')) => (&text[..end], 24.0 * 7.0),
        _ => return duration(text),
    };
    let number: f64 = number.parse().map_err(|_| "expected a duration such as 15m, 6h or 7d")?;
    Duration::try_from_secs_f64(number * hours * 3_600.0)
        .map_err(|_| "a duration must not be negative or longer than a clock can hold".to_owned())
}

/// A pause that no server minds, and no bill.
fn pause(text: &str) -> Result<Duration, String> {
    let pause = duration(text)?;
    let least = Duration::from_secs(1);
    if pause < least { Err("it is shown once a second at most".to_owned()) } else { Ok(pause) }
}

fn time(text: &str) -> Result<Timestamp, String> {
    let civil = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok();
    text.parse::<Timestamp>()
        .ok()
        .or_else(|| Some(civil()?.timestamp()))
        .ok_or_else(|| "expected a time such as 2026-11-24T09:30:00Z".to_owned())
}

fn statistic(text: &str) -> Result<String, String> {
    match text.parse::<Statistic>() {
        // A server that knows more of them can be asked for them.
        Ok(_) | Err(StatisticError::NotEmulated) => Ok(text.to_owned()),
        Err(error @ StatisticError::Unknown) => Err(error.to_string()),
    }
}

fn dimension(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{name_of, since, time};

    #[test]
    fn windows_are_said_in_days_too() {
        assert_eq!(since("15m"), Ok(Duration::from_mins(15)));
        assert_eq!(since("7d"), Ok(Duration::from_hours(24 * 7)));
        assert_eq!(since("0.5w"), Ok(Duration::from_hours(84)));
        for wrong in ["", "d", "-1d", "7 d", "soon"] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_are_utc_unless_they_say_otherwise() {
        let same = ["2026-11-24T09:30:00Z", "2026-11-24T09:30", "2026-11-24T10:30:00+01:00"];
        assert!(same.map(|text| time(text).unwrap()).windows(2).all(|pair| pair[0] == pair[1]));
        assert!(time("2026-11-24").is_ok());
        assert!(time("now").is_err());
    }

    #[test]
    fn an_arn_names_a_function() {
        assert_eq!(name_of("arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST"), "f");
        assert_eq!(name_of("123456789012:function:f"), "f");
        assert_eq!(name_of("f"), "f");
    }
}
