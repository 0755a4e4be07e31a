//! What runs a handler of Python or Node.js: which language it is in, and which runtime client, the
//! official one where it is installed and mtl's own otherwise.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use thiserror::Error;

use crate::environment::interpreter::{Interpreter, Interpreters, Language};

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
    interpreter: Interpreter,
    origin: Origin,
    handler: String,
    /// The runtime that Lambda would have for it, such as `python3.12`.
    runtime: String,
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
        interpreters: &mut Interpreters,
    ) -> Result<Self, HandlerError> {
        if !is_handler(handler) {
            return Err(HandlerError::Malformed(handler.to_owned()));
        }
        let language = match runtime {
            Some(runtime) => Language::from_runtime(runtime)
                .ok_or_else(|| HandlerError::Runtime(runtime.to_owned()))?,
            None => language_of(handler, folder)?,
        };
        let interpreter = interpreters.of(language, runtime);
        let is_official = match language {
            Language::Python => interpreter.has_official_client,
            Language::Node => folder.join(OFFICIAL_NODE).is_file(),
        };
        let runtime = match runtime {
            Some(runtime) if runtime.ends_with(|last: char| last.is_alphanumeric()) => runtime,
            _ => &interpreter.version,
        };
        Ok(Self {
            runtime: runtime.to_owned(),
            language,
            interpreter,
            origin: if is_official { Origin::Official } else { Origin::Own },
            handler: handler.to_owned(),
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
        &self.interpreter.name
    }

    /// The name that Lambda has for its runtime, such as `python3.12`.
    #[must_use]
    pub(crate) fn runtime(&self) -> &str {
        &self.runtime
    }

    /// The runtime that its interpreter is of, where that is not the one that was asked for.
    #[must_use]
    pub(crate) fn stand_in(&self) -> Option<&str> {
        Some(self.interpreter.version.as_str())
            .filter(|version| !version.is_empty() && *version != self.runtime)
    }

    /// Whether the debugger of its language is installed.
    #[must_use]
    pub(crate) fn has_debugger(&self) -> bool {
        self.interpreter.has_debugger
    }

    /// What it is, for a person.
    #[must_use]
    pub(crate) fn described(&self) -> String {
        let client = match (self.origin, self.language) {
            (Origin::Own, _) => "mtl's runtime client",
            (Origin::Official, Language::Python) => "awslambdaric",
            (Origin::Official, Language::Node) => "aws-lambda-ric",
        };
        format!("`{}` with `{}` and {client}", self.handler, self.interpreter.name)
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
        let Interpreter { name, executable, .. } = &self.interpreter;
        let program = executable.as_ref().unwrap_or(name);
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{HandlerError, RuntimeClient, language_of};
    use crate::environment::interpreter::{Interpreters, Language};

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
        let find = |handler, runtime| {
            RuntimeClient::find(handler, runtime, folder.path(), &mut Interpreters::default())
        };
        for malformed in ["app", ".handler", "app.", "a.b/c"] {
            let found = find(malformed, None);
            assert_eq!(found, Err(HandlerError::Malformed(malformed.to_owned())));
        }
        let unknown = find("app.handler", Some("java21"));
        assert_eq!(unknown, Err(HandlerError::Runtime("java21".to_owned())));
    }
}
