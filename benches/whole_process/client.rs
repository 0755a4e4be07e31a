//! `mtl invoke`: one call as a whole process, and many as a load generator.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::machine::Machine;
use crate::server::Server;
use crate::statistics::median;
use crate::table::{Figure, say};
use crate::{nginx, wrk};

/// Pairs of calls of curl and `mtl invoke`.
const PAIRS: usize = 60;
/// Calls of the AWS CLI, which takes most of a second.
const SLOW_PAIRS: usize = 7;
const EVENT: &str = r#"{"key":"value"}"#;
/// Calls of the load, and connections.
const REQUESTS: u32 = 50_000;
const CONNECTIONS: u32 = 16;
const LOAD_ROUNDS: usize = 5;

/// One call: `mtl invoke` beside curl and the AWS CLI, in pairs, as whole processes.
pub(crate) fn invoke(machine: &Machine) -> Result<Vec<Figure>, String> {
    let server = Server::mtl(machine, &machine.mtl, &[], &machine.echo)?;
    server.connect()?.invoke("tenant-1", EVENT.as_bytes())?;
    let curl = Machine::program("curl", "Debian's curl")?;
    let versions = machine.versions();
    let (mut curls, mut slower) = (Vec::new(), vec![Vec::new(); versions.len()]);
    for _ in 0..PAIRS {
        let fastest = time(&mut curl_command(&curl, &server))?;
        curls.push(fastest);
        for (mtl, slower) in versions.iter().zip(&mut slower) {
            slower.push(time(&mut invoke_command(mtl, &server))? - fastest);
        }
    }
    let slower: Vec<f64> = slower.iter().map(|it| median(it)).collect();
    say(format_args!("  curl {:.1} ms", median(&curls)));
    let in_pairs = Figure::new("one call of `mtl invoke` - curl", slower[0])
        .unit(" ms")
        .before(slower.get(1).copied())
        .at_most(3.0);
    let name = "`mtl invoke` / AWS CLI";
    let ratio = |mtl| beside_aws(machine, mtl, &server);
    let before = machine.base.as_deref().and_then(|base| ratio(base).ok());
    let with_aws = Figure::measured(name, ratio(&machine.mtl)).before(before).at_most(1.0 / 30.0);
    Ok(vec![in_pairs, with_aws])
}

fn beside_aws(machine: &Machine, mtl: &Path, server: &Server) -> Result<f64, String> {
    let aws = Machine::program("aws", "`pip install awscli`")?;
    // Version 1 takes a payload on the command line as it stands, version 2 as base64.
    let event = machine.path("event.json");
    fs::write(&event, EVENT).map_err(|error| error.to_string())?;
    let (mut fast, mut slow) = (Vec::new(), Vec::new());
    for _ in 0..SLOW_PAIRS {
        fast.push(time(&mut invoke_command(mtl, server))?);
        slow.push(time(&mut aws_command(&aws, server, &event))?);
    }
    say(format_args!(
        "  AWS CLI {:.0} ms, {} {:.1} ms",
        median(&slow),
        mtl.display(),
        median(&fast)
    ));
    Ok(median(&fast) / median(&slow))
}

fn curl_command(curl: &Path, server: &Server) -> Command {
    let mut command = Command::new(curl);
    command.args(["-sS", "--fail", "-H", "X-Amz-Tenant-Id: tenant-1", "-d", EVENT]);
    command.arg(server.url());
    command
}

fn invoke_command(mtl: &Path, server: &Server) -> Command {
    let mut command = Command::new(mtl);
    command.args(["invoke", "--tenant-id", "tenant-1", "-p", EVENT, "--endpoint"]);
    command.arg(format!("http://{}", server.address));
    command
}

fn aws_command(aws: &Path, server: &Server, event: &Path) -> Command {
    let mut command = Command::new(aws);
    command.args(["lambda", "invoke", "--function-name", "function", "--tenant-id", "tenant-1"]);
    command.args(["--region", "us-east-1", "--endpoint-url"]);
    command.arg(format!("http://{}", server.address)).arg("/dev/null");
    command.arg("--payload").arg(format!("fileb://{}", event.display()));
    command.env("AWS_ACCESS_KEY_ID", "none").env("AWS_SECRET_ACCESS_KEY", "none");
    command
}

/// Milliseconds of a process that must succeed.
fn time(command: &mut Command) -> Result<f64, String> {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let start = Instant::now();
    let output = command.output().map_err(|error| error.to_string())?;
    let time = start.elapsed().as_secs_f64() * 1_000.0;
    let program = command.get_program().display();
    if output.status.success() {
        Ok(time)
    } else {
        Err(format!("{program} failed: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}

/// Many calls: the rate of `mtl invoke`, with its report of each tenant, beside wrk's.
pub(crate) fn load(machine: &Machine) -> Result<Vec<Figure>, String> {
    let server = nginx::constant(machine)?;
    let versions = machine.versions();
    let (mut wrks, mut rates) = (Vec::new(), vec![Vec::new(); versions.len()]);
    for _ in 0..LOAD_ROUNDS {
        wrks.push(wrk::run_threads(machine, &server.url(), CONNECTIONS, "-t2 -d3s")?.rate);
        for (mtl, rates) in versions.iter().zip(&mut rates) {
            let mut command = invoke_command(mtl, &server);
            command.args(["-n", &REQUESTS.to_string(), "-c", &CONNECTIONS.to_string()]);
            rates.push(f64::from(REQUESTS) / time(&mut command)? * 1_000.0);
        }
    }
    let rates: Vec<f64> = rates.iter().map(|it| median(it)).collect();
    let wrk = median(&wrks);
    say(format_args!("  wrk {wrk:.0}/s, mtl invoke {:.0}/s", rates[0]));
    Ok(vec![
        Figure::new("rate of `mtl invoke -n -c 16` / wrk", rates[0] / wrk)
            .before(rates.get(1).map(|rate| rate / wrk))
            .at_least(0.5),
    ])
}
