//! The pages of `ListFunctions`: which functions are on the page that a request asks for.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html>

use std::sync::Arc;

use crate::data_plane::functions::{Functions, ServedFunction};
use crate::endpoints::lambda_api::error::ApiError;
use crate::endpoints::lambda_api::name::parameter;
use crate::lambda::function::Function;

/// How many functions a page has.
const PAGE: usize = 50;

/// The most functions that a caller may ask for in one page.
///
/// <https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html#API_ListFunctions_RequestSyntax>
const MAXIMUM_MAX_ITEMS: u32 = 10_000;

/// Which functions a request asks for.
#[derive(Debug)]
pub(crate) struct PageRequest {
    /// How a function is named in the answer.
    pub(crate) arns: ListedArns,
    /// The most functions that the page has.
    most: usize,
    /// The name of the function that the page begins with.
    marker: Option<String>,
}

/// How a list of functions names each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListedArns {
    /// By its own ARN.
    Unqualified,
    /// By the ARN of its only version, since every version was asked for.
    Qualified,
}

/// The functions of a page, by name.
#[derive(Debug)]
pub(crate) struct FunctionPage {
    /// The functions.
    pub(crate) functions: Vec<Arc<Function>>,
    /// What the next page begins with; `None` on the last page.
    pub(crate) next_marker: Option<String>,
}

impl PageRequest {
    /// Reads the parameters of a request.
    ///
    /// # Errors
    ///
    /// With AWS's text for each parameter that breaks a constraint of the service model.
    pub(crate) fn parse(query: Option<&str>) -> Result<Self, ApiError> {
        let version = parameter(query, "FunctionVersion");
        let max_items = parameter(query, "MaxItems");
        let mut violations = Vec::new();
        violations.extend(version.as_deref().and_then(version_violation));
        violations.extend(max_items.as_deref().and_then(max_items_violation));
        if !violations.is_empty() {
            return Err(ApiError::Validation(violations));
        }
        let arns = if version.is_some() { ListedArns::Qualified } else { ListedArns::Unqualified };
        let most = max_items.and_then(|most| most.parse().ok()).unwrap_or(PAGE).min(PAGE);
        Ok(Self { arns, most, marker: parameter(query, "Marker") })
    }

    /// The page of these functions.
    ///
    /// # Errors
    ///
    /// When no function has the name at which the page is to begin.
    pub(crate) fn page(&self, functions: &Functions) -> Result<FunctionPage, ApiError> {
        let mut all: Vec<&Arc<Function>> =
            functions.all().iter().map(ServedFunction::function).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        let start = match &self.marker {
            None => 0,
            Some(marker) => {
                all.iter().position(|function| function.name == *marker).ok_or_else(|| {
                    ApiError::InvalidParameterValue(format!("Invalid marker: {marker}"))
                })?
            }
        };
        let next_marker = all.get(start + self.most).map(|next| next.name.clone());
        let functions = all.into_iter().skip(start).take(self.most).cloned().collect();
        Ok(FunctionPage { functions, next_marker })
    }
}

fn version_violation(version: &str) -> Option<String> {
    (version != "ALL").then(|| {
        format!(
            "Value '{version}' at 'functionVersion' failed to satisfy constraint: \
             Member must satisfy enum value set: [ALL]"
        )
    })
}

fn max_items_violation(max_items: &str) -> Option<String> {
    let constraint = match max_items.parse() {
        Ok(1..=MAXIMUM_MAX_ITEMS) => return None,
        Ok(0) => "greater than or equal to 1".to_owned(),
        _ => format!("less than or equal to {MAXIMUM_MAX_ITEMS}"),
    };
    Some(format!(
        "Value '{max_items}' at 'maxItems' failed to satisfy constraint: \
         Member must have value {constraint}"
    ))
}

#[cfg(test)]
mod tests {
    use super::max_items_violation;

    #[test]
    fn a_page_has_1_to_10000_functions() {
        for right in ["1", "50", "10000"] {
            assert_eq!(max_items_violation(right), None);
        }
        for (wrong, constraint) in
            [("0", "greater than or equal to 1"), ("10001", "less than or equal to 10000")]
        {
            let violation = max_items_violation(wrong).unwrap();
            assert!(violation.ends_with(&format!("Member must have value {constraint}")));
        }
    }
}
