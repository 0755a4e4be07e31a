//! The messages of CloudWatch as they are on the wire, as far as mtl has a use for their members.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Operations.html>

use std::borrow::Cow;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// A dimension, or a filter of them, which may be without a value.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Dimension<'a> {
    #[serde(default)]
    pub(super) name: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<Cow<'a, str>>,
}

/// A metric.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NamedMetric<'a> {
    #[serde(default)]
    pub(super) namespace: Cow<'a, str>,
    #[serde(default)]
    pub(super) metric_name: Cow<'a, str>,
    #[serde(default)]
    pub(super) dimensions: Vec<Dimension<'a>>,
}

/// The parameters of `ListMetrics`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListMetricsInput<'a> {
    pub(super) namespace: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) metric_name: Option<&'a str>,
    pub(super) dimensions: Vec<Dimension<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_token: Option<String>,
}

/// A page of the answer to `ListMetrics`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListMetricsOutput {
    #[serde(default)]
    pub(super) metrics: Vec<NamedMetric<'static>>,
    pub(super) next_token: Option<String>,
}

/// The parameters of `GetMetricData`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetMetricDataInput<'a> {
    pub(super) metric_data_queries: Vec<MetricDataQuery<'a>>,
    /// In seconds since 1970, as all times of the protocol.
    pub(super) start_time: i64,
    pub(super) end_time: i64,
    pub(super) scan_by: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_token: Option<String>,
}

/// A statistic that `GetMetricData` is asked for, under an id by which its values come back.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MetricDataQuery<'a> {
    pub(super) id: String,
    pub(super) metric_stat: MetricStat<'a>,
}

/// A statistic of a metric, by period.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MetricStat<'a> {
    pub(super) metric: NamedMetric<'a>,
    /// In seconds.
    pub(super) period: u32,
    pub(super) stat: &'a str,
}

/// A page of the answer to `GetMetricData`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetMetricDataOutput {
    #[serde(default)]
    pub(super) metric_data_results: Vec<MetricDataResult>,
    pub(super) next_token: Option<String>,
}

/// The values of one query, each with its time.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MetricDataResult {
    #[serde(default)]
    pub(super) id: String,
    #[serde(default)]
    pub(super) timestamps: Vec<Exact>,
    #[serde(default)]
    pub(super) values: Vec<Exact>,
}

/// A number that is read to its last bit, which `serde_json` by itself doesn't do. The protocol writes
/// those that JSON has no form for as texts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Exact(pub(super) f64);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(deserializer)?.get();
        if text == "null" {
            return Ok(Self(f64::NAN));
        }
        text.trim_matches('"').parse().map(Self).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Exact;

    #[test]
    fn numbers_are_read_to_their_last_bit() {
        let numbers: Vec<Exact> =
            serde_json::from_str(r#"[0.1, 5.708990770823839, 1e300, "Infinity", 3]"#).unwrap();
        let expected = [0.1, 5.708_990_770_823_839, 1e300, f64::INFINITY, 3.0].map(Exact);
        assert_eq!(numbers, expected);
        assert!(serde_json::from_str::<Exact>("null").unwrap().0.is_nan());
        assert!(serde_json::from_str::<Exact>("[]").is_err());
    }
}
