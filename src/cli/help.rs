//! What the user can do about an invocation without an answer: the `help:` line of each error.

use http::StatusCode;

use crate::client::error::{InvokeError, TenantMistake};
use crate::lambda::quotas;
use crate::system::server_file::RunningServer;

/// Where the invocation went.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    /// To a local server.
    Local(LocalPlace<'a>),
    /// To AWS.
    Aws {
        /// The Region, once it is known.
        region: Option<&'a str>,
        /// The profile, if one is selected.
        profile: Option<&'a str>,
    },
}

/// A local server that was to be called.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LocalPlace<'a> {
    /// Whether the endpoint was given, by option or environment variable.
    pub(crate) given: bool,
    /// The servers that run in other folders.
    pub(crate) others: &'a [RunningServer],
}

/// For what answers the SDK but isn't Lambda.
const NO_SERVICE: &str = "check AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_LAMBDA if one is set, and what \
                          is between this machine and AWS";

/// The help for `error`, if there is any.
#[must_use]
pub(crate) fn help_for(error: &InvokeError, place: &Place<'_>) -> Option<String> {
    match error {
        InvokeError::Unreachable { .. } => {
            let local = match *place {
                Place::Local(local) => local,
                Place::Aws { .. } => LocalPlace::default(),
            };
            Some(start_a_server(local))
        }
        InvokeError::Interrupted { .. } | InvokeError::StreamEnded { .. } => {
            Some("the output of the server may say why it closed the connection".to_owned())
        }
        InvokeError::Refused { status, error_type, .. } => {
            let tenant = error.tenant_mistake().map(tenant_help);
            tenant.or_else(|| refused(error_type, place)).or_else(|| failed_service(*status, place))
        }
        InvokeError::Throttled { reason, retry_after, .. } => {
            Some(throttled(reason, retry_after.as_deref(), place))
        }
        InvokeError::NotAnAnswer { status, .. } => Some(not_an_answer(*status, place)),
        InvokeError::NoRegion => Some(
            "name it with `--region eu-west-1`, in AWS_REGION, or as `region` of the profile"
                .to_owned(),
        ),
        InvokeError::NoCredentials { .. } => Some(no_credentials(place)),
        InvokeError::SsoLogin { .. } => Some(format!("log in with `{}`", sso_login(place))),
        InvokeError::Credentials { .. } => Some(
            "check the profile in ~/.aws/config; `aws sts get-caller-identity` tries the same \
             credentials"
                .to_owned(),
        ),
        InvokeError::AwsUnreachable { .. } => Some(
            "check the network, the name of the Region, and AWS_ENDPOINT_URL if it is set"
                .to_owned(),
        ),
        InvokeError::AwsCall { .. } => Some(NO_SERVICE.to_owned()),
    }
}

fn no_credentials(place: &Place<'_>) -> String {
    match place {
        Place::Aws { profile: Some(profile), .. } => {
            format!(
                "check that the profile `{profile}` exists in ~/.aws/config and has credentials"
            )
        }
        _ => "log in with `aws sso login`, select a profile with `--profile`, or set \
              AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            .to_owned(),
    }
}

/// What to do when no server answers at the endpoint.
#[must_use]
pub(crate) fn start_a_server(LocalPlace { given, others }: LocalPlace<'_>) -> String {
    let mut help = if given {
        "start the server of that address, or leave the endpoint out and start one in this folder \
         with `mtl serve`"
            .to_owned()
    } else {
        "start a server in this folder with `mtl serve`".to_owned()
    };
    for RunningServer { folder, endpoint, .. } in others {
        help +=
            &format!("\n      or use the one of `{}`: `--endpoint {endpoint}`", folder.display());
    }
    help
}

fn tenant_help(mistake: TenantMistake) -> String {
    let help = match mistake {
        TenantMistake::Missing => "name the tenant with `--tenant-id`",
        TenantMistake::NotExpected => {
            "leave `--tenant-id` out: the function has no tenant isolation"
        }
    };
    help.to_owned()
}

fn refused(error_type: &str, place: &Place<'_>) -> Option<String> {
    let help = match error_type {
        "ResourceNotFoundException" => not_found(place),
        "InvalidRequestContentException" => {
            "check that the payload (`-p`) is JSON; a shell may have taken its quotes".to_owned()
        }
        "RequestTooLargeException" | "RequestEntityTooLargeException" => {
            let limit = quotas::SYNCHRONOUS_REQUEST_BYTES;
            format!("send a payload of at most {limit} bytes")
        }
        "AccessDeniedException" => "ask for a policy that allows `lambda:InvokeFunction` on this \
             function"
            .to_owned(),
        "ExpiredTokenException" | "ExpiredToken" => {
            format!("renew the credentials, such as with `{}`", sso_login(place))
        }
        "InvalidSignatureException" | "RequestExpired" => {
            "check the clock of this machine and the secret access key".to_owned()
        }
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "MissingAuthenticationTokenException"
        | "IncompleteSignatureException" => {
            "check the credentials; `aws sts get-caller-identity` tries the same ones".to_owned()
        }
        _ => return None,
    };
    Some(help)
}

/// Errors of the service itself pass; others need no more than AWS's own text.
fn failed_service(status: StatusCode, place: &Place<'_>) -> Option<String> {
    let passes = status.is_server_error() && matches!(place, Place::Aws { .. });
    passes.then(|| "try again, or let the SDK do that with `--retries 3`".to_owned())
}

fn not_found(place: &Place<'_>) -> String {
    match place {
        Place::Local(_) => {
            "check the name (FUNCTION or MTL_FUNCTION); the first line of `mtl serve` says what it serves"
                .to_owned()
        }
        Place::Aws { region, .. } => format!(
            "check its name, and that it is in `{}`; `--region` selects another Region",
            region.unwrap_or_default()
        ),
    }
}

fn throttled(reason: &str, retry_after: Option<&str>, place: &Place<'_>) -> String {
    let again = match retry_after {
        Some(seconds) => format!("try again in {seconds} s"),
        None => "try again later".to_owned(),
    };
    match place {
        Place::Aws { .. } => format!("{again}, or let the SDK do that with `--retries 3`"),
        Place::Local(_) if reason.starts_with("Reserved") => {
            format!("{again}, or give `mtl serve` a higher `--reserved-concurrency`")
        }
        Place::Local(_) => format!(
            "{again}, or give `mtl serve` a higher `--concurrency`, or with `--attach` more runtimes"
        ),
    }
}

fn not_an_answer(status: StatusCode, place: &Place<'_>) -> String {
    let help = match status {
        _ if matches!(place, Place::Aws { .. }) => NO_SERVICE,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            "check the path of the endpoint and the name of the function (FUNCTION, MTL_FUNCTION)"
        }
        StatusCode::BAD_GATEWAY | StatusCode::INTERNAL_SERVER_ERROR => {
            "the function may have failed to start; the output of the server may say why"
        }
        _ => "check that the endpoint is that of a Lambda server",
    };
    help.to_owned()
}

fn sso_login(place: &Place<'_>) -> String {
    match place {
        Place::Aws { profile: Some(profile), .. } => format!("aws sso login --profile {profile}"),
        _ => "aws sso login".to_owned(),
    }
}
