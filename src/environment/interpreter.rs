//! The interpreters of this machine: which one there is for a language, which version it is, and what
//! it has.

use std::collections::BTreeMap;
use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::system::process::launch::{Launch, interpreter};

/// A language whose handlers are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    /// Python.
    Python,
    /// JavaScript on Node.js.
    Node,
}

/// An interpreter, and what it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Interpreter {
    /// What it is called.
    pub(crate) name: String,
    /// The name that Lambda has for this version of it; empty if it couldn't be asked: then it is not
    /// there, and the first invocation says so.
    pub(crate) version: String,
    /// The path of its program, if it could be asked.
    pub(crate) executable: Option<String>,
    /// Whether AWS's runtime client is among its packages.
    pub(crate) has_official_client: bool,
    /// Whether the debugger of its language is installed.
    pub(crate) has_debugger: bool,
}

/// Interpreters, each asked once: an answer takes as long as a cold start, and all functions of a
/// template wait for it.
#[derive(Debug, Default)]
pub(crate) struct Interpreters {
    asked: BTreeMap<String, Option<Interpreter>>,
}

impl Interpreters {
    /// The interpreter of a runtime's version where this machine has it, otherwise the usual one.
    pub(crate) fn of(&mut self, language: Language, runtime: Option<&str>) -> Interpreter {
        let (usual, own) = match language {
            Language::Python => ("python3", runtime),
            Language::Node => ("node", None),
        };
        let mut names = own.into_iter().chain([usual]);
        let found = names.find_map(|name| self.ask(language, name));
        found.unwrap_or_else(|| Interpreter { name: usual.to_owned(), ..Interpreter::default() })
    }

    fn ask(&mut self, language: Language, name: &str) -> Option<Interpreter> {
        let ask = || match language {
            Language::Python => python(name),
            Language::Node => node(name),
        };
        self.asked.entry(name.to_owned()).or_insert_with(ask).clone()
    }
}

fn python(name: &str) -> Option<Interpreter> {
    let answer = output(Command::new(name).args(["-c", PYTHON_QUESTION]))?;
    let mut lines = answer.lines();
    Some(Interpreter {
        name: name.to_owned(),
        version: lines.next()?.to_owned(),
        has_official_client: lines.next()? == "True",
        has_debugger: lines.next()? == "True",
        executable: program(lines.next()),
    })
}

fn node(name: &str) -> Option<Interpreter> {
    let (version, executable) = if let Some(program) = node_program(name) {
        (output(Command::new(&program).arg("--version"))?, Some(program))
    } else {
        let answer = output(Command::new(name).args(["-p", NODE_QUESTION]))?;
        let mut lines = answer.lines();
        (lines.next()?.to_owned(), program(lines.next()))
    };
    let major = version.trim_start_matches('v').split('.').next()?;
    Some(Interpreter {
        name: name.to_owned(),
        version: format!("nodejs{major}.x"),
        executable,
        has_official_client: false,
        has_debugger: true,
    })
}

/// The path of Node's own program, where that is what the `PATH` leads to. Its version it tells at once; what
/// it is asked in JavaScript takes it as long as a cold start. Version managers put something else there.
fn node_program(name: &str) -> Option<String> {
    let launch = Launch {
        command: vec![name.into()],
        argv0: None,
        variables: vec![("PATH".into(), env::var_os("PATH")?)],
        directory: env::current_dir().ok()?,
    };
    let path = launch.program().ok()?.canonicalize().ok()?;
    let is_own = path.file_name().is_some_and(|own| own == name || own == "nodejs");
    let is_script = interpreter(&path).is_some();
    path.to_str().filter(|_| is_own && !is_script).map(str::to_owned)
}

fn program(path: Option<&str>) -> Option<String> {
    path.filter(|path| Path::new(path).is_file()).map(str::to_owned)
}

/// Node's version and where it is.
const NODE_QUESTION: &str = "process.version + '\\n' + process.execPath";

/// Python's version as Lambda names it, whether the official client and the debugger are there, and where
/// it is.
const PYTHON_QUESTION: &str = "
import importlib.util, sys
has = lambda name: importlib.util.find_spec(name) is not None
answers = ['python%d.%d' % sys.version_info[:2], has('awslambdaric'), has('debugpy'), sys.executable]
print(*answers, sep='\\n')
";

fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
