//! What a caller tells of itself, its client context and its identity, which the runtime gets under
//! other names.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_RequestSyntax>
//!
//! On AWS the identity is part of the credentials that sign the request. Here nobody has such
//! credentials, so a header tells it, under the name that mobile callers know.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};

use crate::endpoints::lambda_api::error::ApiError;
use crate::endpoints::lambda_api::headers::{CLIENT_CONTEXT, COGNITO_IDENTITY};
use crate::lambda::quotas;

/// The headers for the runtime.
///
/// # Errors
///
/// When the client context is too long, or is no JSON object in base64, or when the identity is no
/// JSON object.
pub(crate) fn headers(request: &HeaderMap) -> Result<HeaderMap, ApiError> {
    let mut headers = HeaderMap::new();
    if let Some(context) = request.get(&CLIENT_CONTEXT).filter(|value| !value.is_empty()) {
        let name = HeaderName::from_static("lambda-runtime-client-context");
        headers.insert(name, client_context(context)?);
    }
    if let Some(identity) = request.get(&COGNITO_IDENTITY).filter(|value| !value.is_empty()) {
        let name = HeaderName::from_static("lambda-runtime-cognito-identity");
        headers.insert(name, cognito_identity(identity)?);
    }
    Ok(headers)
}

fn cognito_identity(header: &HeaderValue) -> Result<HeaderValue, ApiError> {
    match serde_json::from_slice::<Map<String, Value>>(header.as_bytes()) {
        Ok(_) => Ok(header.clone()),
        Err(_) => Err(ApiError::InvalidRequestContent(
            "X-Amz-Cognito-Identity must be a JSON object with cognitoIdentityId and \
             cognitoIdentityPoolId."
                .to_owned(),
        )),
    }
}

/// The decoded document on one line, since a header can't have several.
fn client_context(header: &HeaderValue) -> Result<HeaderValue, ApiError> {
    let invalid = |text: &str| ApiError::InvalidRequestContent(text.to_owned());
    if header.len() > quotas::CLIENT_CONTEXT_BYTES {
        let most = quotas::CLIENT_CONTEXT_BYTES;
        return Err(invalid(&format!("Client context must be at most {most} bytes long.")));
    }
    let not_json = || invalid("Client context must be a valid Base64-encoded JSON object.");
    let json = BASE64_STANDARD.decode(header.as_bytes()).map_err(|_| not_json())?;
    serde_json::from_slice::<Map<String, Value>>(&json).map_err(|_| not_json())?;
    let one_line: Vec<u8> =
        json.into_iter().map(|byte| if byte.is_ascii_control() { b' ' } else { byte }).collect();
    HeaderValue::from_bytes(&one_line).map_err(|_| not_json())
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use http::HeaderMap;

    use super::headers;

    #[test]
    fn the_runtime_gets_the_document_and_not_the_base64() {
        let of = |text: &str| {
            let mut request = HeaderMap::new();
            request.insert("X-Amz-Client-Context", text.parse().unwrap());
            headers(&request)
        };
        let encoded = BASE64_STANDARD.encode("{\n\"custom\": {\"k\": \"v\"}}");
        let headers = of(&encoded).unwrap();
        assert_eq!(headers["lambda-runtime-client-context"], "{ \"custom\": {\"k\": \"v\"}}");
        for wrong in ["%%%", &BASE64_STANDARD.encode("[1]"), &BASE64_STANDARD.encode("{")] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
        assert!(
            of(&BASE64_STANDARD.encode(format!("{{\"a\":\"{}\"}}", "x".repeat(3_000)))).is_err()
        );
        assert!(of("").unwrap().is_empty());
    }

    #[test]
    fn the_identity_is_a_json_object() {
        let of = |text: &str| {
            let mut request = HeaderMap::new();
            request.insert("X-Amz-Cognito-Identity", text.parse().unwrap());
            headers(&request)
        };
        let identity = r#"{"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"}"#;
        assert_eq!(of(identity).unwrap()["lambda-runtime-cognito-identity"], identity);
        for wrong in ["i", "[]", "{"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
        assert!(of("").unwrap().is_empty());
    }
}
