//! `MTL_LOG`: what mtl does inside is written to stderr when it is asked for, and only then.

use std::process::Command;

use crate::server::Setup;

#[tokio::test]
async fn what_mtl_does_is_told_when_it_is_asked_for() {
    let server = Setup::example(&[]).env("MTL_LOG", "mtl=debug").start().await;
    let told = server.wait_for_stderr("serving endpoint=").await;
    assert!(told.contains("DEBUG mtl::cli::serve: serving endpoint=\"http://"), "{told}");
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
