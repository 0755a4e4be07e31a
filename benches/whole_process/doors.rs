//! The API Gateway front door beside the Invoke route of the same server.

use crate::machine::Machine;
use crate::server::{Server, free_address};
use crate::statistics::median;
use crate::table::{Figure, say};
use crate::wrk;

const ROUNDS: usize = 5;
const SECONDS: u32 = 3;

/// The same function over both.
pub(crate) fn doors(machine: &Machine) -> Result<Vec<Figure>, String> {
    let mut servers = Vec::new();
    for mtl in machine.versions() {
        let api = free_address()?;
        let port = api.port().to_string();
        let options = ["--api-port", &port, "--tenant-from", "header:X-Amz-Tenant-Id"];
        servers.push((Server::mtl(machine, mtl, &options, &machine.small)?, api));
    }
    let mut times = vec![[Vec::new(), Vec::new()]; servers.len()];
    for _ in 0..ROUNDS {
        for ((server, api), times) in servers.iter().zip(&mut times) {
            for (url, times) in [format!("http://{api}/"), server.url()].iter().zip(times) {
                wrk::run(machine, url, 1, 1)?;
                times.push(wrk::run(machine, url, 1, SECONDS)?.p50);
            }
        }
    }
    let ratio = |[api, invoke]: &[Vec<f64>; 2]| {
        let [api, invoke] = [median(api), median(invoke)];
        say(format_args!("  API {api:.0} us, Invoke {invoke:.0} us"));
        api / invoke
    };
    let ratios: Vec<f64> = times.iter().map(ratio).collect();
    Ok(vec![
        Figure::new("p50 of the API Gateway door / Invoke route", ratios[0])
            .before(ratios.get(1).copied())
            .at_most(1.3),
    ])
}
