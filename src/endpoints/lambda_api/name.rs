//! Which function a request names: a name, a partial or a whole ARN, each with or without a
//! qualifier, and the `Qualifier` parameter. Checks in AWS's order and with its texts.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_RequestParameters>

use std::sync::LazyLock;

use percent_encoding::percent_decode_str;
use regex_lite::Regex;

use crate::data_plane::functions::{Functions, ServedFunction};
use crate::endpoints::lambda_api::error::ApiError;
use crate::lambda::function::{Function, FunctionOwner, LATEST};

const NAME_PATTERN: &str = r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?";
const QUALIFIER_PATTERN: &str = r"\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+";

/// The longest name or ARN, in characters.
const NAME_CHARACTERS: usize = 170;

/// The longest qualifier, in characters.
const QUALIFIER_CHARACTERS: usize = 128;

/// The name by which a single served function can always be called, whatever its own is.
const ANY_FUNCTION: &str = "function";

static NAME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^(?:arn:(?:aws[a-zA-Z-]*)?:lambda:)?(?:(?<region>(?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?(?:(?<account>\d{12}):)?(?:function:)?(?<name>[a-zA-Z0-9\-_.]+)(?::(?<qualifier>\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9\-_]+))?$",
    )
    .expect("the pattern is a constant that the tests compile")
});

static QUALIFIER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9\-_$]+)$")
        .expect("the pattern is a constant that the tests compile")
});

/// What is wrong with the name and the qualifier as members of the request, one text each, the
/// qualifier's first as AWS has them.
#[must_use]
pub(crate) fn violations(name: &str, qualifier: Option<&str>) -> Vec<String> {
    let mut violations = Vec::new();
    if let Some(qualifier) = qualifier {
        let constraint = Constraint {
            member: "qualifier",
            pattern: &QUALIFIER,
            shown: QUALIFIER_PATTERN,
            most: QUALIFIER_CHARACTERS,
        };
        violations.extend(constraint.violations(qualifier));
    }
    let constraint = Constraint {
        member: "functionName",
        pattern: &NAME,
        shown: NAME_PATTERN,
        most: NAME_CHARACTERS,
    };
    violations.extend(constraint.violations(name));
    violations
}

/// What the service model says of a text of a request.
struct Constraint {
    /// How the model calls the text.
    member: &'static str,
    pattern: &'static LazyLock<Regex>,
    /// The pattern as AWS shows it.
    shown: &'static str,
    /// The most characters.
    most: usize,
}

impl Constraint {
    fn violations(&self, value: &str) -> impl Iterator<Item = String> {
        let at = format!("Value '{value}' at '{}' failed to satisfy constraint: ", self.member);
        let pattern = (!self.pattern.is_match(value))
            .then(|| format!("{at}Member must satisfy regular expression pattern: {}", self.shown));
        let length = (value.chars().count() > self.most)
            .then(|| format!("{at}Member must have length less than or equal to {}", self.most));
        pattern.into_iter().chain(length)
    }
}

/// What a request without a qualifier names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unqualified {
    /// The version `$LATEST`, which is what would run.
    Latest,
    /// The function.
    Function,
}

/// Finds the function that a request names, and returns it with the ARN of what is named, which is
/// qualified if a version is named. Name and qualifier have passed [`violations`].
///
/// # Errors
///
/// When the two qualifiers differ, or there is no such function or version.
pub(crate) fn resolve(
    functions: &Functions,
    name: &str,
    qualifier: Option<&str>,
    unqualified: Unqualified,
) -> Result<(ServedFunction, String), ApiError> {
    let served: Vec<&Function> = functions.all().iter().map(|one| &**one.function()).collect();
    let (place, arn) = find(&served, name, qualifier, unqualified)?;
    Ok((functions.all()[place].clone(), arn))
}

/// The same for functions of one account and Region, with the place of the function among them.
fn find(
    functions: &[&Function],
    name: &str,
    qualifier: Option<&str>,
    unqualified: Unqualified,
) -> Result<(usize, String), ApiError> {
    let not_found = || ApiError::FunctionNotFound(name.to_owned());
    let function = *functions.first().ok_or_else(not_found)?;
    let parts = NAME.captures(name).ok_or_else(not_found)?;
    let part = |group: &str| parts.name(group).map(|part| part.as_str());
    let derived = part("qualifier");
    if let (Some(derived), Some(qualifier)) = (derived, qualifier)
        && derived != qualifier
    {
        return Err(ApiError::InvalidParameterValue(
            "The derived qualifier from the function name does not match the specified qualifier."
                .to_owned(),
        ));
    }
    let asked = part("name").unwrap_or_default();
    let owner = FunctionOwner {
        region: part("region").unwrap_or(&function.owner.region).to_owned(),
        account_id: part("account").unwrap_or(&function.owner.account_id).to_owned(),
    };
    let implied = (unqualified == Unqualified::Latest).then_some(LATEST);
    let version = derived.or(qualifier).or(implied);
    let here = owner == function.owner;
    let only = functions.len() == 1 && asked == ANY_FUNCTION;
    let place = functions
        .iter()
        .position(|known| known.name == asked || known.logical_id.as_deref() == Some(asked));
    match place.or(only.then_some(0)) {
        Some(place) if here && version.is_none_or(|version| version == LATEST) => {
            Ok((place, qualified(functions[place].arn(), version)))
        }
        _ => Err(ApiError::FunctionNotFound(qualified(owner.arn(asked), version))),
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
    use super::{Unqualified, find, violations};
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
                let found = find(&[&function()], name, qualifier, Unqualified::Latest);
                assert_eq!(found.unwrap(), (0, format!("{ARN}:$LATEST")), "{name}");
            }
        }
    }

    #[test]
    fn among_several_functions_each_has_its_own_name_only() {
        let (one, other) = (function(), Function { name: "carts".to_owned(), ..function() });
        let of = |name| find(&[&one, &other], name, None, Unqualified::Function);
        assert_eq!(of("carts"), Ok((1, ARN.replace("orders", "carts"))));
        assert_eq!(of("orders"), Ok((0, ARN.to_owned())));
        assert!(matches!(of("function"), Err(ApiError::FunctionNotFound(_))));
    }

    #[test]
    fn where_no_version_is_implied_the_arn_has_one_only_if_it_was_named() {
        let of = |name, qualifier| {
            let found = find(&[&function()], name, qualifier, Unqualified::Function);
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
            find(&[&function()], name, qualifier, Unqualified::Latest).map(|(_, arn)| arn)
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
