//! What runs a handler of Python or Node.js: which language it is in, which interpreter and which
//! runtime client, the official one where it is installed and mtl's own otherwise.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use thiserror::Error;

/// A language whose handlers are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    /// Python.
    Python,
    /// JavaScript on Node.js.
    Node,
}

/// Whose runtime client it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// AWS's, where it is installed.
    Official,
    /// mtl's.
    Own,
}

/// What runs a handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RuntimeClient {
    language: Language,
    interpreter: String,
    /// Where that is, if it could be asked.
    executable: Option<String>,
    origin: Origin,
    handler: String,
    /// The runtime that Lambda would have for it, such as `python3.12`.
    runtime: String,
    /// The runtime that the interpreter is of, if it could be asked.
    version: String,
    has_debugger: bool,
}

/// Why there is nothing to run a handler with.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum HandlerError {
    /// It names no function.
    #[error("`{0}` is no handler: it is a file without its ending, a dot and a function")]
    Malformed(String),
    /// There is no such file.
    #[error("found no {0}.py, {0}.mjs, {0}.js or {0}.cjs in this folder")]
    NoFile(String),
    /// There are several.
    #[error("found {0}.py and a file of Node.js of that name in this folder")]
    Ambiguous(String),
    /// No handlers of this runtime can be run.
    #[error("`{0}` is no runtime that mtl has handlers for: those are python… and nodejs…")]
    Runtime(String),
}

impl Language {
    /// A command of an interpreter, under a debugger that listens there.
    #[must_use]
    pub(crate) fn debugged(self, command: &[OsString], address: SocketAddr) -> Vec<OsString> {
        let debugger: Vec<OsString> = match self {
            Self::Node => vec![format!("--inspect={address}").into()],
            // Frozen modules would make it miss breakpoints, which it says at length.
            Self::Python => ["-X", "frozen_modules=off", "-m", "debugpy", "--listen"]
                .map(OsString::from)
                .into_iter()
                .chain([address.to_string().into()])
                .collect(),
        };
        let options = command.iter().skip(1).take_while(|word| *word == UNBUFFERED).count();
        let (interpreter, rest) = command.split_at(command.len().min(1 + options));
        [interpreter, &debugger, rest].concat()
    }

    fn from_runtime(runtime: &str) -> Option<Self> {
        let languages = [("python", Self::Python), ("nodejs", Self::Node)];
        languages.into_iter().find(|(name, _)| runtime.starts_with(name)).map(|(_, it)| it)
    }

    /// What the file of a handler is called, and what is in it.
    fn client(self) -> (&'static str, &'static str) {
        match self {
            Self::Python => ("runtime_client.py", include_str!("runtime_client/python.py")),
            Self::Node => ("runtime_client.mjs", include_str!("runtime_client/node.mjs")),
        }
    }
}

impl RuntimeClient {
    /// What runs this handler of a folder, in this runtime or in that of its file.
    ///
    /// # Errors
    ///
    /// When it names no function, or its language can't be told.
    pub(crate) fn find(
        handler: &str,
        runtime: Option<&str>,
        folder: &Path,
    ) -> Result<Self, HandlerError> {
        if !is_handler(handler) {
            return Err(HandlerError::Malformed(handler.to_owned()));
        }
        let language = match runtime {
            Some(runtime) => Language::from_runtime(runtime)
                .ok_or_else(|| HandlerError::Runtime(runtime.to_owned()))?,
            None => language_of(handler, folder)?,
        };
        let interpreter = interpreter(language, runtime);
        let Installed { version, executable, official, debugger } =
            installed(language, &interpreter, folder).unwrap_or_default();
        let runtime = match runtime {
            Some(runtime) if runtime.ends_with(|last: char| last.is_alphanumeric()) => {
                runtime.to_owned()
            }
            _ => version.clone(),
        };
        Ok(Self {
            language,
            interpreter,
            executable,
            origin: if official { Origin::Official } else { Origin::Own },
            handler: handler.to_owned(),
            runtime,
            version,
            has_debugger: debugger,
        })
    }

    /// The handler.
    #[must_use]
    pub(crate) fn handler(&self) -> &str {
        &self.handler
    }

    /// The language of the handler.
    #[must_use]
    pub(crate) fn language(&self) -> Language {
        self.language
    }

    /// The program that runs it.
    #[must_use]
    pub(crate) fn interpreter(&self) -> &str {
        &self.interpreter
    }

    /// The name that Lambda has for its runtime, such as `python3.12`.
    #[must_use]
    pub(crate) fn runtime(&self) -> &str {
        &self.runtime
    }

    /// The runtime that its interpreter is of, where that is not the one that was asked for.
    #[must_use]
    pub(crate) fn stand_in(&self) -> Option<&str> {
        Some(self.version.as_str())
            .filter(|version| !version.is_empty() && *version != self.runtime)
    }

    /// Whether the debugger of its language is installed.
    #[must_use]
    pub(crate) fn has_debugger(&self) -> bool {
        self.has_debugger
    }

    /// What it is, for a person.
    #[must_use]
    pub(crate) fn described(&self) -> String {
        let client = match (self.origin, self.language) {
            (Origin::Own, _) => "mtl's runtime client",
            (Origin::Official, Language::Python) => "awslambdaric",
            (Origin::Official, Language::Node) => "aws-lambda-ric",
        };
        format!("`{}` with `{}` and {client}", self.handler, self.interpreter)
    }

    /// The command that runs the handler. Its last word is the handler.
    #[must_use]
    pub(crate) fn command(&self, clients: &Path) -> Vec<OsString> {
        let (name, _) = self.language.client();
        let client: Vec<OsString> = match (self.origin, self.language) {
            (Origin::Official, Language::Python) => vec!["-m".into(), "awslambdaric".into()],
            (Origin::Official, Language::Node) => vec![OFFICIAL_NODE.into()],
            // Unbuffered, so that the log has what was printed before a process is killed.
            (Origin::Own, Language::Python) => vec![UNBUFFERED.into(), clients.join(name).into()],
            (Origin::Own, Language::Node) => vec![clients.join(name).into()],
        };
        // Version managers put a script in the PATH that looks for the interpreter each time: in a cold
        // start that would be most of it.
        let program = self.executable.as_ref().unwrap_or(&self.interpreter);
        let mut command = vec![OsString::from(program)];
        command.extend(client);
        command.push(OsString::from(&self.handler));
        command
    }

    /// Writes mtl's client into this folder, if that is what runs the handler.
    ///
    /// # Errors
    ///
    /// When the folder can't be written.
    pub(crate) fn install(&self, clients: &Path) -> io::Result<()> {
        let (name, source) = self.language.client();
        match self.origin {
            Origin::Official => Ok(()),
            Origin::Own => fs::write(clients.join(name), source),
        }
    }
}

/// The option of Python that writes at once what is printed.
const UNBUFFERED: &str = "-u";

/// Where npm puts the program of the official client.
const OFFICIAL_NODE: &str = "node_modules/aws-lambda-ric/bin/index.mjs";

fn is_handler(handler: &str) -> bool {
    let file = handler.rsplit('/').next().unwrap_or_default();
    file.split_once('.').is_some_and(|(file, function)| !file.is_empty() && !function.is_empty())
}

/// The language of the file that a handler is in. In Node.js what follows the first dot names the
/// function, which may be a member of something; in Python what follows the last one.
fn language_of(handler: &str, folder: &Path) -> Result<Language, HandlerError> {
    let (folders, file) = handler.rsplit_once('/').unwrap_or(("", handler));
    let exists =
        |file: &str, ending: &str| folder.join(folders).join(format!("{file}.{ending}")).is_file();
    let (module, _) = file.rsplit_once('.').unwrap_or((file, ""));
    let python = exists(&module.replace('.', "/"), "py");
    let (module, _) = file.split_once('.').unwrap_or((file, ""));
    let node = ["mjs", "js", "cjs"].into_iter().any(|ending| exists(module, ending));
    match (python, node) {
        (true, false) => Ok(Language::Python),
        (false, true) => Ok(Language::Node),
        (true, true) => Err(HandlerError::Ambiguous(module.to_owned())),
        (false, false) => Err(HandlerError::NoFile(module.to_owned())),
    }
}

/// The interpreter of a runtime's version where this machine has it, otherwise the usual one.
fn interpreter(language: Language, runtime: Option<&str>) -> String {
    match (language, runtime) {
        (Language::Node, _) => "node".to_owned(),
        (Language::Python, Some(version)) if runs(Command::new(version).arg("--version")) => {
            version.to_owned()
        }
        (Language::Python, _) => "python3".to_owned(),
    }
}

/// What an interpreter has.
#[derive(Debug, Default)]
struct Installed {
    /// The name that Lambda has for this version of it.
    version: String,
    /// The path of its program.
    executable: Option<String>,
    official: bool,
    debugger: bool,
}

/// `None` when the interpreter can't be asked: then it is not there, and the first invocation says so.
fn installed(language: Language, interpreter: &str, folder: &Path) -> Option<Installed> {
    let mut command = Command::new(interpreter);
    match language {
        Language::Python => {
            let answer = output(command.args(["-c", PYTHON_QUESTION]))?;
            let mut lines = answer.lines();
            Some(Installed {
                version: lines.next()?.to_owned(),
                official: lines.next()? == "True",
                debugger: lines.next()? == "True",
                executable: program(lines.next()),
            })
        }
        Language::Node => {
            let answer = output(command.args(["-p", NODE_QUESTION]))?;
            let mut lines = answer.lines();
            let major = lines.next()?.trim_start_matches('v').split('.').next()?;
            Some(Installed {
                version: format!("nodejs{major}.x"),
                executable: program(lines.next()),
                official: folder.join(OFFICIAL_NODE).is_file(),
                debugger: true,
            })
        }
    }
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

fn runs(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{HandlerError, Language, language_of};
    use crate::environment::runtime_client::RuntimeClient;

    #[test]
    fn the_file_tells_the_language() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["app.py", "index.mjs", "both.py", "both.js"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let of = |handler| language_of(handler, folder.path());
        assert_eq!(of("app.handler"), Ok(Language::Python));
        assert_eq!(of("index.member.handler"), Ok(Language::Node));
        assert_eq!(of("both.handler"), Err(HandlerError::Ambiguous("both".to_owned())));
        assert_eq!(of("no.handler"), Err(HandlerError::NoFile("no".to_owned())));
        for malformed in ["app", ".handler", "app.", "a.b/c"] {
            let found = RuntimeClient::find(malformed, None, folder.path());
            assert_eq!(found, Err(HandlerError::Malformed(malformed.to_owned())));
        }
        let unknown = RuntimeClient::find("app.handler", Some("java21"), folder.path());
        assert_eq!(unknown, Err(HandlerError::Runtime("java21".to_owned())));
    }
}
