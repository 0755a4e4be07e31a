//! `--inspect`: a debugger for each environment, which answers in its own protocol.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::json;

use crate::handlers::{call, serve};
use crate::mtl::Server;
use crate::provision::tools;

const PYTHON: &str = "def handler(event, context):\n    return context.tenant_id\n";
const NODE: &str = "exports.handler = async (event, context) => context.tenantId;\n";

/// Where the debugger of the one environment listens, as mtl says.
fn debugger(server: &Server) -> SocketAddr {
    server.process.stderr.wait_for("address of a debugger", |said| {
        let (_, address) = said.split_once("the debugger of tenant `a b` listens on ")?;
        address.lines().next()?.parse().ok()
    })
}

/// Sends this to the debugger, and reads until what it sends has `expected`.
fn exchange(address: SocketAddr, sent: &str, expected: &str) {
    let mut debugger = TcpStream::connect(address).expect("the debugger listens");
    debugger.set_read_timeout(Some(Duration::from_secs(30))).expect("a time can be set");
    debugger.write_all(sent.as_bytes()).expect("the debugger reads");
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    while !String::from_utf8_lossy(&read).contains(expected) {
        let length = debugger.read(&mut buffer).expect("the debugger answers");
        assert!(length > 0, "it answered `{}`", String::from_utf8_lossy(&read));
        read.extend_from_slice(&buffer[..length]);
    }
}

#[test]
fn a_debugger_can_attach_to_node() {
    let arguments = ["--handler", "index.handler", "--inspect"];
    let server = serve(("index.js", NODE), &arguments, None);
    assert_eq!(call(&server, &json!({}), &[]).answer(), "a b");
    let address = debugger(&server);
    let request = format!("GET /json/list HTTP/1.1\r\nHost: {address}\r\n\r\n");
    exchange(address, &request, "webSocketDebuggerUrl");
}

#[test]
fn a_debugger_can_attach_to_python() {
    let python = tools().python();
    let folder = python.parent().expect("a program is in a folder");
    let arguments = ["--handler", "app.handler", "--inspect"];
    let server = serve(("app.py", PYTHON), &arguments, Some(folder));
    assert_eq!(call(&server, &json!({}), &[]).answer(), "a b");
    let request =
        r#"{"seq":1,"type":"request","command":"initialize","arguments":{"adapterID":"x"}}"#;
    let message = format!("Content-Length: {}\r\n\r\n{request}", request.len());
    exchange(debugger(&server), &message, "supportsConfigurationDoneRequest");
}

#[test]
fn without_debugpy_it_is_said_how_to_get_it() {
    let folder = crate::handlers::folder_with(("app.py", PYTHON));
    let mut command = crate::mtl::isolated(env!("CARGO_BIN_EXE_mtl"));
    command.args(["serve", "--handler", "app.handler", "--inspect"]).current_dir(folder.path());
    let output = command.output().expect("mtl can be started");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("`python3` has no debugpy"), "{stderr}");
    assert!(stderr.contains("help: install it: python3 -m pip install debugpy"), "{stderr}");
}
