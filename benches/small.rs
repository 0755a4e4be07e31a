//! The smallest function that can serve the benchmarks: blocking sockets, one connection, no crate.
//! Linked statically it takes little memory, so that thousands of its environments fit a machine.
//!
//! It answers with its event, with two exceptions: an event `{"stream":BYTES}` is answered with a
//! stream of so many bytes, and one of API Gateway with what API Gateway takes for an answer.

use std::env;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

/// Of a stream, in one piece.
const CHUNK: usize = 64 * 1024;

/// What the Runtime API gives out.
struct Invocation {
    id: String,
    event: Vec<u8>,
}

fn main() -> io::Result<()> {
    let api = env::var("AWS_LAMBDA_RUNTIME_API").map_err(io::Error::other)?;
    let mut reader = BufReader::new(TcpStream::connect(&api)?);
    reader.get_ref().set_nodelay(true)?;
    let next = format!("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: {api}\r\n\r\n");
    loop {
        reader.get_mut().write_all(next.as_bytes())?;
        let Invocation { id, event } = read(&mut reader)?;
        let head = format!(
            "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nHost: {api}\r\n\
             Content-Type: application/json\r\n"
        );
        if let Some(length) = stream_length(&event) {
            stream(reader.get_mut(), &head, length)?;
        } else {
            let proxied = event.windows(12).take(4096).any(|it| it == b"\"httpMethod\"");
            let answer: &[u8] = if proxied { br#"{"statusCode":200,"body":"{}"}"# } else { &event };
            let mut head = format!("{head}Content-Length: {}\r\n\r\n", answer.len()).into_bytes();
            if answer.len() < CHUNK {
                head.extend_from_slice(answer);
                reader.get_mut().write_all(&head)?;
            } else {
                reader.get_mut().write_all(&head)?;
                reader.get_mut().write_all(answer)?;
            }
        }
        read(&mut reader)?;
    }
}

/// Reads an answer of the Runtime API: an event, or that a response is accepted.
fn read(reader: &mut BufReader<TcpStream>) -> io::Result<Invocation> {
    let (mut line, mut id, mut length) = (String::new(), String::new(), 0);
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let text = line.trim_end();
        if text.is_empty() {
            break;
        }
        let Some((name, value)) = text.split_once(':') else { continue };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(io::Error::other)?;
        } else if name.eq_ignore_ascii_case("lambda-runtime-aws-request-id") {
            value.trim().clone_into(&mut id);
        }
    }
    let mut event = vec![0; length];
    reader.read_exact(&mut event)?;
    Ok(Invocation { id, event })
}

/// The length that an event asks for.
fn stream_length(event: &[u8]) -> Option<usize> {
    let digits = event.strip_prefix(b"{\"stream\":")?.strip_suffix(b"}")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn stream(socket: &mut TcpStream, head: &str, mut length: usize) -> io::Result<()> {
    let head = format!(
        "{head}Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    socket.write_all(head.as_bytes())?;
    let mut piece = Vec::with_capacity(CHUNK + 16);
    while length > 0 {
        let size = length.min(CHUNK);
        piece.clear();
        write!(piece, "{size:x}\r\n")?;
        piece.resize(piece.len() + size, b'x');
        piece.extend_from_slice(b"\r\n");
        socket.write_all(&piece)?;
        length -= size;
    }
    socket.write_all(b"0\r\n\r\n")
}
