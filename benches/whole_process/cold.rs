//! A cold invocation beside the start of the bare function process.

use std::io::Read as _;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::kinds::Kind;
use crate::machine::Machine;
use crate::server::Server;
use crate::statistics::median;
use crate::table::{Figure, say};

const ROUNDS: usize = 100;

/// The servers whose cold invocations are measured.
const KINDS: [Kind; 3] = [Kind::Mtl, Kind::Base, Kind::Floor];

/// Cold invocations of the function on the official runtime, and its bare starts, in turn.
pub(crate) fn cold(machine: &Machine) -> Result<Vec<Figure>, String> {
    let mut servers: Vec<(Kind, Server)> = Vec::new();
    for kind in KINDS {
        match kind.start(machine) {
            Ok(server) => servers.push((kind, server)),
            Err(reason) => say(format_args!("  {} skipped: {reason}", kind.name())),
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|it| it.to_string())?;
    let address = listener.local_addr().map_err(|it| it.to_string())?;
    let (mut bare, mut cold) = (Vec::new(), vec![Vec::new(); servers.len()]);
    for round in 0..ROUNDS {
        bare.push(bare_start(&machine.echo, &listener, address)?);
        for ((_, server), times) in servers.iter().zip(&mut cold) {
            times.push(cold_call(server, &format!("tenant-{round}"))?);
        }
    }
    let bare = median(&bare);
    say(format_args!("  {:<20} {bare:.2} ms from exec to /next", "the bare function"));
    let mut ratio_of = |wanted: Kind| {
        let index = servers.iter().position(|(kind, _)| *kind == wanted)?;
        let time = median(&cold[index]);
        let ratio = time / bare;
        say(format_args!("  {:<20} {time:.2} ms ({ratio:.2} x bare)", wanted.name()));
        Some(ratio)
    };
    let [now, before, _] = KINDS.map(&mut ratio_of);
    let now = now.ok_or_else(|| "mtl didn't start".to_owned());
    Ok(vec![
        Figure::measured("cold invocation / bare function to /next", now)
            .before(before)
            .at_most(1.15),
    ])
}

/// Milliseconds of a call for a new tenant, on a connection that is there before.
fn cold_call(server: &Server, tenant: &str) -> Result<f64, String> {
    let mut connection = server.connect()?;
    let start = Instant::now();
    connection.invoke(tenant, b"{}")?;
    Ok(start.elapsed().as_secs_f64() * 1_000.0)
}

/// Milliseconds from the start of the function's process to its first request to the Runtime API.
fn bare_start(function: &Path, listener: &TcpListener, address: SocketAddr) -> Result<f64, String> {
    let mut command = Command::new(function);
    command.env("AWS_LAMBDA_RUNTIME_API", address.to_string());
    command.env("AWS_LAMBDA_FUNCTION_NAME", "function");
    command.env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
    command.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let requested = listener.accept().and_then(|(mut stream, _)| stream.read(&mut [0; 4096]));
    let time = start.elapsed();
    let _ = child.kill();
    let _ = child.wait();
    match requested {
        Ok(0) | Err(_) => Err("the bare function asked for nothing".to_owned()),
        Ok(_) => Ok(time.as_secs_f64() * 1_000.0),
    }
}
