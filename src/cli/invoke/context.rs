//! `--client-context`: JSON text or a file with it, as the base64 that Lambda takes.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};

use crate::cli::failure::Failure;
use crate::cli::invoke::payload::Payload;
use crate::lambda::quotas;

/// The client context in base64.
///
/// # Errors
///
/// When the file can't be read, the text is no JSON object, or there is more than Lambda takes.
pub(crate) fn encode(context: &mut Payload) -> Result<String, Failure> {
    let json = context.read()?;
    if let Err(error) = serde_json::from_slice::<Map<String, Value>>(&json) {
        return Err(Failure::usage(format!("the client context is no JSON object: {error}")));
    }
    let encoded = BASE64_STANDARD.encode(&json);
    if encoded.len() > quotas::CLIENT_CONTEXT_BYTES {
        let (length, most) = (encoded.len(), quotas::CLIENT_CONTEXT_BYTES);
        return Err(Failure::usage(format!(
            "the client context has {length} bytes in base64, and Lambda takes {most}"
        )));
    }
    Ok(encoded)
}
