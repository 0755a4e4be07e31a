//! What recording metrics takes of a warm invocation, in instructions.

use std::fs;
use std::path::{Path, PathBuf};

use crate::calls::cost_of_a_call;
use crate::machine::{Machine, cargo};
use crate::table::{Figure, say};

/// callgrind counts only within these, by which the warm path records. None calls another.
const RECORDING: [&str; 4] = [
    "--collect-atstart=no",
    "--toggle-collect=*MetricStore::begin*",
    "--toggle-collect=*MetricStore::record*",
    "--toggle-collect=*MetricStore::end*",
];

/// Instructions within the recording over all of a warm invocation.
pub(crate) fn recording(machine: &Machine) -> Result<Vec<Figure>, String> {
    let mtl = with_symbols(machine)?;
    let all = cost_of_a_call(machine, &mtl, &[])?;
    let recording = cost_of_a_call(machine, &mtl, &RECORDING)?;
    say(format_args!("  {recording:.0} of {all:.0} instructions"));
    if recording < 1.0 {
        return Err("nothing is recorded by what `RECORDING` names".to_owned());
    }
    Ok(vec![
        Figure::new("recording metrics, of a warm invocation", recording / all * 100.0)
            .unit(" %")
            .at_most(3.0),
    ])
}

/// `mtl` as it is, linked once more with the names of its functions.
fn with_symbols(machine: &Machine) -> Result<PathBuf, String> {
    let target = machine.mtl.parent().and_then(Path::parent).ok_or("mtl is in no target folder")?;
    let copy = machine.path("mtl-with-symbols");
    let linked = cargo(target, &["rustc", "--bin", "mtl"], &["-C", "strip=none"]);
    let copied = linked.and_then(|()| {
        fs::copy(&machine.mtl, &copy).map_err(|error| format!("mtl can't be copied: {error}"))
    });
    // The other rows measure what is shipped.
    cargo(target, &["build", "--bin", "mtl"], &[])?;
    copied.map(|_| copy)
}
