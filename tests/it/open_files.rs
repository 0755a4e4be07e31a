//! The limit of open files: mtl takes what it may have, functions keep what mtl was started with.

use std::fs;

use serde_json::json;

use crate::server::Setup;

/// The soft and the hard limit of a process.
fn limits(pid: u64) -> (String, String) {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let mut numbers = line.split_whitespace().map(str::to_owned);
    (numbers.next().unwrap(), numbers.next().unwrap())
}

#[tokio::test]
async fn the_soft_limit_becomes_the_hard_one_for_mtl_and_stays_for_functions() {
    let server = Setup::function(&[]).soft_limit_of_open_files(456).start().await;
    let (soft, hard) = limits(server.id().into());
    assert_eq!(soft, hard);
    let function = server.answer("alice", &json!({})).await["pid"].as_u64().unwrap();
    assert_eq!(limits(function), ("456".to_owned(), hard));
}
