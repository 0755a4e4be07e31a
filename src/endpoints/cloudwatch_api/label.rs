//! The labels of `GetMetricData`'s results, with the properties and statistics that may be in them.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/graph-dynamic-labels.html>

use crate::endpoints::cloudwatch_api::expression::ResultSeries;
use crate::telemetry::metric_store::metric::MetricId;

/// What a label may tell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LabelSubject<'a> {
    /// What the result is called without a label.
    pub(crate) default: &'a str,
    /// The metric, the statistic and the period, unless it is an expression.
    pub(crate) metric: Option<(&'a MetricId, &'a str, u32)>,
    /// The result.
    pub(crate) series: &'a ResultSeries,
}

impl LabelSubject<'_> {
    /// Replaces what stands in `${…}`. Names that don't exist are left as they are, as CloudWatch does.
    #[must_use]
    pub(crate) fn label(&self, label: &str) -> String {
        let mut text = String::new();
        let mut rest = label;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, behind)) = after.split_once('}') else { break };
            text += before;
            match self.property(name.trim()) {
                Some(value) => text += &value,
                None => text += &format!("${{{name}}}"),
            }
            rest = behind;
        }
        text + rest
    }

    fn property(&self, name: &str) -> Option<String> {
        if let Some(quoted) = name.strip_prefix("PROP(").and_then(|rest| rest.strip_suffix(')')) {
            return self.metric_property(quoted.trim().trim_matches(['\'', '"']));
        }
        let values = || self.series.values().copied();
        let value = match name {
            "LABEL" => return Some(self.default.to_owned()),
            "MAX" => values().reduce(f64::max),
            "MIN" => values().reduce(f64::min),
            "SUM" => Some(values().sum()),
            #[expect(clippy::cast_precision_loss, reason = "there are 100,800 points at most")]
            "AVG" => Some(values().sum::<f64>() / values().count() as f64),
            "FIRST" => values().next(),
            "LAST" => values().next_back(),
            "DATAPOINT_COUNT" => return Some(values().count().to_string()),
            _ => return None,
        };
        Some(
            value
                .filter(|value| value.is_finite())
                .map_or("--".to_owned(), |value| value.to_string()),
        )
    }

    fn metric_property(&self, name: &str) -> Option<String> {
        let (metric, statistic, period) = self.metric?;
        match name {
            "MetricName" => Some(metric.name.to_string()),
            "Namespace" => Some(metric.namespace.to_string()),
            "Stat" => Some(statistic.to_owned()),
            "Period" => Some(period.to_string()),
            name => metric.dimensions.get(name.strip_prefix("Dim.")?).map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{LabelSubject, ResultSeries};
    use crate::telemetry::metric_store::metric::{Dimensions, MetricId};

    #[test]
    fn labels_tell_what_they_name() {
        let metric = MetricId {
            namespace: "AWS/Lambda".into(),
            name: "Errors".into(),
            dimensions: Dimensions::new([("TenantId".into(), "alice".into())]),
        };
        let series = ResultSeries::from([(Timestamp::UNIX_EPOCH, 3.0)]);
        let subject =
            LabelSubject { default: "Errors", metric: Some((&metric, "Sum", 60)), series: &series };
        let label = "${PROP('Dim.TenantId')} ${LABEL}: ${SUM} of ${ AVG } ${PROP('Stat')} ${X} ${";
        assert_eq!(subject.label(label), "alice Errors: 3 of 3 Sum ${X} ${");
    }
}
