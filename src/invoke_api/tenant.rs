//! The tenant id in a request's headers, and the constraints of the service model that it may
//! break, as AWS words them. Knows no functions.

use http::HeaderValue;

use crate::function::{TenantId, TenantIdError};
use crate::quotas;

const PATTERN: &str = r"[a-zA-Z0-9\._:\/=+\-@ ]+";

/// The tenant that a header names. An empty one names none, as on AWS.
///
/// # Errors
///
/// With a text for each constraint that the value breaks. It has the form that is recorded from AWS
/// for other members; there is no record of one for this member.
pub fn tenant_id(header: Option<&HeaderValue>) -> Result<Option<TenantId>, Vec<String>> {
    let Some(header) = header.filter(|header| !header.is_empty()) else { return Ok(None) };
    let value = String::from_utf8_lossy(header.as_bytes());
    value.parse().map(Some).map_err(|error| violations(&value, &error))
}

fn violations(value: &str, error: &TenantIdError) -> Vec<String> {
    let mut violations = Vec::new();
    if value.chars().count() > quotas::TENANT_ID_CHARACTERS {
        violations.push(violation(
            value,
            &format!(
                "Member must have length less than or equal to {}",
                quotas::TENANT_ID_CHARACTERS
            ),
        ));
    }
    if matches!(error, TenantIdError::Character(_)) {
        let constraint = format!("Member must satisfy regular expression pattern: {PATTERN}");
        violations.push(violation(value, &constraint));
    }
    violations
}

fn violation(value: &str, constraint: &str) -> String {
    format!("Value '{value}' at 'tenantId' failed to satisfy constraint: {constraint}")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::tenant_id;

    #[test]
    fn violations_are_worded_as_recorded_for_other_members() {
        let of = |text: &str| tenant_id(Some(&HeaderValue::from_bytes(text.as_bytes()).unwrap()));
        assert_eq!(of("").unwrap(), None);
        assert_eq!(of("alice").unwrap().unwrap().as_str(), "alice");
        assert_eq!(
            of("bad#id").unwrap_err(),
            [
                r"Value 'bad#id' at 'tenantId' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9\._:\/=+\-@ ]+"
            ]
        );
        let long = "x".repeat(257);
        assert_eq!(
            of(&long).unwrap_err(),
            [format!(
                "Value '{long}' at 'tenantId' failed to satisfy constraint: Member must have length less than or equal to 256"
            )]
        );
        assert_eq!(of(&"#".repeat(257)).unwrap_err().len(), 2);
    }
}
