//! How one invocation of a load ended.

/// How an invocation ended.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// The function answered.
    Answered {
        /// Whether with an error.
        is_error: bool,
        /// The environment that ran it, if that can be told.
        environment: Option<String>,
        /// Whether that environment was started for it, if that can be told.
        is_cold: Option<bool>,
    },
    /// It was throttled.
    Throttled,
    /// There was no answer of the function; what there was.
    Failed(String),
}
