//! The floor that `mtl` is measured against: a bare relay between callers and one function process
//! per tenant. It speaks only what an echo needs of HTTP, the Invoke API and the Runtime API
//! (`/next` and `/response`), with blocking sockets and a thread for each connection. It has no
//! limits, time-outs, logs, metrics or errors, and must not get any: it shows what the function and
//! three small HTTP exchanges cost, and nothing else.
//!
//! No thread hands anything to another one. A caller's thread writes the event to the socket on
//! which the runtime waits, and goes back to reading. The runtime's thread lets the runtime go on
//! first, so that it asks for the next event meanwhile, and then writes the answer to the caller's
//! socket.
//!
//! Usage: `floor ADDRESS COMMAND [ARGUMENT...]`.

use std::collections::HashMap;
use std::env;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// Far enough in the future for every runtime: the year 2100, in milliseconds.
const DEADLINE_MS: u64 = 4_102_444_800_000;

/// A request as far as the relay reads it.
struct Request {
    path: String,
    tenant: String,
    body: Vec<u8>,
}

/// The environment of one tenant.
#[derive(Default)]
struct Environment {
    state: Mutex<State>,
    free: Condvar,
}

#[derive(Default)]
struct State {
    /// The runtime's connection, while it waits for an event.
    polling: Option<Arc<TcpStream>>,
    /// Who waits for the answer.
    caller: Option<Arc<TcpStream>>,
    invocations: u64,
}

fn main() -> io::Result<()> {
    let address = env::args().nth(1).ok_or(io::ErrorKind::InvalidInput)?;
    let command: Arc<[String]> = env::args().skip(2).collect();
    let listener = TcpListener::bind(address)?;
    let environments = Arc::new(Mutex::new(HashMap::new()));
    for stream in listener.incoming() {
        let (stream, environments, command) = (stream?, environments.clone(), command.clone());
        thread::spawn(move || serve_caller(stream, &environments, &command));
    }
    Ok(())
}

fn serve_caller(
    stream: TcpStream,
    environments: &Mutex<HashMap<String, Arc<Environment>>>,
    command: &[String],
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let stream = Arc::new(stream);
    let mut reader = BufReader::new(&*stream);
    while let Some(request) = read_request(&mut reader)? {
        let environment = {
            let mut environments = environments.lock().expect("no thread panics with it");
            if let Some(environment) = environments.get(&request.tenant) {
                Arc::clone(environment)
            } else {
                let environment = start_environment(command)?;
                environments.insert(request.tenant.clone(), Arc::clone(&environment));
                environment
            }
        };
        environment.invoke(&request, &stream)?;
    }
    Ok(())
}

fn start_environment(command: &[String]) -> io::Result<Arc<Environment>> {
    let environment = Arc::new(Environment::default());
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    Command::new(program)
        .args(arguments)
        .env("AWS_LAMBDA_RUNTIME_API", address)
        .env("AWS_LAMBDA_FUNCTION_NAME", "floor")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/floor")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "floor")
        .spawn()?;
    let runtime = Arc::clone(&environment);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let runtime = Arc::clone(&runtime);
            thread::spawn(move || serve_runtime(stream, &runtime));
        }
    });
    Ok(environment)
}

impl Environment {
    /// Waits until the runtime waits, and gives it the event.
    fn invoke(&self, request: &Request, caller: &Arc<TcpStream>) -> io::Result<()> {
        let mut state = self.state.lock().expect("no thread panics with it");
        let runtime = loop {
            match state.polling.take() {
                Some(runtime) => break runtime,
                None => state = self.free.wait(state).expect("no thread panics with it"),
            }
        };
        state.caller = Some(Arc::clone(caller));
        state.invocations += 1;
        let mut event = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
             lambda-runtime-aws-request-id: 00000000-0000-4000-8000-{:012x}\r\n\
             lambda-runtime-deadline-ms: {DEADLINE_MS}\r\n\
             lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:123456789012:function:floor\r\n\
             lambda-runtime-trace-id: Root=1-00000000-000000000000000000000000\r\n\
             lambda-runtime-aws-tenant-id: {}\r\ncontent-length: {}\r\n\r\n",
            state.invocations,
            request.tenant,
            request.body.len(),
        )
        .into_bytes();
        drop(state);
        event.extend_from_slice(&request.body);
        (&*runtime).write_all(&event)
    }
}

fn serve_runtime(stream: TcpStream, environment: &Environment) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let stream = Arc::new(stream);
    let mut reader = BufReader::new(&*stream);
    while let Some(request) = read_request(&mut reader)? {
        let mut state = environment.state.lock().expect("no thread panics with it");
        if request.path.ends_with("/next") {
            state.polling = Some(Arc::clone(&stream));
            environment.free.notify_one();
            continue;
        }
        let caller = state.caller.take();
        drop(state);
        (&*stream).write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")?;
        if let Some(caller) = caller {
            let mut answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                request.body.len(),
            )
            .into_bytes();
            answer.extend_from_slice(&request.body);
            (&*caller).write_all(&answer)?;
        }
    }
    Ok(())
}

/// `None` when the connection is closed between two requests.
fn read_request(reader: &mut BufReader<&TcpStream>) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut length, mut tenant) = (0, String::new());
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or(0);
        } else if name.eq_ignore_ascii_case("x-amz-tenant-id") {
            value.trim().clone_into(&mut tenant);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(Request { path, tenant, body }))
}
