//! The tenant id in a request's headers, and the constraints of the service model that it may
//! break, as AWS words them.

use http::HeaderMap;
use http::header::AsHeaderName;

use crate::endpoints::lambda_api::error::ApiError;
use crate::lambda::function::{TenantId, TenantIdError};
use crate::lambda::quotas;

const PATTERN: &str = r"[a-zA-Z0-9\._:\/=+\-@ ]+";

/// The tenant that a request names in one of these headers. An empty header names none, as on AWS.
///
/// # Errors
///
/// With AWS's text for each constraint that a value breaks, in the form that is recorded for other
/// members; or when two headers name different tenants, since choosing one of them would be a guess.
pub(crate) fn tenant_id(
    headers: &HeaderMap,
    names: &[impl AsHeaderName + Copy],
) -> Result<Option<TenantId>, ApiError> {
    let mut found: Option<TenantId> = None;
    for value in names.iter().flat_map(|name| headers.get_all(*name)) {
        let Some(id) = parse(value.as_bytes())? else { continue };
        match &found {
            Some(other) if *other != id => {
                return Err(ApiError::InvalidParameterValue(format!(
                    "The request names two tenants, `{other}` and `{id}`. Name one."
                )));
            }
            _ => found = Some(id),
        }
    }
    Ok(found)
}

/// The tenant of a header's value; none for an empty one.
///
/// # Errors
///
/// With AWS's text for each constraint that it breaks.
pub(crate) fn parse(value: &[u8]) -> Result<Option<TenantId>, ApiError> {
    if value.is_empty() {
        return Ok(None);
    }
    let value = String::from_utf8_lossy(value);
    let id = value.parse().map_err(|error| ApiError::Validation(violations(&value, &error)))?;
    Ok(Some(id))
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
    use http::{HeaderMap, HeaderValue};

    use super::tenant_id;
    use crate::endpoints::lambda_api::error::ApiError;
    use crate::lambda::function::TenantId;

    const NAMES: [&str; 2] = ["x-amz-tenant-id", "lambda-runtime-aws-tenant-id"];

    fn tenant(headers: &[(usize, &str)]) -> Result<Option<TenantId>, ApiError> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(NAMES[*name], HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        tenant_id(&map, &NAMES)
    }

    fn violations(value: &str) -> Vec<String> {
        match tenant(&[(0, value)]) {
            Err(ApiError::Validation(violations)) => violations,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn violations_are_worded_as_recorded_for_other_members() {
        assert_eq!(
            violations("bad#id"),
            [
                r"Value 'bad#id' at 'tenantId' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9\._:\/=+\-@ ]+"
            ]
        );
        let long = "x".repeat(257);
        assert_eq!(
            violations(&long),
            [format!(
                "Value '{long}' at 'tenantId' failed to satisfy constraint: Member must have length less than or equal to 256"
            )]
        );
        assert_eq!(violations(&"#".repeat(257)).len(), 2);
    }

    #[test]
    fn all_headers_must_agree() {
        let alice = Ok(Some("alice".parse().unwrap()));
        assert_eq!(tenant(&[]), Ok(None));
        assert_eq!(tenant(&[(0, "")]), Ok(None));
        for agreeing in [vec![(0, "alice")], vec![(1, "alice")], vec![(0, "alice"), (1, "alice")]] {
            assert_eq!(tenant(&agreeing), alice);
        }
        for differing in [[(0, "alice"), (1, "bob")], [(0, "alice"), (0, "bob")]] {
            assert!(matches!(tenant(&differing), Err(ApiError::InvalidParameterValue(_))));
        }
    }
}
