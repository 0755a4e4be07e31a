//! Metrics of many tenants, as a program asks for them.

use std::path::Path;
use std::time::{Instant, SystemTime};

use serde_json::{Value, json};

use crate::machine::Machine;
use crate::many::call_each;
use crate::server::Server;
use crate::statistics::median;
use crate::table::Figure;

const TENANTS: usize = 10_000;
/// Of a call, as many as CloudWatch takes.
const QUERIES: usize = 500;
const ROUNDS: usize = 5;
const TARGET: &str = "X-Amz-Target: GraniteServiceVersion20100801.GetMetricData\r\n\
                      Content-Type: application/x-amz-json-1.0\r\n";

/// `GetMetricData` of one metric of 10,000 tenants.
pub(crate) fn metrics(machine: &Machine) -> Result<Vec<Figure>, String> {
    let mut times = Vec::new();
    for mtl in machine.versions() {
        times.push(ask_for_all(machine, mtl)?);
    }
    Ok(vec![
        Figure::new("GetMetricData for 10,000 tenants in 20 calls", times[0])
            .unit(" ms")
            .before(times.get(1).copied())
            .at_most(200.0),
    ])
}

/// Milliseconds of all calls.
fn ask_for_all(machine: &Machine, mtl: &Path) -> Result<f64, String> {
    let server = Server::mtl(machine, mtl, &["--idle-timeout", "1s"], &machine.small)?;
    call_each(server.address, 0..TENANTS)?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.map_err(|error| error.to_string())?.as_secs();
    let requests: Vec<String> =
        (0..TENANTS / QUERIES).map(|part| request(part * QUERIES, now)).collect();
    let mut connection = server.connect()?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let mut answers = Vec::new();
        let start = Instant::now();
        for request in &requests {
            answers.push(connection.post("/", TARGET, request.as_bytes())?);
        }
        times.push(start.elapsed().as_secs_f64() * 1_000.0);
        let points: usize = answers.iter().map(|answer| count_points(answer)).sum();
        if points < TENANTS {
            return Err(format!("only {points} tenants have a value"));
        }
    }
    Ok(median(&times))
}

fn request(first: usize, now: u64) -> String {
    let query = |number: usize| {
        let dimensions = json!([
            { "Name": "FunctionName", "Value": "function" },
            { "Name": "TenantId", "Value": format!("tenant-{number}") },
        ]);
        let metric = json!({ "Namespace": "AWS/Lambda", "MetricName": "Invocations", "Dimensions": dimensions });
        let stat = json!({ "Metric": metric, "Period": 3600, "Stat": "Sum" });
        json!({ "Id": format!("q{number}"), "MetricStat": stat })
    };
    let queries: Vec<Value> = (first..first + QUERIES).map(query).collect();
    let hour = 3600;
    let (start, end) = ((now / hour - 1) * hour, (now / hour + 1) * hour);
    json!({ "StartTime": start, "EndTime": end, "MetricDataQueries": queries }).to_string()
}

/// Queries that have a value.
fn count_points(answer: &[u8]) -> usize {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let results = answer["MetricDataResults"].as_array().map(Vec::as_slice).unwrap_or_default();
    results.iter().filter(|result| result["Values"][0].is_number()).count()
}
