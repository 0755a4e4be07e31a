//! A server on a free port that answers what a test tells it, and keeps what it was asked.

use std::fs::{DirBuilder, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use serde_json::json;

/// A request as it was on the wire.
#[derive(Debug)]
pub(crate) struct Received {
    /// The request line.
    pub(crate) line: String,
    /// The lines of the headers, with their names in lower case.
    pub(crate) headers: Vec<String>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let prefix = format!("{name}: ");
        self.headers.iter().find_map(|line| line.strip_prefix(&prefix))
    }
}

/// Answers one connection with each of its responses, then stops listening.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) url: String,
    received: Receiver<Received>,
}

impl Server {
    pub(crate) fn answering(responses: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let responses: Vec<String> = responses.iter().map(ToString::to_string).collect();
        let (sender, received) = mpsc::channel();
        thread::spawn(move || {
            for response in responses {
                let (mut stream, _) = listener.accept().expect("mtl connects");
                let request = read(&stream);
                // The test may have seen enough.
                let _ = sender.send(request);
                stream.write_all(response.as_bytes()).expect("mtl reads the response");
            }
        });
        Self { url: format!("http://{address}"), received }
    }

    /// The next request; panics if the server ended without one.
    pub(crate) fn received(&self) -> Received {
        self.received.recv().expect("mtl sent a request")
    }

    /// How many requests there are that were not looked at; mtl must have ended.
    pub(crate) fn further_requests(&self) -> usize {
        self.received.try_iter().count()
    }
}

/// The file by which `mtl invoke` finds the server of a folder, as `mtl serve` writes it. It counts
/// for as long as it is locked.
#[derive(Debug)]
pub(crate) struct Published {
    _locked: File,
}

impl Published {
    /// Says in the user's runtime folder that the server of `folder` is at `url`.
    pub(crate) fn new(runtime: &Path, folder: &Path, url: &str) -> Self {
        let files = runtime.join("mtl");
        DirBuilder::new().recursive(true).mode(0o700).create(&files).expect("there is room");
        let port = url.rsplit(':').next().expect("a URL has a port");
        let name = files.join(format!("server-{port}.json"));
        let mut file = File::create_new(name).expect("a port is used once");
        file.lock().expect("nobody else locks it");
        let folder = folder.canonicalize().expect("the folder is there");
        let found = json!({ "folder": folder, "endpoint": url, "pid": std::process::id() });
        file.write_all(found.to_string().as_bytes()).expect("there is room");
        Self { _locked: file }
    }
}

/// A response that ends its connection.
pub(crate) fn response(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}"
    )
}

/// An address where nothing listens.
pub(crate) fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    format!("http://{}", listener.local_addr().expect("it is bound"))
}

/// Reads one request to its end.
pub(crate) fn read(stream: &TcpStream) -> Received {
    let mut reader = BufReader::new(stream);
    let mut lines = reader.by_ref().lines().map(|line| line.expect("a request is text"));
    let line = lines.next().expect("a request has a first line");
    let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).map(lower_name).collect();
    let mut request = Received { line, headers, body: Vec::new() };
    let length = request.header("content-length").map_or(0, |text| text.parse().expect("a number"));
    request.body.resize(length, 0);
    reader.read_exact(&mut request.body).expect("the body is complete");
    request
}

fn lower_name(line: String) -> String {
    match line.split_once(": ") {
        Some((name, value)) => format!("{}: {value}", name.to_ascii_lowercase()),
        None => line,
    }
}
