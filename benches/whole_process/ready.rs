//! How long a developer waits: until `mtl serve` answers, and from a save to the new answer.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::machine::Machine;
use crate::server::{Server, free_address};
use crate::statistics::{median, quantile};
use crate::table::{Figure, say};

const STARTS: usize = 20;
const SAVES: usize = 30;
/// How long a new answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A language: its interpreter, the file of the handler, and what the file says.
struct Language {
    name: &'static str,
    program: &'static str,
    file: &'static str,
    /// Prints where the interpreter itself is, which a version manager's script on `PATH` hides.
    locate: [&'static str; 2],
    code: fn(usize) -> String,
}

const LANGUAGES: [Language; 2] = [
    Language {
        name: "Python",
        program: "python3",
        file: "app.py",
        locate: ["-c", "import sys; print(sys.executable)"],
        code: |number| format!("def handler(event, context):\n    return {number}\n"),
    },
    Language {
        name: "Node.js",
        program: "node",
        file: "app.mjs",
        locate: ["-p", "process.execPath"],
        code: |number| format!("export const handler = async (event) => {number};\n"),
    },
];

/// From the start of `mtl serve` to its first answer.
pub(crate) fn ready(machine: &Machine) -> Result<Vec<Figure>, String> {
    let versions = machine.versions();
    let mut times = vec![Vec::new(); versions.len()];
    for _ in 0..STARTS {
        for (mtl, times) in versions.iter().zip(&mut times) {
            let start = Instant::now();
            let server = Server::mtl(machine, mtl, &[], &machine.small)?;
            // Any answer will do: it says that the server serves.
            let _ = server.connect()?.post("/", "", b"");
            times.push(start.elapsed().as_secs_f64() * 1_000.0);
        }
    }
    let times: Vec<f64> = times.iter().map(|it| median(it)).collect();
    Ok(vec![
        Figure::new("`serve` to ready", times[0])
            .unit(" ms")
            .before(times.get(1).copied())
            .at_most(100.0),
    ])
}

/// From a save of a handler to its new answer.
pub(crate) fn reload(machine: &Machine) -> Result<Vec<Figure>, String> {
    let mut figures = Vec::new();
    for language in &LANGUAGES {
        let folder = machine.path(language.name);
        fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let now = saves(machine, &machine.mtl, language, &folder);
        let before = machine.base.as_deref();
        let before = before.and_then(|it| saves(machine, it, language, &folder).ok());
        let name = format!("a save to the new answer, {}, p95", language.name);
        figures.push(Figure::measured(name, now).unit(" ms").before(before).at_most(300.0));
    }
    Ok(figures)
}

/// Milliseconds that 95 of 100 saves don't exceed.
fn saves(machine: &Machine, mtl: &Path, language: &Language, folder: &Path) -> Result<f64, String> {
    let file = folder.join(language.file);
    let save = |number| fs::write(&file, (language.code)(number)).map_err(|it| it.to_string());
    save(0)?;
    let address = free_address()?;
    let mut command = Command::new(mtl);
    command.args(["serve", "--watch", "--handler", "app.handler", "--port"]);
    command.arg(address.port().to_string()).current_dir(folder);
    command.env("PATH", path_with(&interpreter(language)?));
    let server = Server::start(machine, &mut command, address)?;
    let mut connection = server.connect()?;
    connection.invoke("tenant-1", b"{}")?;
    let mut times = Vec::new();
    for number in 1..=SAVES {
        let start = Instant::now();
        save(number)?;
        let answer = number.to_string().into_bytes();
        while connection.invoke("tenant-1", b"{}")? != answer {
            if start.elapsed() > PATIENCE {
                return Err(format!("no new answer within {} s", PATIENCE.as_secs()));
            }
        }
        times.push(start.elapsed().as_secs_f64() * 1_000.0);
    }
    say(format_args!("  {}: p50 {:.0} ms with {}", language.name, median(&times), mtl.display()));
    Ok(quantile(&times, 95))
}

fn interpreter(language: &Language) -> Result<PathBuf, String> {
    let program = Machine::program(language.program, language.name)?;
    let output = Command::new(program).args(language.locate).output();
    let output = output.map_err(|error| error.to_string())?;
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

/// `PATH` with the interpreter's folder first.
fn path_with(interpreter: &Path) -> std::ffi::OsString {
    let mut path = interpreter.parent().unwrap_or(interpreter).as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
}
