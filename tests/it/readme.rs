//! The README's blocks that are marked `console`, run as they stand: a line that begins with `$` is
//! a command, the lines below it are what it prints. Each block has a folder of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use crate::function::mtl;
use crate::server::without_settings;
use crate::wait::DEADLINE;

/// Commands that aren't mtl's.
const OTHERS: [&str; 4] = ["aws", "curl", "sam", "unzip"];

/// What a test can't do, and why.
const NOT_RUN: [(&str, &str); 4] = [
    ("--remote", "it needs an account of AWS"),
    ("metrics --watch", "it never ends"),
    ("--inspect", "it needs the debugger of Python"),
    ("-cp …", "it is a part of a command"),
];

/// What is made smaller, so that it takes no time and no port that may be another's.
const SMALLER: [(&str, &str); 3] = [
    ("-n 1000 -c 20 --tenants 50", "-n 20 -c 4 --tenants 5"),
    ("--duration 10s", "--duration 1s"),
    ("--port 7001", "--port 0"),
];

/// The programs that the README takes for granted, and those of which only the name counts here.
const PROGRAMS: [&str; 7] = [
    "my-extension",
    "my-function",
    "target/debug/my-function",
    "programs/cargo",
    "programs/pytest",
    "programs/python3",
    "programs/swift",
];

/// A command of a block, and what is below it.
#[derive(Debug)]
struct Step {
    command: String,
    output: Vec<String>,
}

fn readme() -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    fs::read_to_string(readme).expect("there is a README")
}

/// The first block of the README that is marked `yaml`.
fn template() -> String {
    let readme = readme();
    let (_, block) = readme.split_once("```yaml\n").expect("there is a template");
    let (block, _) = block.split_once("```").expect("a block ends");
    block.to_owned()
}

/// The blocks of the README, each with the number of its first line.
fn blocks() -> Vec<(usize, Vec<Step>)> {
    let mut blocks: Vec<(usize, Vec<Step>)> = Vec::new();
    let mut inside = false;
    for (number, line) in readme().lines().enumerate() {
        if line.starts_with("```") {
            inside = line == "```console";
            if inside {
                blocks.push((number + 2, Vec::new()));
            }
        } else if let (true, Some((_, steps))) = (inside, blocks.last_mut()) {
            match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => steps.push(step(command)),
                (None, Some(step)) => step.output.push(line.to_owned()),
                (None, None) => panic!("README.md:{}: no command before `{line}`", number + 1),
            }
        }
    }
    blocks
}

/// A comment stands apart from its command by two spaces at least.
fn step(line: &str) -> Step {
    let command = line.split_once("  # ").map_or(line, |(command, _)| command);
    let command = command.split_once("   # ").map_or(command, |(command, _)| command).trim();
    Step { command: command.to_owned(), output: Vec::new() }
}

/// A folder with what a block's commands need, and the server that runs in it.
struct Place {
    folder: TempDir,
    server: Option<Child>,
}

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().expect("the system has room for a folder");
        fs::create_dir(folder.path().join("src")).expect("there is room");
        let place = Self { folder, server: None };
        place.write("app.py", "def handler(event, context):\n    return 1\n");
        for program in PROGRAMS {
            place.program(program);
        }
        place
    }

    /// A program that does nothing.
    fn program(&self, name: &str) {
        self.write(name, "#!/bin/sh\nexit 0\n");
        let path = self.folder.path().join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it is in the folder")).expect("there is room");
        fs::write(path, text).expect("a file can be written");
    }

    /// The template of the README, where `sam` and `cdk` leave theirs, and its function.
    fn template(&self) {
        let parameter = "\nParameters:\n  Stage: { Type: String }\n";
        let template = template().replace("\nResources:", &format!("{parameter}\nResources:"));
        self.write("template.yaml", &template);
        self.write("cdk.out/Stack.template.json", &template);
        self.program("bootstrap");
        self.program("cdk.out/bootstrap");
    }

    fn shell(&self, command: &str) -> Command {
        let folder = self.folder.path();
        let programs = Path::new(mtl()).parent().expect("a file is in a folder");
        let path = std::env::var("PATH").expect("there is a PATH");
        let path = format!("{}/programs:{}:{path}", folder.display(), programs.display());
        let mut shell = Command::new("sh");
        without_settings(&mut shell);
        shell.args(["-c", command]).current_dir(folder).process_group(0);
        shell.env("PATH", path).env("XDG_RUNTIME_DIR", folder).env("NO_COLOR", "1");
        shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        shell
    }

    /// Starts a server instead of the one that runs, and waits until it is ready.
    fn serve(&mut self, command: &str) {
        self.stop();
        let said = self.folder.path().join("stderr");
        let mut shell = self.shell(command);
        let file = fs::File::create(&said).expect("a file can be made");
        shell.stderr(file).stdout(Stdio::null());
        self.server = Some(shell.spawn().expect("there is a shell"));
        let start = Instant::now();
        let text = || fs::read_to_string(&said).unwrap_or_default();
        while !text().contains("mtl: ready") {
            let ended = self.server.as_mut().and_then(|server| server.try_wait().ok().flatten());
            assert!(ended.is_none(), "`{command}` ended ({ended:?}): {}", text());
            assert!(start.elapsed() < DEADLINE, "`{command}` isn't ready: {}", text());
            std::thread::yield_now();
        }
    }

    fn run(&self, command: &str) -> Output {
        self.shell(command).output().expect("there is a shell")
    }

    fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            // It may have ended already. The watchdog ends what the server leaves.
            let _ = kill_process_group(Pid::from_child(&server), Signal::KILL);
            let _ = server.wait();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The README shows one run, and another has other times and figures.
fn normal(line: &str) -> String {
    let mut normal = String::new();
    for word in line.split_whitespace() {
        normal += if normal.is_empty() { "" } else { " " };
        normal += &without_fractions(word);
    }
    normal
}

/// A number with a fraction, and a plot, as a sign.
fn without_fractions(word: &str) -> String {
    if word.chars().all(|bar| ('▁'..='█').contains(&bar)) {
        return "[plot]".to_owned();
    }
    let parts = word.split_inclusive(|next: char| next != '.' && !next.is_ascii_digit());
    let parts = parts.map(|part| {
        let number = part.trim_end_matches(|last: char| last != '.' && !last.is_ascii_digit());
        let is_fraction = number.contains('.') && number.parse::<f64>().is_ok();
        if is_fraction { part.replace(number, "[number]") } else { part.to_owned() }
    });
    parts.collect()
}

/// Runs a command, if a test can.
fn run(place: &mut Place, step: &Step, line: usize) {
    let name = step.command.split(' ').find(|word| !word.contains('=')).unwrap_or_default();
    if OTHERS.contains(&name) || NOT_RUN.iter().any(|(part, _)| step.command.contains(part)) {
        return;
    }
    assert_eq!(name, "mtl", "README.md:{line}: name this program in OTHERS");
    let mut command = step.command.clone();
    for (large, small) in SMALLER {
        command = command.replace(large, small);
    }
    if command.contains("mtl serve") && !command.contains("--run ") {
        return place.serve(&command);
    }
    if place.server.is_none() && !command.contains("mtl serve") {
        the_traffic_of_the_readme(place);
    }
    let output = place.run(&command);
    let stdout = String::from_utf8(output.stdout).expect("stdout is text");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "README.md:{line}: `{command}`: {stdout}{stderr}");
    if !step.output.is_empty() {
        let told: Vec<_> = step.output.iter().map(|line| normal(line)).collect();
        let printed: Vec<_> = stdout.lines().map(normal).collect();
        assert_eq!(printed, told, "README.md:{line}: `{command}`");
    }
}

/// What its tables show: three invocations of one tenant, and one of another.
fn the_traffic_of_the_readme(place: &mut Place) {
    place.serve("mtl serve");
    for tenant in ["alice", "alice", "alice", "bob"] {
        let output = place.run(&format!("mtl invoke --tenant-id {tenant}"));
        assert!(output.status.success(), "{output:?}");
    }
}

#[test]
fn the_commands_of_the_readme_do_what_it_says() {
    let blocks = blocks();
    assert!(blocks.len() > 10, "no blocks found");
    for (line, steps) in blocks {
        let mut place = Place::new();
        if steps.iter().any(|step| step.command.contains("--template")) {
            place.template();
        }
        for step in &steps {
            run(&mut place, step, line);
        }
    }
}

#[test]
fn figures_and_plots_differ_from_run_to_run() {
    let line = r#"alice   3  0%  1.09 ▁█ {"a":"1705320000.123456","b":[2.5]} 1.2.3"#;
    let expected = r#"alice 3 0% [number] [plot] {"a":"[number]","b":[[number]]} 1.2.3"#;
    assert_eq!(normal(line), expected);
}
