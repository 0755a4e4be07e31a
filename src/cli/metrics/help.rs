//! What a person is told besides the metrics: why there are none, what they are, and what can be done
//! about an error.

use super::format::ReportFormat;
use crate::cli::help as invoke_help;
use crate::client::query_error::QueryError;
use crate::client::target::Target;
use crate::report::tenant_report::window::Window;
use crate::report::tenant_report::{Subject, custom};
use crate::system::server_file;

/// What belongs to every table of costs.
pub(crate) const PRICES: &str = "note: AWS's prices for us-east-1 of November 2025 without free tier and \
                          discounts, unless given with `--price`; see https://aws.amazon.com/lambda/pricing/";

/// The help for `error`, if there is any.
#[must_use]
pub(crate) fn help_for(error: &QueryError, target: &Target) -> Option<String> {
    let help = match (error, target) {
        (QueryError::NotConfigured(error), Target::Aws(options)) => {
            let profile = options.profile.as_deref();
            let place = invoke_help::Place::Aws { region: options.region.as_deref(), profile };
            return invoke_help::help_for(error, &place);
        }
        (QueryError::Unreachable { .. }, Target::Local { given, .. }) => {
            let others = server_file::all();
            let local = invoke_help::LocalPlace { given: *given, others: &others };
            return Some(invoke_help::start_a_server(local));
        }
        (QueryError::Unreachable { .. }, Target::Aws(_)) => {
            "check the network, the name of the Region, and AWS_ENDPOINT_URL if it is set"
        }
        (QueryError::AccessDenied { .. }, Target::Aws(_)) => {
            "ask for a policy that allows cloudwatch:ListMetrics and cloudwatch:GetMetricData, and for \
             `--source logs` logs:StartQuery, logs:GetQueryResults and lambda:GetFunctionConfiguration"
        }
        (
            QueryError::NotAnAnswer { .. }
            | QueryError::Refused { .. }
            | QueryError::AccessDenied { .. },
            Target::Local { .. },
        ) => {
            "check that `mtl serve` is what listens there: other local servers have no such metrics"
        }
        _ => return None,
    };
    Some(help.to_owned())
}

/// What is said when there are no tenants to tell of.
#[must_use]
pub(crate) fn no_data(subject: &Subject, window: &Window, target: &Target) -> Vec<String> {
    let function = subject.function.as_deref().map_or_else(
        || "FunctionName and TenantId".to_owned(),
        |function| format!("FunctionName={function} and TenantId"),
    );
    let tenants = match &subject.tenants[..] {
        [] => String::new(),
        tenants => format!(" ({})", tenants.join(", ")),
    };
    let nothing = format!(
        "no data: nothing was published in AWS/Lambda under the dimensions {function}{tenants} \
         between {} and {}",
        window.start, window.end
    );
    let help = if target.is_aws() {
        "help: AWS documents no dimension TenantId for Lambda's metrics. `--source logs` computes them \
         from the function's JSON logs, and `--namespace` with `--metric` reads those that the \
         function publishes itself"
    } else {
        "help: invoke the function (`mtl invoke --tenant-id ID`), or look further back with `--since`; \
         metrics are kept as long as `mtl serve` runs, 24 hours at most"
    };
    vec![nothing, help.to_owned()]
}

/// What is said of tenants that are asked for and not among those that have data.
#[must_use]
pub(crate) fn missing<'a>(
    asked: &[String],
    found: impl Iterator<Item = &'a str>,
) -> Option<String> {
    let found: Vec<&str> = found.collect();
    let missing: Vec<&str> =
        asked.iter().map(String::as_str).filter(|asked| !found.contains(asked)).collect();
    (!missing.is_empty()).then(|| format!("no data of {}", missing.join(", ")))
}

/// What is said when there is no such metric.
#[must_use]
pub(crate) fn no_metrics(subject: &custom::Subject, window: &Window) -> Vec<String> {
    let mut dimensions: Vec<String> =
        subject.dimensions.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if dimensions.is_empty() {
        dimensions.push("TenantId".to_owned());
    }
    let nothing = format!(
        "no data: nothing was published as {} in {} under {} between {} and {}",
        subject.metrics.join(", "),
        subject.namespace,
        dimensions.join(" and "),
        window.start,
        window.end
    );
    let help = "help: names are taken as they are written, and dimensions must be those that the \
                metric has; `aws cloudwatch list-metrics` shows them";
    vec![nothing, help.to_owned()]
}

/// What belongs to the table of the tenants.
#[must_use]
pub(crate) fn notes(target: &Target, format: ReportFormat) -> Vec<String> {
    if target.is_aws() || format != ReportFormat::Table {
        return Vec::new();
    }
    vec!["note: metrics by TenantId are mtl's own; AWS documents no such dimension".to_owned()]
}
