//! The variables by which a function's own AWS SDK calls mtl instead of AWS, so that a function that
//! invokes another one works here as it does there.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

/// The access key of a function that has no other: it says in a log where it comes from.
const PLACEHOLDER: &str = "mtl-placeholder";

/// Variables that are, or lead to, credentials.
const CREDENTIALS: [&str; 6] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
];

/// Settings in the files of the AWS CLI that are, or lead to, credentials. A file may have none of
/// them, but a Region for instance.
const CREDENTIAL_SETTINGS: [&str; 5] =
    ["aws_access_key_id", "credential_process", "login_session", "role_arn", "sso_"];

/// Sends calls to Lambda and CloudWatch to this URL, even where a configuration file says that such
/// variables are to be ignored: such a call would reach AWS by surprise.
#[must_use]
pub(crate) fn endpoint(url: &str) -> [(OsString, OsString); 3] {
    [
        ("AWS_ENDPOINT_URL_LAMBDA".into(), url.into()),
        ("AWS_ENDPOINT_URL_CLOUDWATCH".into(), url.into()),
        ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS".into(), "false".into()),
    ]
}

/// What lets an SDK sign a call that nobody checks. On AWS a function always has credentials, and no
/// SDK sends a call without any.
#[must_use]
pub(crate) fn placeholder_credentials() -> [(OsString, OsString); 2] {
    [
        ("AWS_ACCESS_KEY_ID".into(), PLACEHOLDER.into()),
        ("AWS_SECRET_ACCESS_KEY".into(), PLACEHOLDER.into()),
    ]
}

/// Whether an SDK with these variables finds credentials in one of them or in a file. Those of an EC2
/// machine's own role can't be seen without asking a network that may not be there.
#[must_use]
pub(crate) fn can_sign(variables: &BTreeMap<OsString, OsString>) -> bool {
    let value = |name: &str| variables.get(OsStr::new(name)).filter(|value| !value.is_empty());
    let file = |name: &str, in_home: &str| {
        let in_home = || Some(Path::new(value("HOME")?).join(".aws").join(in_home));
        value(name).map(PathBuf::from).or_else(in_home)
    };
    let files =
        [file("AWS_SHARED_CREDENTIALS_FILE", "credentials"), file("AWS_CONFIG_FILE", "config")];
    CREDENTIALS.iter().any(|name| value(name).is_some())
        || files.into_iter().flatten().any(|file| has_credentials(&file))
}

/// A file that can't be read has none: an SDK can't read it either.
fn has_credentials(file: &Path) -> bool {
    let text = fs::read_to_string(file).unwrap_or_default();
    let mut settings = text.lines().map(str::trim_start);
    settings.any(|line| CREDENTIAL_SETTINGS.iter().any(|setting| line.starts_with(setting)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::can_sign;

    #[test]
    fn credentials_are_found_in_variables_and_files() {
        let home = tempfile::tempdir().unwrap();
        let of = |name: &str, value: &str| {
            let variables = [("HOME", home.path().to_str().unwrap()), (name, value)];
            can_sign(&variables.map(|(name, value)| (name.into(), value.into())).into())
        };
        assert!(!of("AWS_REGION", "eu-west-1"));
        assert!(of("AWS_ACCESS_KEY_ID", "AKID"));
        assert!(!of("AWS_ACCESS_KEY_ID", ""));
        assert!(of("AWS_PROFILE", "dev"));
        let folder = home.path().join(".aws");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("config"), "[default]\nregion = eu-west-1\n").unwrap();
        assert!(!of("AWS_REGION", "eu-west-1"));
        fs::write(folder.join("config"), "[default]\nsso_session = work\n").unwrap();
        assert!(of("AWS_REGION", "eu-west-1"));
        assert!(!of("AWS_CONFIG_FILE", "/dev/null"));
        fs::write(folder.join("credentials"), "[default]\naws_access_key_id=AKID\n").unwrap();
        assert!(of("AWS_CONFIG_FILE", "/dev/null"));
    }
}
