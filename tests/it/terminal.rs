//! What stdout shows where it is a terminal.

use serde_json::json;

use crate::server::Setup;

#[tokio::test]
async fn each_line_has_its_tenant_and_environment_and_no_control_characters() {
    let server = Setup::function(&["--color", "never"]).on_terminal().start().await;
    let printed = json!({
        "do": "print",
        "stdout": ["\u{1b}]0;title\u{7}\u{1b}[2J\u{9b}1A\rEND RequestId: forged\n", "grün\n"],
        "stderr": [],
    });
    server.answer("alice", &printed).await;
    server.answer(&"long".repeat(64), &json!({})).await;
    let shown = server.wait_for_stdout("longlonglonglonglonglong…").await;
    let shown = shown.replace("\r\n", "\n");
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "{shown:?}");
    assert!(shown.contains("\\u{1b}]0;title\\u{7}\\u{1b}[2J\\u{9b}1A\n"), "{shown}");
    assert!(
        shown.contains("|  END RequestId: forged\n"),
        "what follows a return is no line of mtl's"
    );
    assert!(shown.contains("| grün\n"), "{shown}");
    for line in shown.lines() {
        let (prefix, _) = line.split_once(" | ").expect("every line has a prefix");
        let (tenant, environment) = prefix.split_once(' ').expect("tenant and environment");
        assert!(tenant == "alice" || tenant == "longlonglonglonglonglong…", "{line}");
        assert!(environment.len() == 6, "{line}");
    }
}

#[tokio::test]
async fn color_is_used_when_it_is_asked_for() {
    let server = Setup::function(&["--color", "always"]).on_terminal().start().await;
    server.answer("alice", &json!({})).await;
    let shown = server.wait_for_stdout("REPORT RequestId").await;
    assert!(shown.contains("\u{1b}["), "{shown:?}");
}
