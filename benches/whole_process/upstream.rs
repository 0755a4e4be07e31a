//! The server behind nginx for large bodies: it answers as the small function does, with what it
//! gets or with a stream, but speaks HTTP with its caller itself.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

const CHUNK: usize = 64 * 1024;

/// Starts it in threads of this process, which end with it.
pub(crate) fn start() -> Result<SocketAddr, String> {
    let listen = || -> io::Result<_> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    let (listener, address) = listen().map_err(|error| error.to_string())?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream));
        }
    });
    Ok(address)
}

fn serve(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    loop {
        let (mut line, mut length) = (String::new(), 0);
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let asked = body.strip_prefix(b"{\"stream\":").and_then(|it| it.strip_suffix(b"}"));
        let asked = asked.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        let writer = reader.get_mut();
        if let Some(length) = asked {
            send_stream(writer, length)?;
        } else {
            write!(writer, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")?;
            writer.write_all(&body)?;
        }
    }
}

fn send_stream(writer: &mut TcpStream, mut length: usize) -> io::Result<()> {
    writer.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
    let mut piece = Vec::with_capacity(CHUNK + 16);
    while length > 0 {
        let size = length.min(CHUNK);
        piece.clear();
        write!(piece, "{size:x}\r\n")?;
        piece.resize(piece.len() + size, b'x');
        piece.extend_from_slice(b"\r\n");
        writer.write_all(&piece)?;
        length -= size;
    }
    writer.write_all(b"0\r\n\r\n")
}
