//! `MTL_LOG`: what mtl does inside is written to stderr when it is asked for, and only then.

use std::process::Command;

use serde_json::json;

use crate::server::Setup;

#[tokio::test]
async fn what_mtl_does_is_told_when_it_is_asked_for() {
    let server = Setup::example(&[]).env("MTL_LOG", "mtl=debug").start().await;
    let told = server.wait_for_stderr("serving endpoint=").await;
    assert!(told.contains("DEBUG mtl::cli::serve: serving endpoint=\"http://"), "{told}");
}

#[tokio::test]
async fn a_request_is_one_line_without_its_payload() {
    let server = Setup::example(&[]).env("MTL_LOG", "mtl::endpoints=debug").start().await;
    server.answer("alice", &json!({ "message": "private" })).await;
    let told = server.wait_for_stderr(" took=").await;
    let lines: Vec<_> =
        told.lines().filter(|line| line.contains("front_door: request method=POST")).collect();
    let [line] = lines[..] else { panic!("not one line in `{told}`") };
    for field in ["path=\"/2015-03-31/functions/", "tenant=\"alice\"", "status=200", "took="] {
        assert!(line.contains(field), "{line}");
    }
    assert!(!line.contains("private"), "{line}");
}

#[tokio::test]
async fn where_an_invocation_goes_is_one_line() {
    let setup = Setup::function(&["--max-environments", "1"]);
    let server = setup.env("MTL_LOG", "mtl::data_plane=debug").start().await;
    server.answer("alice", &json!({})).await;
    server.answer("alice", &json!({})).await;
    assert_eq!(server.invoke("bob", &json!({})).await.status, 429);
    let told = server.wait_for_stderr("throttle tenant=\"bob\" request_id=").await;
    for decision in ["start", "reuse"] {
        let line = told.lines().find(|line| line.contains(&format!(": {decision} ")));
        let line = line.unwrap_or_else(|| panic!("no `{decision}` in `{told}`"));
        for field in ["tenant=\"alice\"", "request_id=", "environment="] {
            assert!(line.contains(field), "{line}");
        }
    }
}

#[tokio::test]
async fn nothing_is_told_otherwise() {
    for filter in [None, Some(""), Some("mtl=off"), Some("some_other_crate=trace")] {
        let setup = Setup::example(&[]);
        let setup = match filter {
            Some(filter) => setup.env("MTL_LOG", filter),
            None => setup,
        };
        let told = setup.start().await.stderr();
        assert!(!told.contains("mtl::"), "{filter:?}: {told}");
    }
}

#[test]
fn a_bad_filter_is_a_mistake_in_the_arguments() {
    let mut mtl = Command::new(crate::function::mtl());
    let output = mtl.args(["serve", "--port", "0"]).env("MTL_LOG", "mtl=loud").output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("MTL_LOG has no valid filter: `mtl=loud`"), "{stderr}");
    assert!(stderr.contains("help: "), "{stderr}");
}
