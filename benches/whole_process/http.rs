//! A blocking HTTP client on one connection that is kept, for calls that are counted or timed one
//! by one, and for large bodies. It knows only what the servers under test answer.

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// No call of the benchmark takes as long.
const PATIENCE: Duration = Duration::from_mins(1);

/// A connection to a server.
pub(crate) struct Connection {
    reader: BufReader<TcpStream>,
}

/// How long a body is.
enum Length {
    Known(u64),
    Chunked,
}

impl Connection {
    /// Connects.
    pub(crate) fn open(address: SocketAddr) -> Result<Self, String> {
        let open = || {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            Ok(Self { reader: BufReader::with_capacity(64 * 1024, stream) })
        };
        open().map_err(|error: io::Error| format!("can't connect to {address}: {error}"))
    }

    /// Invokes the function for a tenant and gives its answer.
    pub(crate) fn invoke(&mut self, tenant: &str, event: &[u8]) -> Result<Vec<u8>, String> {
        let path = "/2015-03-31/functions/function/invocations";
        self.post(path, &format!("X-Amz-Tenant-Id: {tenant}\r\n"), event)
    }

    /// Posts with further headers, each with its end of line; an answer that is no 2xx is an error.
    pub(crate) fn post(
        &mut self,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> Result<Vec<u8>, String> {
        let mut answer = Vec::new();
        let exchanged = self.exchange(path, headers, body, &mut answer);
        let text = String::from_utf8_lossy(&answer);
        exchanged.map_err(|error| format!("{error} {text}"))?;
        Ok(answer)
    }

    /// Posts and writes the answer away as it comes.
    pub(crate) fn exchange(
        &mut self,
        path: &str,
        headers: &str,
        body: &[u8],
        answer: &mut impl Write,
    ) -> Result<(), String> {
        let status = self.try_exchange(path, headers, body, answer);
        match status.map_err(|error| format!("{path}: {error}"))? {
            200..=299 => Ok(()),
            status => Err(format!("{path}: status {status}")),
        }
    }

    fn try_exchange(
        &mut self,
        path: &str,
        headers: &str,
        body: &[u8],
        answer: &mut impl Write,
    ) -> io::Result<u16> {
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.reader.get_mut().write_all(&request)?;
        let status = self.line()?.split(' ').nth(1).and_then(|it| it.parse().ok());
        let status = status.ok_or(io::ErrorKind::InvalidData)?;
        match self.read_headers()? {
            Length::Known(length) => self.copy(length, answer)?,
            Length::Chunked => self.copy_chunks(answer)?,
        }
        Ok(status)
    }

    fn read_headers(&mut self) -> io::Result<Length> {
        let mut length = Length::Known(0);
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { return Ok(length) };
            if name.eq_ignore_ascii_case("content-length") {
                length = Length::Known(value.trim().parse().map_err(io::Error::other)?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                length = Length::Chunked;
            }
        }
    }

    fn copy_chunks(&mut self, answer: &mut impl Write) -> io::Result<()> {
        loop {
            let size = u64::from_str_radix(&self.line()?, 16).map_err(io::Error::other)?;
            self.copy(size, answer)?;
            self.line()?;
            if size == 0 {
                return Ok(());
            }
        }
    }

    fn copy(&mut self, length: u64, answer: &mut impl Write) -> io::Result<()> {
        let copied = io::copy(&mut self.reader.by_ref().take(length), answer)?;
        if copied < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}
