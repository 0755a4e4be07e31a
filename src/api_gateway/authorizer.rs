//! Lambda authorizers: what of a request they are asked about, and what their answers permit. Knows no
//! functions.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html>

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use regex_lite::Regex;
use serde_json::{Map, Value, json};

use crate::api_gateway::mapping::Source;
use crate::api_gateway::method_request::MethodRequest;
use crate::api_gateway::refusal::Refusal;

/// A Lambda authorizer.
#[derive(Clone, Debug)]
pub struct Authorizer {
    /// Its name.
    pub name: String,
    /// The name of its function.
    pub function: String,
    /// What it is asked about.
    pub kind: AuthorizerKind,
    /// How long an answer counts for the same identity; not at all when it is zero.
    pub ttl: Duration,
}

/// What an authorizer is asked about.
#[derive(Clone, Debug)]
pub enum AuthorizerKind {
    /// A token.
    Token {
        /// Where it is.
        source: Source,
        /// What it must look like.
        pattern: Option<Regex>,
    },
    /// The whole request.
    Request {
        /// What tells callers apart.
        sources: Vec<Source>,
    },
}

impl Authorizer {
    /// What tells the caller of a request apart: what is in its identity sources.
    ///
    /// # Errors
    ///
    /// When one of them is missing.
    pub fn identity(&self, request: &MethodRequest) -> Result<Vec<String>, Refusal> {
        let value = |source: &Source| {
            source.value(request).filter(|value| !value.is_empty()).ok_or(Refusal::Unauthorized)
        };
        match &self.kind {
            AuthorizerKind::Token { source, pattern } => {
                let token = value(source)?;
                match pattern {
                    Some(pattern) if !pattern.is_match(&token) => Err(Refusal::Unauthorized),
                    _ => Ok(vec![token]),
                }
            }
            AuthorizerKind::Request { sources } => sources.iter().map(value).collect(),
        }
    }

    /// The event that its function gets, made from that of the request.
    #[must_use]
    pub fn event(&self, mut request: Value, identity: &[String], method_arn: &str) -> String {
        let event = match &self.kind {
            AuthorizerKind::Token { .. } => json!({
                "type": "TOKEN",
                "methodArn": method_arn,
                "authorizationToken": identity.first(),
            }),
            AuthorizerKind::Request { .. } => {
                if let Some(event) = request.as_object_mut() {
                    event.remove("body");
                    event.remove("isBase64Encoded");
                    event.insert("type".to_owned(), json!("REQUEST"));
                    event.insert("methodArn".to_owned(), json!(method_arn));
                }
                request
            }
        };
        event.to_string()
    }
}

/// What an authorizer answered.
#[derive(Clone, Debug)]
pub struct Grant {
    statements: Vec<Statement>,
    /// `requestContext.authorizer` of the event.
    context: Value,
}

#[derive(Clone, Debug)]
struct Statement {
    allows: bool,
    actions: Vec<String>,
    resources: Vec<String>,
}

impl Grant {
    /// Reads the answer of an authorizer's function.
    ///
    /// # Errors
    ///
    /// When it is none, with the reason for the user.
    pub fn parse(answer: &[u8]) -> Result<Self, Refusal> {
        let wrong = |reason: &str| Refusal::Authorizer(format!("its authorizer's answer {reason}"));
        let Ok(Value::Object(answer)) = serde_json::from_slice(answer) else {
            return Err(wrong("is no JSON object"));
        };
        let Some(principal) = answer.get("principalId").and_then(Value::as_str) else {
            return Err(wrong("has no `principalId`"));
        };
        let policy = answer.get("policyDocument").and_then(|policy| policy.get("Statement"));
        let Some(policy) = policy.filter(|policy| policy.is_array() || policy.is_object()) else {
            return Err(wrong("has no `policyDocument` with a `Statement`"));
        };
        let statements: Option<Vec<Statement>> = many(policy).map(statement).collect();
        let statements = statements.ok_or_else(|| {
            wrong("has a statement that mtl can't evaluate: only Effect, Action and Resource are known")
        })?;
        let mut context = Map::new();
        let given = answer.get("context").and_then(Value::as_object);
        for (name, value) in given.into_iter().flatten() {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(_) | Value::Bool(_) => value.to_string(),
                Value::Null => continue,
                Value::Array(_) | Value::Object(_) => {
                    return Err(wrong(&format!("has a list or an object in `context.{name}`")));
                }
            };
            context.insert(name.clone(), Value::String(text));
        }
        context.insert("principalId".to_owned(), json!(principal));
        context.insert("integrationLatency".to_owned(), json!(0));
        Ok(Self { statements, context: Value::Object(context) })
    }

    /// `requestContext.authorizer` of a method that it permits.
    ///
    /// # Errors
    ///
    /// When a statement denies it, or none allows it.
    pub fn context_for(&self, method_arn: &str) -> Result<Value, Refusal> {
        let fitting = self.statements.iter().filter(|statement| statement.fits(method_arn));
        let effects: Vec<bool> = fitting.map(|statement| statement.allows).collect();
        if effects.contains(&false) {
            return Err(Refusal::Denied { explicitly: true });
        }
        if effects.is_empty() {
            return Err(Refusal::Denied { explicitly: false });
        }
        Ok(self.context.clone())
    }
}

/// IAM writes a list of one as the one.
fn many(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(items) => items.iter(),
        one => std::slice::from_ref(one).iter(),
    }
}

fn statement(value: &Value) -> Option<Statement> {
    const KNOWN: [&str; 5] = ["Effect", "Action", "Resource", "Sid", "Principal"];
    let members = value.as_object()?;
    if members.keys().any(|name| !KNOWN.contains(&name.as_str())) {
        return None;
    }
    let texts = |name: &str| -> Option<Vec<String>> {
        many(members.get(name)?).map(|text| text.as_str().map(str::to_owned)).collect()
    };
    let allows = match members.get("Effect")?.as_str()? {
        "Allow" => true,
        "Deny" => false,
        _ => return None,
    };
    Some(Statement { allows, actions: texts("Action")?, resources: texts("Resource")? })
}

impl Statement {
    fn fits(&self, method_arn: &str) -> bool {
        let action = "execute-api:invoke";
        self.actions.iter().any(|pattern| fits(&pattern.to_ascii_lowercase(), action))
            && self.resources.iter().any(|pattern| fits(pattern, method_arn))
    }
}

/// Whether a text fits a pattern with `*` for any characters and `?` for one.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut in_text) = (0, 0);
    // Where the last `*` was, and how much of the text it has taken.
    let mut star: Option<(usize, usize)> = None;
    while in_text < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, in_text));
                at += 1;
            }
            Some(c) if *c == '?' || *c == text[in_text] => {
                at += 1;
                in_text += 1;
            }
            _ => {
                let Some((star_at, taken)) = star else { return false };
                star = Some((star_at, taken + 1));
                at = star_at + 1;
                in_text = taken + 1;
            }
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

/// Answers that still count, by authorizer and identity.
#[derive(Debug, Default)]
pub struct Grants(Mutex<HashMap<Asked, (Instant, Grant)>>);

type Asked = (String, Vec<String>);

/// How many answers are kept.
const KEPT: usize = 10_000;

impl Grants {
    /// The answer that an authorizer gave for this identity, while it counts.
    #[must_use]
    pub fn get(&self, authorizer: &Authorizer, identity: &[String]) -> Option<Grant> {
        let asked = (authorizer.name.clone(), identity.to_vec());
        let (until, grant) = self.kept().get(&asked).cloned()?;
        (Instant::now() < until).then_some(grant)
    }

    /// Keeps an answer for as long as it counts.
    pub fn keep(&self, authorizer: &Authorizer, identity: Vec<String>, grant: Grant) {
        // An authorizer without identity sources can't tell callers apart.
        if authorizer.ttl.is_zero() || identity.is_empty() {
            return;
        }
        let mut kept = self.kept();
        if kept.len() >= KEPT {
            let now = Instant::now();
            kept.retain(|_, (until, _)| now < *until);
        }
        if kept.len() < KEPT {
            let until = Instant::now() + authorizer.ttl;
            kept.insert((authorizer.name.clone(), identity), (until, grant));
        }
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<Asked, (Instant, Grant)>> {
        // A map is changed in one step, so there is nothing half done after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Grant, fits};
    use crate::api_gateway::refusal::Refusal;

    const ARN: &str = "arn:aws:execute-api:us-east-1:123456789012:api/Prod/GET/pets/7";

    fn grant(statements: &serde_json::Value) -> Grant {
        let policy = json!({ "Version": "2012-10-17", "Statement": statements });
        let context = json!({ "tenantId": "alice", "level": 7, "staff": true });
        let answer = json!({ "principalId": "p", "policyDocument": policy, "context": context });
        Grant::parse(answer.to_string().as_bytes()).unwrap()
    }

    fn allow(resource: &str) -> serde_json::Value {
        json!({ "Effect": "Allow", "Action": "execute-api:Invoke", "Resource": resource })
    }

    #[test]
    fn a_deny_wins_and_nothing_is_allowed_by_silence() {
        let allowed = grant(&json!([allow(ARN)])).context_for(ARN).unwrap();
        assert_eq!(allowed["tenantId"], "alice");
        assert_eq!((&allowed["level"], &allowed["staff"]), (&json!("7"), &json!("true")));
        let elsewhere = grant(&json!(allow("arn:aws:execute-api:*:*:api/Prod/PUT/*")));
        assert_eq!(elsewhere.context_for(ARN), Err(Refusal::Denied { explicitly: false }));
        let deny = json!({ "Effect": "Deny", "Action": ["execute-api:*"], "Resource": ["*"] });
        let denied = grant(&json!([allow("*"), deny]));
        assert_eq!(denied.context_for(ARN), Err(Refusal::Denied { explicitly: true }));
    }

    #[test]
    fn an_answer_that_can_not_be_evaluated_permits_nothing() {
        let condition =
            json!({ "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {} });
        for answer in [
            json!("text"),
            json!({ "principalId": "p" }),
            json!({ "policyDocument": { "Statement": [] } }),
            json!({ "principalId": "p", "policyDocument": { "Statement": [condition] } }),
            json!({
                "principalId": "p",
                "policyDocument": { "Statement": [allow("*")] },
                "context": { "list": [] },
            }),
        ] {
            let parsed = Grant::parse(answer.to_string().as_bytes());
            assert!(matches!(parsed, Err(Refusal::Authorizer(_))), "{answer}");
        }
    }

    #[test]
    fn patterns_have_stars_and_question_marks() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*/GET/*", ARN, true),
            ("*x", "ax.x", true),
            ("abc", "abcd", false),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }
}
