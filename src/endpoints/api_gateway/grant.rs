//! What an authorizer answers: a policy, which permits methods or denies them, and a context for the event.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html>

use serde_json::{Map, Value, json};

use crate::endpoints::api_gateway::refusal::GatewayRefusal;

/// What an authorizer answered.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    statements: Vec<Statement>,
    /// `requestContext.authorizer` of the event.
    context: Value,
}

#[derive(Clone, Debug)]
struct Statement {
    effect: StatementEffect,
    actions: Vec<String>,
    resources: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StatementEffect {
    Allow,
    Deny,
}

impl Grant {
    /// Reads the answer of an authorizer's function.
    ///
    /// # Errors
    ///
    /// When it is no valid answer, with the reason for the user.
    pub(crate) fn parse(answer: &[u8]) -> Result<Self, GatewayRefusal> {
        let wrong =
            |reason: &str| GatewayRefusal::Authorizer(format!("its authorizer's answer {reason}"));
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
    pub(crate) fn context_for(&self, method_arn: &str) -> Result<Value, GatewayRefusal> {
        let fitting = self.statements.iter().filter(|statement| statement.fits(method_arn));
        let effects: Vec<StatementEffect> = fitting.map(|statement| statement.effect).collect();
        if effects.contains(&StatementEffect::Deny) {
            return Err(GatewayRefusal::Denied { explicitly: true });
        }
        if effects.is_empty() {
            return Err(GatewayRefusal::Denied { explicitly: false });
        }
        Ok(self.context.clone())
    }
}

/// The items of a list. IAM allows a list of one item to be written as the item alone.
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
    let effect = match members.get("Effect")?.as_str()? {
        "Allow" => StatementEffect::Allow,
        "Deny" => StatementEffect::Deny,
        _ => return None,
    };
    Some(Statement { effect, actions: texts("Action")?, resources: texts("Resource")? })
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Grant, fits};
    use crate::endpoints::api_gateway::refusal::GatewayRefusal;

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
        assert_eq!(elsewhere.context_for(ARN), Err(GatewayRefusal::Denied { explicitly: false }));
        let deny = json!({ "Effect": "Deny", "Action": ["execute-api:*"], "Resource": ["*"] });
        let denied = grant(&json!([allow("*"), deny]));
        assert_eq!(denied.context_for(ARN), Err(GatewayRefusal::Denied { explicitly: true }));
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
            assert!(matches!(parsed, Err(GatewayRefusal::Authorizer(_))), "{answer}");
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
