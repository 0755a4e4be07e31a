//! How an answer is printed on stdout.

use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use anyhow::Context as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clap::ValueEnum;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::client::answer::InvokeAnswer;
use crate::client::load::report::LoadReport;
use crate::report::render;
use crate::system::text::tabbed_line;

/// What `--output` selects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum AnswerFormat {
    /// The payload; a text ends with a newline, other bytes are left alone
    #[default]
    Text,
    /// One document with `StatusCode`, `FunctionError`, `RequestId`, `Payload` ...
    Json,
}

/// The members of the SDKs' Invoke response, in the order of the AWS CLI. What is absent is left out.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document<'a> {
    status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    executed_version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_result: Option<&'a str>,
    payload: PayloadMember<'a>,
}

/// JSON stands in the document as the function wrote it, down to the digits of a number and the
/// order of members; what isn't JSON becomes a string.
#[derive(Serialize)]
#[serde(untagged)]
enum PayloadMember<'a> {
    Json(&'a RawValue),
    Text(String),
}

/// Prints the answer. A reader that has left is no error.
///
/// # Errors
///
/// When stdout can't be written.
pub(crate) fn print(answer: &InvokeAnswer, format: AnswerFormat) -> anyhow::Result<()> {
    let bytes = render(answer, format)?;
    let mut stdout = io::stdout().lock();
    match stdout.write_all(&bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result.context("failed to write to stdout"),
    }
}

/// Prints a piece of a streamed answer at once. Returns whether there is still someone who reads.
///
/// # Errors
///
/// When stdout can't be written.
pub(crate) fn print_piece(piece: &[u8]) -> anyhow::Result<bool> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(piece).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("failed to write to stdout"),
    }
}

/// Prints the end of the log to stderr, with nothing in it that a terminal would obey.
pub(crate) fn print_log(answer: &InvokeAnswer) {
    let log = answer.log_result.as_ref().and_then(|log| BASE64_STANDARD.decode(log).ok());
    let Some(log) = log else { return };
    let mut log = String::from_utf8_lossy(&log).into_owned();
    if io::stderr().is_terminal() {
        log = log.split('\n').map(tabbed_line).collect::<Vec<_>>().join("\n");
    }
    // Whoever closed stderr does not want it.
    let _ = write!(io::stderr(), "{log}");
}

fn render(answer: &InvokeAnswer, format: AnswerFormat) -> anyhow::Result<Vec<u8>> {
    let mut bytes = match format {
        AnswerFormat::Text => answer.payload.to_vec(),
        AnswerFormat::Json => {
            serde_json::to_vec(&document(answer)).context("failed to write the answer as JSON")?
        }
    };
    let complete = bytes.is_empty() || bytes.ends_with(b"\n") || str::from_utf8(&bytes).is_err();
    if !complete {
        bytes.push(b'\n');
    }
    Ok(bytes)
}

fn document(answer: &InvokeAnswer) -> Document<'_> {
    let payload = match serde_json::from_slice(&answer.payload) {
        Ok(json) => PayloadMember::Json(json),
        Err(_) => PayloadMember::Text(String::from_utf8_lossy(&answer.payload).into_owned()),
    };
    Document {
        status_code: answer.status,
        function_error: answer.function_error.as_deref(),
        executed_version: answer.executed_version.as_deref(),
        request_id: answer.request_id.as_deref(),
        log_result: answer.log_result.as_deref(),
        payload,
    }
}

/// Prints the report of a load to stdout.
///
/// # Errors
///
/// When stdout can't be written, unless nobody reads it any more.
pub(crate) fn print_load(report: &LoadReport, format: AnswerFormat) -> anyhow::Result<()> {
    let text = match format {
        AnswerFormat::Text => render::load::text(report),
        AnswerFormat::Json => {
            let mut json = serde_json::to_string(report).context("failed to write the report")?;
            json.push('\n');
            json
        }
    };
    print_piece(text.as_bytes()).map(drop)
}

#[cfg(test)]
mod tests {
    use super::{AnswerFormat, render};
    use crate::client::answer::InvokeAnswer;
    use bytes::Bytes;

    #[test]
    fn text_ends_with_a_newline_and_bytes_stay_as_they_are() {
        for (payload, printed) in
            [(&b"{}"[..], &b"{}\n"[..]), (b"{}\n", b"{}\n"), (b"", b""), (b"\xff\x00", b"\xff\x00")]
        {
            assert_eq!(render(&answer(payload), AnswerFormat::Text).unwrap(), printed);
        }
    }

    #[test]
    fn json_has_the_members_of_the_sdk() {
        let mut answer = answer(br#"{"z":1.10,"a":12345678901234567890123}"#);
        answer.executed_version = Some("$LATEST".to_owned());
        answer.request_id = Some("8f5".to_owned());
        assert_eq!(
            text(&answer),
            r#"{"StatusCode":200,"ExecutedVersion":"$LATEST","RequestId":"8f5","Payload":{"z":1.10,"a":12345678901234567890123}}"#
        );
        answer.function_error = Some("Unhandled".to_owned());
        answer.log_result = Some("eA==".to_owned());
        answer.payload = Bytes::from_static(b"Task timed out");
        assert_eq!(
            text(&answer),
            r#"{"StatusCode":200,"FunctionError":"Unhandled","ExecutedVersion":"$LATEST","RequestId":"8f5","LogResult":"eA==","Payload":"Task timed out"}"#
        );
    }

    fn text(answer: &InvokeAnswer) -> String {
        let text = String::from_utf8(render(answer, AnswerFormat::Json).unwrap()).unwrap();
        text.strip_suffix('\n').unwrap().to_owned()
    }

    fn answer(payload: &'static [u8]) -> InvokeAnswer {
        InvokeAnswer {
            status: 200,
            function_error: None,
            executed_version: None,
            request_id: None,
            log_result: None,
            payload: Bytes::from_static(payload),
        }
    }
}
