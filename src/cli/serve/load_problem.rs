//! Why a runtime could not load the code of a function, as far as the error that it has posted tells.
//!
//! Runtimes post a type and a text. The type says little more than that an import failed, so the words
//! of the text must be looked at: Python's and Node.js's own, which AWS's clients pass on. There is no
//! other source for what they tell.

/// What is wrong with the code or with how it is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoadProblem {
    /// The handler that was named is not in its file, or is no file's.
    Handler,
    /// The file of the handler is not there.
    HandlerFile,
    /// A file that the code imports is not there.
    ImportedFile,
    /// A module is not installed for the interpreter of Python.
    PythonModule,
    /// A package of Node.js is not installed.
    NodePackage,
    /// A module is there, and something that is imported from it is not.
    ImportedName,
    /// The code is no valid program.
    Syntax,
    /// Something else, which the log tells more about.
    Other,
}

impl LoadProblem {
    /// What an error of this type with this text comes from, for a function with this handler.
    pub(super) fn find(error_type: &str, text: &str, handler: Option<&str>) -> Self {
        match error_type {
            "Runtime.HandlerNotFound" => Self::Handler,
            "Runtime.UserCodeSyntaxError" => Self::Syntax,
            "Runtime.ImportModuleError" => Self::of_import(text, handler),
            // For ECMAScript modules Node.js has errors without a type of their own.
            _ if text.contains("Cannot find package") => Self::NodePackage,
            _ if text.contains("Cannot find module") => Self::ImportedFile,
            _ => Self::Other,
        }
    }

    fn of_import(text: &str, handler: Option<&str>) -> Self {
        if text.ends_with("is not a package") {
            Self::Handler
        } else if handler.is_some_and(|handler| is_of_handler(text, handler)) {
            Self::HandlerFile
        } else if text.contains("'./") || text.contains("'../") {
            Self::ImportedFile
        } else if text.contains("No module named") {
            Self::PythonModule
        } else if text.contains("Cannot find") {
            Self::NodePackage
        } else {
            Self::ImportedName
        }
    }
}

/// Whether what can't be imported is the file of the handler itself.
fn is_of_handler(text: &str, handler: &str) -> bool {
    let names = [handler.rsplit_once('.'), handler.split_once('.')].into_iter().flatten();
    let mut files = names.flat_map(|(file, _)| {
        let alone = file.rsplit('/').next().unwrap_or(file);
        [file.to_owned(), file.replace('/', "."), alone.to_owned()]
    });
    files.any(|file| {
        text.ends_with(&format!("No module named '{file}'"))
            // Node.js says in further lines from where it was imported.
            || text.contains(&format!("Cannot find module '{file}'"))
    })
}

#[cfg(test)]
mod tests {
    use super::LoadProblem;

    #[test]
    fn what_is_missing_is_told_apart() {
        let import = "Runtime.ImportModuleError";
        for (error_type, text, problem) in [
            (import, "No module named 'app'", LoadProblem::HandlerFile),
            (import, "No module named 'requests'", LoadProblem::PythonModule),
            (import, "No module named 'app.x'; 'app' is not a package", LoadProblem::Handler),
            (import, "cannot import name 'x' from 'y'", LoadProblem::ImportedName),
            (import, "Cannot find module './lib'", LoadProblem::ImportedFile),
            (import, "Cannot find module 'express'", LoadProblem::NodePackage),
            ("Error", "Cannot find package 'express'", LoadProblem::NodePackage),
            ("Runtime.HandlerNotFound", "", LoadProblem::Handler),
            ("Runtime.UserCodeSyntaxError", "", LoadProblem::Syntax),
            ("TypeError", "x is not a function", LoadProblem::Other),
        ] {
            assert_eq!(LoadProblem::find(error_type, text, Some("app.handler")), problem, "{text}");
        }
    }
}
