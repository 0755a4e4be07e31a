//! `mtl invoke --remote` and `mtl metrics --remote`, through the AWS SDK with real signing: against mtl itself, and against a
//! stand-in for AWS that checks signatures and permissions but isn't tenant-isolated.

use serde::Deserialize;
use serde_json::json;
use tempfile::TempDir;

use crate::mtl::{ANY_CREDENTIALS, Invoked, Server, folder_with_app, invoke, isolated};
use crate::provision::tools;
use crate::running::Running;

const SET_UP: &str = include_str!("python/stand_in.py");

/// An access key of a user of the stand-in.
#[derive(Clone, Deserialize)]
struct AccessKey {
    id: String,
    secret: String,
}

/// `mtl invoke --remote` of a function at this endpoint.
fn invoke_remote(endpoint: &str, key: &AccessKey, arguments: &[&str]) -> Invoked {
    let mut variables = vec![("AWS_ENDPOINT_URL_LAMBDA", endpoint), ("AWS_REGION", "us-east-1")];
    variables.push(("AWS_ACCESS_KEY_ID", &key.id));
    variables.push(("AWS_SECRET_ACCESS_KEY", &key.secret));
    invoke(&[&["--remote"], arguments].concat(), &variables)
}

/// An error: its exit code, and a part of what it says.
#[track_caller]
fn assert_refused(invoked: &Invoked, code: i32, says: &[&str]) {
    assert_eq!(invoked.code, Some(code), "{invoked:?}");
    assert!(invoked.stderr.starts_with("error: "), "{invoked:?}");
    assert!(invoked.stderr.contains("\nhelp: "), "{invoked:?}");
    for text in says {
        assert!(invoked.stderr.contains(text), "no `{text}` in {invoked:?}");
    }
}

mod mtl_itself {
    //! A local server in the place of AWS: it is the only one that knows tenants.

    use crate::remote::{ANY_CREDENTIALS, AccessKey, Invoked, Server, assert_refused, json};

    fn invoke(server: &Server, arguments: &[&str]) -> Invoked {
        let [(_, id), (_, secret)] = ANY_CREDENTIALS;
        let key = AccessKey { id: id.to_owned(), secret: secret.to_owned() };
        crate::remote::invoke_remote(&server.endpoint, &key, arguments)
    }

    #[test]
    fn the_tenant_id_reaches_the_function() {
        let server = Server::python(&[]);
        for (tenant, calls) in [("alice", 1), ("bob", 1), ("alice", 2)] {
            let answer = invoke(&server, &["--tenant-id", tenant, "function"]).answer();
            assert_eq!((&answer["tenant"], &answer["calls"]), (&json!(tenant), &json!(calls)));
        }
    }

    #[test]
    fn json_output_has_the_members_of_the_sdk() {
        let server = Server::python(&[]);
        let invoked = invoke(&server, &["-o", "json", "--tenant-id", "alice", "function"]);
        let answer = invoked.answer();
        assert_eq!(
            (&answer["StatusCode"], &answer["ExecutedVersion"]),
            (&json!(200), &json!("$LATEST"))
        );
        assert_eq!(answer["RequestId"], answer["Payload"]["request_id"]);
    }

    #[test]
    fn a_function_error_has_its_exit_code() {
        let server = Server::python(&[]);
        let arguments = ["--tenant-id", "alice", "--payload", r#"{"do":"raise"}"#, "function"];
        let failed = invoke(&server, &arguments);
        assert_eq!((failed.code, &failed.json()["errorType"]), (Some(3), &json!("ValueError")));
    }

    #[test]
    fn a_tenancy_mismatch_is_explained() {
        let isolated = Server::python(&[]);
        assert_refused(&invoke(&isolated, &["function"]), 1, &["--tenant-id"]);
        let ordinary = Server::python(&["--tenant-isolation-mode", "NONE"]);
        let refused = invoke(&ordinary, &["--tenant-id", "alice", "function"]);
        assert_refused(&refused, 1, &["--tenant-id"]);
    }

    #[test]
    fn a_throttle_has_its_exit_code_and_reason() {
        let server = Server::python(&["--reserved-concurrency", "0"]);
        let throttled = invoke(&server, &["--tenant-id", "alice", "function"]);
        assert_refused(&throttled, 4, &["ReservedFunctionConcurrentInvocationLimitExceeded"]);
    }
}

/// ministack, which checks the signature of every call by the keys of its users.
struct StandIn {
    endpoint: String,
    invoker: AccessKey,
    stranger: AccessKey,
    _process: Running,
    _folder: TempDir,
}

impl StandIn {
    fn start() -> Self {
        let folder = folder_with_app();
        let (process, address) = Running::start_on_free_port(|port| {
            let mut command = isolated(tools().python());
            command.args(["-m", "ministack.app"]).current_dir(folder.path());
            command.env("GATEWAY_PORT", port.to_string()).env("BIND_HOST", "127.0.0.1");
            command.envs([("AUTH", "true"), ("SERVICES", "lambda,iam,sts,cloudwatch")]);
            // It would listen for other protocols on fixed ports, and for all hosts.
            command.envs([("IOT_MTLS_ENABLED", "0"), ("SFTP_ENABLED", "0")]);
            command.env("TMPDIR", folder.path()).envs(ANY_CREDENTIALS);
            command
        });
        let endpoint = format!("http://{address}");
        let mut set_up = isolated(tools().python());
        set_up.args(["-c", SET_UP, &endpoint]).current_dir(folder.path()).envs(ANY_CREDENTIALS);
        let output = set_up.output().expect("Python can be started");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut keys = serde_json::Deserializer::from_slice(&output.stdout).into_iter();
        let mut key = || keys.next().expect("it prints two keys").expect("it prints JSON");
        let (invoker, stranger) = (key(), key());
        Self { endpoint, invoker, stranger, _process: process, _folder: folder }
    }
}

/// One stand-in for all tests of this file would outlive them: a static is never dropped. So it is
/// one test.
#[test]
fn the_stand_in_accepts_the_signature_and_its_refusals_are_explained() {
    let stand_in = StandIn::start();
    let call = |key, arguments: &[&str]| {
        invoke_remote(&stand_in.endpoint, key, &[&["--tenant-id", "alice"], arguments].concat())
    };
    let answer = call(&stand_in.invoker, &["--payload", r#"{"key":"value"}"#, "tenants"]).answer();
    assert_eq!(answer["event"], json!({"key": "value"}));
    let failed = call(&stand_in.invoker, &["--payload", r#"{"do":"raise"}"#, "tenants"]);
    assert_eq!((failed.code, &failed.json()["errorMessage"]), (Some(3), &json!("boom")));

    assert_refused(&call(&stand_in.invoker, &["nope"]), 1, &["nope", "us-east-1"]);
    assert_refused(&call(&stand_in.stranger, &["tenants"]), 1, &["lambda:InvokeFunction"]);
    let forged = AccessKey { secret: "wrong".to_owned(), ..stand_in.invoker.clone() };
    assert_refused(&call(&forged, &["tenants"]), 1, &["signature"]);
    let throttled = call(&stand_in.invoker, &["throttled"]);
    assert_refused(&throttled, 4, &["ReservedFunctionConcurrentInvocationLimitExceeded"]);
    tenants_have_metrics(&stand_in);
}

/// What was published for two tenants, and nothing of mtl's own.
fn tenants_have_metrics(stand_in: &StandIn) {
    let metrics = |arguments: &[&str]| {
        let mut command = isolated(env!("CARGO_BIN_EXE_mtl"));
        command.args(["metrics", "--remote", "-o", "plain"]).args(arguments);
        command.envs([("AWS_ENDPOINT_URL", &*stand_in.endpoint), ("AWS_REGION", "us-east-1")]);
        command.env("AWS_ACCESS_KEY_ID", &stand_in.invoker.id);
        command.env("AWS_SECRET_ACCESS_KEY", &stand_in.invoker.secret);
        let output = command.output().expect("mtl can be started");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("mtl prints text");
        (text(output.stdout), text(output.stderr))
    };
    let (stdout, stderr) = metrics(&["tenants"]);
    assert!(stdout.contains("\ntenants\talice\t7\t1\t14.28571"), "{stdout}");
    assert!(stdout.contains("\ntenants\tbob\t3\t0\t0\t0\t15\t"), "{stdout}");
    assert!(stderr.contains("3 requests to CloudWatch for 15 metrics"), "{stderr}");
    let (stdout, stderr) = metrics(&["throttled"]);
    assert_eq!(stdout.lines().count(), 1, "only the head: {stdout}");
    assert!(stderr.contains("AWS documents no dimension TenantId"), "{stderr}");
}
