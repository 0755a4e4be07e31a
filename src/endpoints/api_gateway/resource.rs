//! The path of a resource, such as `/pets/{id}` or `/{proxy+}`, and which requests it fits.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use thiserror::Error;

/// The path of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Literal(String),
    /// `{name}`, which fits any one segment.
    Parameter(String),
    /// `{name+}`, which fits all that is left.
    Greedy(String),
}

/// Why a text is no path of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum ResourceError {
    /// It doesn't begin at the root.
    #[error("the path `{0}` does not begin with `/`")]
    Relative(String),
    /// A parameter has no name, or is only a part of its segment.
    #[error("`{0}` is no parameter of a path: a whole segment is one, such as `{{id}}`")]
    Parameter(String),
    /// Something comes after `{name+}`.
    #[error("`{{{0}+}}` takes all that is left of a path, so nothing may follow it")]
    AfterGreedy(String),
}

/// Where a request is in the tree of resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestPath {
    /// The path, without the stage.
    pub(crate) path: String,
    /// The parameters in it, decoded.
    pub(crate) parameters: BTreeMap<String, String>,
}

impl FromStr for Resource {
    type Err = ResourceError;

    fn from_str(text: &str) -> Result<Self, ResourceError> {
        let path =
            text.strip_prefix('/').ok_or_else(|| ResourceError::Relative(text.to_owned()))?;
        let mut segments: Vec<Segment> = Vec::new();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            if let Some(Segment::Greedy(name)) = segments.last() {
                return Err(ResourceError::AfterGreedy(name.clone()));
            }
            segments.push(segment(part)?);
        }
        Ok(Self(segments))
    }
}

fn segment(part: &str) -> Result<Segment, ResourceError> {
    let wrong = || ResourceError::Parameter(part.to_owned());
    let Some(inner) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
        let literal = !part.contains(['{', '}']);
        return literal.then(|| Segment::Literal(part.to_owned())).ok_or_else(wrong);
    };
    let (name, greedy) = inner.strip_suffix('+').map_or((inner, false), |name| (name, true));
    if name.is_empty() || name.contains(['{', '}', '+']) {
        return Err(wrong());
    }
    let name = name.to_owned();
    Ok(if greedy { Segment::Greedy(name) } else { Segment::Parameter(name) })
}

impl Display for Resource {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("/");
        }
        for segment in &self.0 {
            match segment {
                Segment::Literal(text) => write!(f, "/{text}")?,
                Segment::Parameter(name) => write!(f, "/{{{name}}}")?,
                Segment::Greedy(name) => write!(f, "/{{{name}+}}")?,
            }
        }
        Ok(())
    }
}

impl Resource {
    /// Where this path is in it, if it fits. A slash at the end doesn't count.
    #[must_use]
    pub(crate) fn place(&self, path: &str) -> Option<RequestPath> {
        let path = if path.is_empty() { "/" } else { path };
        let trimmed = path.trim_start_matches('/').trim_end_matches('/');
        let mut parts = if trimmed.is_empty() { Vec::new() } else { trimmed.split('/').collect() };
        parts.reverse();
        let mut parameters = BTreeMap::new();
        for segment in &self.0 {
            let part = parts.pop()?;
            match segment {
                Segment::Literal(text)
                    if *text == *percent_decode_str(part).decode_utf8_lossy() => {}
                Segment::Literal(_) => return None,
                Segment::Parameter(name) => {
                    parameters.insert(name.clone(), decoded(part));
                }
                Segment::Greedy(name) => {
                    let rest = std::iter::once(part).chain(parts.drain(..).rev());
                    let rest: Vec<_> = rest.map(decoded).collect();
                    parameters.insert(name.clone(), rest.join("/"));
                }
            }
        }
        parts.is_empty().then(|| RequestPath { path: path.to_owned(), parameters })
    }

    /// Orders resources that fit the same path: literal segments before parameters, and those before
    /// greedy ones, from the left.
    #[must_use]
    pub(crate) fn specificity(&self) -> Vec<u8> {
        self.0
            .iter()
            .map(|segment| match segment {
                Segment::Literal(_) => 0,
                Segment::Parameter(_) => 1,
                Segment::Greedy(_) => 2,
            })
            .collect()
    }
}

fn decoded(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Resource, ResourceError};

    fn parameters(resource: &str, path: &str) -> Option<Vec<(String, String)>> {
        let resource: Resource = resource.parse().unwrap();
        Some(resource.place(path)?.parameters.into_iter().collect())
    }

    #[test]
    fn parameters_are_found_and_decoded() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(parameters("/", "/"), Some(vec![]));
        assert_eq!(parameters("/", ""), Some(vec![]));
        assert_eq!(parameters("/a/{id}", "/a/b%20c/"), Some(vec![pair("id", "b c")]));
        assert_eq!(parameters("/{proxy+}", "/a/b/c"), Some(vec![pair("proxy", "a/b/c")]));
        assert_eq!(parameters("/{proxy+}", "/"), None);
        assert_eq!(parameters("/a", "/b"), None);
        assert_eq!(parameters("/a", "/a/b"), None);
    }

    #[test]
    fn what_api_gateway_refuses_is_refused() {
        let error = |text: &str| text.parse::<Resource>().unwrap_err();
        assert_eq!(error("a"), ResourceError::Relative("a".to_owned()));
        assert_eq!(error("/a{b}"), ResourceError::Parameter("a{b}".to_owned()));
        assert_eq!(error("/{}"), ResourceError::Parameter("{}".to_owned()));
        assert_eq!(error("/{p+}/a"), ResourceError::AfterGreedy("p".to_owned()));
        assert_eq!("/a/{b}/{c+}".parse::<Resource>().unwrap().to_string(), "/a/{b}/{c+}");
    }
}
