//! Which function a request names: a name, a partial or a whole ARN, each with or without a
//! qualifier, and the `Qualifier` parameter. Checks in AWS's order and with its texts.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_RequestParameters>

use percent_encoding::percent_decode_str;

use crate::data_plane::functions::{Functions, ServedFunction};
use crate::endpoints::lambda_api::error::ApiError;
use crate::endpoints::lambda_api::name_parts::{
    NAME_PATTERN, NameParts, QUALIFIER_PATTERN, is_qualifier,
};
use crate::lambda::function::{Function, FunctionOwner, LATEST};

/// The longest name or ARN, in characters.
const NAME_CHARACTERS: usize = 170;

/// The longest qualifier, in characters.
const QUALIFIER_CHARACTERS: usize = 128;

/// The name by which a single served function can always be called, whatever its own is.
const ANY_FUNCTION: &str = "function";

/// What is wrong with the name and the qualifier as members of the request, one text each, the
/// qualifier's first as AWS has them.
#[must_use]
pub(crate) fn violations(name: &str, qualifier: Option<&str>) -> Vec<String> {
    let mut violations = Vec::new();
    if let Some(qualifier) = qualifier {
        let at = || at("qualifier", qualifier);
        if !is_qualifier(qualifier) {
            violations.push(breaks_pattern(at(), QUALIFIER_PATTERN));
        }
        if qualifier.chars().count() > QUALIFIER_CHARACTERS {
            violations.push(is_too_long(&at(), QUALIFIER_CHARACTERS));
        }
    }
    let at = || at("functionName", name);
    if NameParts::parse(name).is_none() {
        violations.push(breaks_pattern(at(), NAME_PATTERN));
    }
    if name.chars().count() > NAME_CHARACTERS {
        violations.push(is_too_long(&at(), NAME_CHARACTERS));
    }
    violations
}

/// How AWS begins to say what is wrong with a member of a request.
fn at(member: &str, value: &str) -> String {
    format!("Value '{value}' at '{member}' failed to satisfy constraint: ")
}

fn breaks_pattern(at: String, pattern: &str) -> String {
    at + "Member must satisfy regular expression pattern: " + pattern
}

fn is_too_long(at: &str, most: usize) -> String {
    format!("{at}Member must have length less than or equal to {most}")
}

/// What a request without a qualifier names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unqualified {
    /// The version `$LATEST`, which is what would run.
    Latest,
    /// The function.
    Function,
}

/// What a request names.
#[derive(Clone, Debug)]
pub(crate) struct NamedFunction<'a> {
    /// The function.
    pub(crate) served: &'a ServedFunction,
    version: Option<&'a str>,
}

impl NamedFunction<'_> {
    /// The ARN of what is named, which is qualified if a version is named.
    #[must_use]
    pub(crate) fn arn(&self) -> String {
        qualified(self.served.function().arn(), self.version)
    }
}

/// Finds the function that a request names. Name and qualifier have passed [`violations`].
///
/// # Errors
///
/// When the two qualifiers differ, or there is no such function or version.
pub(crate) fn resolve<'a>(
    functions: &'a Functions,
    name: &'a str,
    qualifier: Option<&'a str>,
    unqualified: Unqualified,
) -> Result<NamedFunction<'a>, ApiError> {
    let known = functions.all().iter().map(|served| &**served.function());
    let found = find(&known, name, qualifier, unqualified)?;
    Ok(NamedFunction { served: &functions.all()[found.place], version: found.version })
}

/// A function's place among all, and the version that is named.
#[derive(Debug, PartialEq, Eq)]
struct Found<'a> {
    place: usize,
    version: Option<&'a str>,
}

/// The same for functions of one account and Region.
fn find<'a, 'f>(
    functions: &(impl ExactSizeIterator<Item = &'f Function> + Clone),
    name: &'a str,
    qualifier: Option<&'a str>,
    unqualified: Unqualified,
) -> Result<Found<'a>, ApiError> {
    let not_found = || ApiError::FunctionNotFound(name.to_owned());
    let owner = &functions.clone().next().ok_or_else(not_found)?.owner;
    let asked = NameParts::parse(name).ok_or_else(not_found)?;
    if let (Some(derived), Some(qualifier)) = (asked.qualifier, qualifier)
        && derived != qualifier
    {
        return Err(ApiError::InvalidParameterValue(
            "The derived qualifier from the function name does not match the specified qualifier."
                .to_owned(),
        ));
    }
    let implied = (unqualified == Unqualified::Latest).then_some(LATEST);
    let version = asked.qualifier.or(qualifier).or(implied);
    let region = asked.region.unwrap_or(&owner.region);
    let account_id = asked.account.unwrap_or(&owner.account_id);
    let here = region == owner.region && account_id == owner.account_id;
    let only = functions.len() == 1 && asked.name == ANY_FUNCTION;
    let is_asked = |known: &Function| {
        known.name == asked.name || known.logical_id.as_deref() == Some(asked.name)
    };
    match functions.clone().position(is_asked).or(only.then_some(0)) {
        Some(place) if here && version.is_none_or(|version| version == LATEST) => {
            Ok(Found { place, version })
        }
        _ => {
            let owner =
                FunctionOwner { region: region.to_owned(), account_id: account_id.to_owned() };
            Err(ApiError::FunctionNotFound(qualified(owner.arn(asked.name), version)))
        }
    }
}

fn qualified(arn: String, version: Option<&str>) -> String {
    match version {
        Some(version) => format!("{arn}:{version}"),
        None => arn,
    }
}

/// The value of a parameter in a query; `None` also when it is empty.
#[must_use]
pub(crate) fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let mut parameters = query?.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = parameters.find(|(parameter, _)| *parameter == name)?;
    let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::{Unqualified, find, qualified, violations};
    use crate::endpoints::lambda_api::error::ApiError;
    use crate::lambda::function::{
        Architecture, Function, FunctionOwner, FunctionProgram, LogFormat, MemorySize,
        TenantIsolationMode,
    };

    const ARN: &str = "arn:aws:lambda:eu-west-1:123456789012:function:orders";

    fn function() -> Function {
        Function {
            name: "orders".to_owned(),
            owner: FunctionOwner {
                region: "eu-west-1".to_owned(),
                account_id: "123456789012".to_owned(),
            },
            logical_id: None,
            program: FunctionProgram::default(),
            variables: Vec::new(),
            architecture: Architecture::Arm64,
            memory: MemorySize { mb: 128, enforced: false },
            tenant_isolation_mode: TenantIsolationMode::PerTenant,
            log_format: LogFormat::Text,
        }
    }

    /// The place of what is named among these functions, and its ARN.
    fn named(
        functions: &[&Function],
        name: &str,
        qualifier: Option<&str>,
        unqualified: Unqualified,
    ) -> Result<(usize, String), ApiError> {
        let found = find(&functions.iter().copied(), name, qualifier, unqualified)?;
        Ok((found.place, qualified(functions[found.place].arn(), found.version)))
    }

    #[test]
    fn a_function_has_many_names() {
        for name in [
            "orders",
            "function",
            "orders:$LATEST",
            "function:orders",
            "123456789012:function:orders",
            "arn:aws:lambda:eu-west-1:123456789012:function:orders",
            "arn:aws:lambda:eu-west-1:123456789012:function:orders:$LATEST",
        ] {
            assert!(violations(name, Some("$LATEST")).is_empty(), "{name}");
            for qualifier in [None, Some("$LATEST")] {
                let found = named(&[&function()], name, qualifier, Unqualified::Latest);
                assert_eq!(found.unwrap(), (0, format!("{ARN}:$LATEST")), "{name}");
            }
        }
    }

    #[test]
    fn among_several_functions_each_has_its_own_name_only() {
        let (one, other) = (function(), Function { name: "carts".to_owned(), ..function() });
        let of = |name| named(&[&one, &other], name, None, Unqualified::Function);
        assert_eq!(of("carts"), Ok((1, ARN.replace("orders", "carts"))));
        assert_eq!(of("orders"), Ok((0, ARN.to_owned())));
        assert!(matches!(of("function"), Err(ApiError::FunctionNotFound(_))));
    }

    #[test]
    fn where_no_version_is_implied_the_arn_has_one_only_if_it_was_named() {
        let of = |name, qualifier| {
            let found = named(&[&function()], name, qualifier, Unqualified::Function);
            found.map(|(_, arn)| arn).map_err(|error| {
                let ApiError::FunctionNotFound(arn) = error else { panic!("{error:?}") };
                arn
            })
        };
        assert_eq!(of("orders", None), Ok(ARN.to_owned()));
        assert_eq!(of("function", None), Ok(ARN.to_owned()));
        assert_eq!(of("orders:$LATEST", None), Ok(format!("{ARN}:$LATEST")));
        assert_eq!(of("orders", Some("$LATEST")), Ok(format!("{ARN}:$LATEST")));
        assert_eq!(of("orders", Some("live")), Err(format!("{ARN}:live")));
        assert_eq!(of("carts", None), Err(ARN.replace("orders", "carts")));
    }

    #[test]
    fn what_is_not_served_is_not_found_under_its_whole_arn() {
        let arn = |rest: &str| Err(ApiError::FunctionNotFound(format!("arn:aws:lambda:{rest}")));
        let of = |name: &str, qualifier: Option<&str>| {
            named(&[&function()], name, qualifier, Unqualified::Latest).map(|(_, arn)| arn)
        };
        assert_eq!(of("x", None), arn("eu-west-1:123456789012:function:x:$LATEST"));
        assert_eq!(of("orders:7", None), arn("eu-west-1:123456789012:function:orders:7"));
        assert_eq!(of("orders", Some("live")), arn("eu-west-1:123456789012:function:orders:live"));
        let other = "arn:aws:lambda:us-east-1:210987654321:function:orders";
        assert_eq!(of(other, None), arn("us-east-1:210987654321:function:orders:$LATEST"));
        let long = "x".repeat(65);
        let not_found = arn(&format!("eu-west-1:123456789012:function:{long}:$LATEST"));
        assert_eq!(of(&long, None), not_found);
        assert!(matches!(of("orders:1", Some("2")), Err(ApiError::InvalidParameterValue(_))));
    }

    #[test]
    fn violations_are_listed_qualifier_first() {
        let found = violations("no such", Some("%"));
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("Value '%' at 'qualifier' failed to satisfy constraint: "));
        assert!(found[0].ends_with(r"pattern: \$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+"));
        assert!(found[1].starts_with("Value 'no such' at 'functionName' failed"));
        assert_eq!(violations("f", Some(&"x".repeat(129))).len(), 1);
    }
}
