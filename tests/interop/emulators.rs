//! `mtl invoke` against the local servers of others, which answer less precisely than AWS.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::json;

use crate::mtl::{Invoked, invoke, isolated};
use crate::provision::tools;
use crate::running::Running;

/// `mtl invoke` of a server at this address, as alice.
fn invoke_at(address: SocketAddr, event: &serde_json::Value, further: &[&str]) -> Invoked {
    let endpoint = format!("http://{address}");
    let payload = event.to_string();
    let arguments = ["--endpoint", &endpoint, "--tenant-id", "alice", "--payload", &payload];
    invoke(&[&arguments[..], further].concat(), &[])
}

#[cfg(target_os = "linux")]
mod runtime_interface_emulator {
    //! The Runtime Interface Emulator of AWS's base images, with a Python function.

    use std::net::SocketAddr;

    use serde_json::json;
    use tempfile::TempDir;

    use crate::emulators::invoke_at;
    use crate::mtl::{folder_with_app, invoke, isolated};
    use crate::provision::tools;
    use crate::running::{Running, free_port};

    fn start() -> (Running, SocketAddr, TempDir) {
        let folder = folder_with_app();
        let (process, address) = Running::start_on_free_port(|port| {
            let mut command = isolated(tools().runtime_interface_emulator());
            command.arg("--runtime-interface-emulator-address").arg(format!("127.0.0.1:{port}"));
            command.arg("--runtime-api-address").arg(format!("127.0.0.1:{}", free_port()));
            command.arg(tools().python()).args(["-m", "awslambdaric", "app.handler"]);
            command.current_dir(folder.path()).env("AWS_LAMBDA_FUNCTION_TIMEOUT", "1");
            command
        });
        (process, address, folder)
    }

    #[test]
    fn an_answer_and_the_function_errors_are_told_apart() {
        let (_process, address, _folder) = start();
        let answer = invoke_at(address, &json!({"key": "value"}), &[]).answer();
        assert_eq!(answer["event"], json!({"key": "value"}));
        assert_eq!(answer["tenant"], "alice");
        // Its status is 200 for an exception, 502 for an exit, and 200 with bare text for a timeout.
        let raised = invoke_at(address, &json!({"do": "raise"}), &[]);
        assert_eq!((raised.code, &raised.json()["errorType"]), (Some(3), &json!("ValueError")));
        let exited = invoke_at(address, &json!({"do": "exit", "status": 42}), &[]);
        assert_eq!(
            (exited.code, &exited.json()["errorType"]),
            (Some(3), &json!("Runtime.ExitError"))
        );
        let timed_out = invoke_at(address, &json!({"do": "sleep", "seconds": 600}), &[]);
        assert_eq!(timed_out.code, Some(3), "{timed_out:?}");
        assert_eq!(timed_out.stdout.trim_end(), "Task timed out after 1.00 seconds");
    }

    #[test]
    fn its_tenants_share_one_process_and_a_load_says_so() {
        let (_process, address, _folder) = start();
        let endpoint = format!("http://{address}");
        let load = |identity: &[&str]| {
            // It takes one invocation at a time, and crashes at the second.
            let arguments = ["--endpoint", &endpoint, "-n", "6", "-c", "1", "-o", "json"];
            let tenants = ["--tenant-id", "alice", "--tenant-id", "bob"];
            invoke(&[&arguments, &tenants[..], identity].concat(), &[])
        };
        let shared = load(&["--environment-at", "/pid"]);
        let report = shared.json();
        assert_eq!((shared.code, &report["isolation"]), (Some(1), &json!("shared")), "{shared:?}");
        assert_eq!(report["sharedEnvironments"][0]["tenants"], json!(["alice", "bob"]));
        assert!(shared.stderr.contains("tenants share execution environments"));
        let unknown = load(&[]);
        assert_eq!((unknown.code, &unknown.json()["isolation"]), (Some(0), &json!("unknown")));
    }

    #[test]
    fn a_function_it_does_not_have_is_a_refusal() {
        let (_process, address, _folder) = start();
        let refused = invoke_at(address, &json!({}), &["another"]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
    }
}

/// `cargo lambda watch` with the test function, which is started beside it: without a network it
/// can't build one.
struct CargoLambda {
    address: SocketAddr,
    _processes: [Running; 2],
}

impl CargoLambda {
    fn start(package: &Path) -> Self {
        let (server, address) = Running::start_on_free_port(|port| {
            let mut command = isolated(tools().cargo_lambda());
            command.args([
                "lambda",
                "watch",
                "--only-lambda-apis",
                "--invoke-address",
                "127.0.0.1",
            ]);
            command.arg("--invoke-port").arg(port.to_string()).current_dir(package);
            command
        });
        let mut function = isolated(test_function());
        function.env("AWS_LAMBDA_RUNTIME_API", format!("http://{address}/.rt"));
        function.env("AWS_LAMBDA_FUNCTION_NAME", "_").env("AWS_LAMBDA_FUNCTION_VERSION", "1");
        function.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "4096");
        Self { address, _processes: [Running::start(&mut function), server] }
    }
}

/// The function under test on `lambda_runtime`. It is an example, which Cargo doesn't build for a
/// single test target.
fn test_function() -> &'static PathBuf {
    static TEST_FUNCTION: OnceLock<PathBuf> = OnceLock::new();
    TEST_FUNCTION.get_or_init(|| {
        let profile = Path::new(env!("CARGO_BIN_EXE_mtl")).parent().expect("a file has a folder");
        let mut command = Command::new(env!("CARGO"));
        command.args(["build", "--quiet", "--locked", "--example", "test-function"]);
        command.arg("--target-dir").arg(profile.parent().expect("a profile has a folder"));
        command.current_dir(env!("CARGO_MANIFEST_DIR"));
        let status = command.status().expect("Cargo can be started");
        assert!(status.success(), "the test function can't be built");
        profile.join("examples/test-function")
    })
}

#[test]
fn cargo_lambda_answers_and_fails() {
    let package = tempfile::tempdir().unwrap();
    let manifest = "[package]\nname = \"demo\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    std::fs::write(package.path().join("Cargo.toml"), manifest).unwrap();
    std::fs::create_dir(package.path().join("src")).unwrap();
    std::fs::write(package.path().join("src/main.rs"), "fn main() {}\n").unwrap();
    let server = CargoLambda::start(package.path());
    let answer = invoke_at(server.address, &json!({"key": "value"}), &["_"]).answer();
    assert_eq!(answer["event"], json!({"key": "value"}));
    // A function error is a 500 there, without the header that AWS sends.
    let event = json!({"do": "fail", "error_type": "Demo", "message": "boom"});
    let failed = invoke_at(server.address, &event, &["_"]);
    assert_eq!((failed.code, &failed.json()["errorType"]), (Some(3), &json!("Demo")));
    let unknown = invoke_at(server.address, &json!({}), &["another"]);
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
}
