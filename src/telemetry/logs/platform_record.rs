//! What each event of the platform says in JSON: a record for each, with its members in AWS's order.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html>

use std::time::Duration;

use serde::Serialize;
use uuid::Uuid;

use crate::lambda::function::{Function, LATEST};
use crate::lambda::invocation::Report;
use crate::lambda::invocation::failure::Failure;
use crate::telemetry::logs::record_members::{
    InitMetrics, OutcomeMembers, ReportMetrics, RuntimeMetrics, RuntimeSpan,
};

/// How functions are initialized here: when there is an invocation for them.
const INITIALIZATION_TYPE: &str = "on-demand";

/// The type of an event, and its record.
#[derive(Serialize)]
#[serde(tag = "type", content = "record")]
pub(crate) enum PlatformRecord<'a> {
    /// The init phase begins.
    #[serde(rename = "platform.initStart")]
    InitStart(InitStartRecord<'a>),
    /// The runtime is done with the init phase.
    #[serde(rename = "platform.initRuntimeDone")]
    InitRuntimeDone(InitRuntimeDoneRecord<'a>),
    /// The init phase has ended.
    #[serde(rename = "platform.initReport")]
    InitReport(InitReportRecord<'a>),
    /// The invoke phase begins.
    #[serde(rename = "platform.start")]
    Start(StartRecord<'a>),
    /// The runtime is done with the invocation.
    #[serde(rename = "platform.runtimeDone")]
    RuntimeDone(RuntimeDoneRecord<'a>),
    /// The invocation is over.
    #[serde(rename = "platform.report")]
    Report(ReportRecord<'a>),
    /// An extension has registered.
    #[serde(rename = "platform.extension")]
    Extension(ExtensionRecord<'a>),
    /// An extension has subscribed.
    #[serde(rename = "platform.telemetrySubscription")]
    TelemetrySubscription(TelemetrySubscriptionRecord<'a>),
}

/// The record of `platform.initStart`. It has no tenant, whom Lambda doesn't know in the init phase; the
/// other records of this phase have none either.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InitStartRecord<'a> {
    initialization_type: &'static str,
    phase: &'static str,
    function_name: &'a str,
    function_version: &'static str,
}

impl<'a> InitStartRecord<'a> {
    /// The init phase of this function begins.
    #[must_use]
    pub(crate) fn new(function: &'a Function) -> Self {
        Self {
            initialization_type: INITIALIZATION_TYPE,
            phase: "init",
            function_name: &function.name,
            function_version: LATEST,
        }
    }
}

/// The record of `platform.initRuntimeDone`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InitRuntimeDoneRecord<'a> {
    initialization_type: &'static str,
    phase: &'static str,
    #[serde(flatten)]
    outcome: OutcomeMembers<'a>,
}

impl<'a> InitRuntimeDoneRecord<'a> {
    /// The runtime is done with the init phase in this phase, or has failed.
    #[must_use]
    pub(crate) fn new(phase: &'static str, failure: Option<&'a Failure>) -> Self {
        let outcome = OutcomeMembers::new(failure);
        Self { initialization_type: INITIALIZATION_TYPE, phase, outcome }
    }
}

/// The record of `platform.initReport`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InitReportRecord<'a> {
    initialization_type: &'static str,
    phase: &'static str,
    #[serde(flatten)]
    outcome: OutcomeMembers<'a>,
    metrics: InitMetrics,
}

impl<'a> InitReportRecord<'a> {
    /// The init phase ended in this phase, after so long, with a failure or without.
    #[must_use]
    pub(crate) fn new(
        phase: &'static str,
        duration: Duration,
        failure: Option<&'a Failure>,
    ) -> Self {
        let (outcome, metrics) = (OutcomeMembers::new(failure), InitMetrics::new(duration));
        Self { initialization_type: INITIALIZATION_TYPE, phase, outcome, metrics }
    }
}

/// The record of `platform.start`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StartRecord<'a> {
    request_id: Uuid,
    function_arn: &'a str,
    version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<&'a str>,
}

impl<'a> StartRecord<'a> {
    /// An invocation of the function with this ARN begins.
    #[must_use]
    pub(crate) fn new(request_id: Uuid, function_arn: &'a str, tenant_id: Option<&'a str>) -> Self {
        Self { request_id, function_arn, version: LATEST, tenant_id }
    }
}

/// The record of `platform.runtimeDone`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RuntimeDoneRecord<'a> {
    request_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<&'a str>,
    #[serde(flatten)]
    outcome: OutcomeMembers<'a>,
    /// What the time went into, where the runtime answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    spans: Option<[RuntimeSpan; 3]>,
    metrics: RuntimeMetrics,
}

impl<'a> RuntimeDoneRecord<'a> {
    /// The runtime is done with an invocation, which has failed or not.
    #[must_use]
    pub(crate) fn new(
        request_id: Uuid,
        tenant_id: Option<&'a str>,
        report: &Report,
        failure: Option<&'a Failure>,
    ) -> Self {
        let outcome = OutcomeMembers::new(failure);
        let spans = report.response.map(|response| RuntimeSpan::all(report.duration, response));
        Self { request_id, tenant_id, outcome, spans, metrics: RuntimeMetrics::new(report) }
    }
}

/// The record of `platform.report`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReportRecord<'a> {
    request_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<&'a str>,
    #[serde(flatten)]
    outcome: OutcomeMembers<'a>,
    metrics: ReportMetrics,
}

impl<'a> ReportRecord<'a> {
    /// An invocation is over, and has failed or not.
    #[must_use]
    pub(crate) fn new(
        request_id: Uuid,
        tenant_id: Option<&'a str>,
        report: &Report,
        failure: Option<&'a Failure>,
    ) -> Self {
        let (outcome, metrics) = (OutcomeMembers::new(failure), ReportMetrics::new(report));
        Self { request_id, tenant_id, outcome, metrics }
    }
}

/// The record of `platform.extension`.
#[derive(Serialize)]
pub(crate) struct ExtensionRecord<'a> {
    name: &'a str,
    state: &'static str,
    events: &'a [&'static str],
}

impl<'a> ExtensionRecord<'a> {
    /// An extension has registered for these events.
    #[must_use]
    pub(crate) fn new(name: &'a str, events: &'a [&'static str]) -> Self {
        Self { name, state: "Ready", events }
    }
}

/// The record of `platform.telemetrySubscription`.
#[derive(Serialize)]
pub(crate) struct TelemetrySubscriptionRecord<'a> {
    name: &'a str,
    state: &'static str,
    types: &'a [&'static str],
}

impl<'a> TelemetrySubscriptionRecord<'a> {
    /// An extension has subscribed to events of these types.
    #[must_use]
    pub(crate) fn new(name: &'a str, types: &'a [&'static str]) -> Self {
        Self { name, state: "Subscribed", types }
    }
}
