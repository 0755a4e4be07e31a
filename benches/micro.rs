//! The parts of one warm invocation, each measured by itself: `cargo bench --bench micro`.
//!
//! With `CALLS=1000` in its environment each of them runs so many times, and nothing is measured:
//! `valgrind --tool=callgrind` counts the instructions then, and the difference between two such runs
//! is free of what comes before.

#[cfg(feature = "benchmarks")]
fn main() {
    measured::main();
}

/// What is measured is private without the feature, so this has `cargo bench` build it with the feature.
#[cfg(not(feature = "benchmarks"))]
fn main() -> std::io::Result<std::process::ExitCode> {
    use std::process::{Command, ExitCode};

    let (modes, given): (Vec<_>, Vec<_>) =
        std::env::args_os().skip(1).partition(|argument| argument == "--bench");
    if modes.is_empty() {
        // `cargo test --benches` only wants to know that it builds.
        return Ok(ExitCode::SUCCESS);
    }
    let arguments = ["bench", "--features", "benchmarks", "--bench", "micro", "--"];
    let status = Command::new(env!("CARGO")).args(arguments).args(given).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(feature = "benchmarks")]
mod measured {
    use std::env;

    use criterion::Criterion;
    use mtl::benchmarks::{ALL, Benchmark};

    pub(super) fn main() {
        if let Some(calls) = env::var("CALLS").ok().and_then(|calls| calls.parse().ok()) {
            return call(calls, env::args().nth(1).as_deref());
        }
        let mut criterion = Criterion::default().configure_from_args();
        for Benchmark { name, prepare } in ALL.iter().copied() {
            // Made ready only if it is measured: the arguments may name others.
            let mut run = None;
            criterion.bench_function(name, |bencher| {
                bencher.iter(run.get_or_insert_with(prepare));
            });
        }
        criterion.final_summary();
    }

    /// Runs each benchmark that has this in its name so many times.
    fn call(calls: usize, name: Option<&str>) {
        for Benchmark { prepare, .. } in
            ALL.iter().filter(|benchmark| name.is_none_or(|name| benchmark.name.contains(name)))
        {
            let mut run = prepare();
            for _ in 0..calls {
                run();
            }
        }
    }
}
