//! The README's function in a shell script: what it shows must run.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use crate::mtl::{Server, invoke};

#[test]
fn the_shell_script_of_the_readme_is_a_function() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(readme).expect("the package has a README");
    let (_, script) = readme.split_once("```bash\n").expect("the README has the script");
    let (script, _) = script.split_once("```").expect("the block ends");
    let folder = TempDir::new().expect("the temp folder can be written");
    let file = folder.path().join("function.sh");
    fs::write(&file, script).expect("the temp folder can be written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let server = Server::start(folder, &["--", "./function.sh"], None);
    for payload in [r#"{"n":1}"#, r#"{"n":2}"#] {
        let answer = invoke(
            &["--endpoint", &server.endpoint, "--tenant-id", "a b", "--payload", payload],
            &[],
        );
        let event: serde_json::Value = serde_json::from_str(payload).expect("it is JSON");
        assert_eq!(answer.answer(), json!({ "tenant": "a b", "event": event }));
    }
}
