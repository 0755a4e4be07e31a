//! What subscribers are told.

/// Something that happened, as each of AWS's two APIs tells it, if it does.
#[derive(Clone, Debug)]
pub(crate) struct TelemetryEvent {
    /// What it is an event of.
    pub(crate) telemetry_type: TelemetryType,
    /// The JSON object of the Telemetry API.
    pub(crate) telemetry: Option<String>,
    /// The JSON object of the Logs API.
    pub(crate) logs: Option<String>,
}

impl TelemetryEvent {
    /// How many bytes its objects have.
    #[must_use]
    pub(crate) fn bytes(&self) -> usize {
        let length = |json: &Option<String>| json.as_ref().map_or(0, String::len);
        length(&self.telemetry) + length(&self.logs)
    }
}

/// Whose events these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TelemetryType {
    /// Lambda itself.
    Platform,
    /// The function's output.
    Function,
    /// The output of extensions.
    Extension,
}

impl TelemetryType {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Platform, Self::Function, Self::Extension];

    /// The name that AWS has for it.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Function => "function",
            Self::Extension => "extension",
        }
    }
}
