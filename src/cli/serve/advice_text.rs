//! The wording of advice: what happened, and what a user can do about it.

use crate::cli::serve::function_command::FunctionCommand;
use crate::cli::serve::load_problem::LoadProblem;
use crate::environment::advice::{Advice, ExtensionFault, NotStarted};
use crate::lambda::function::TenantId;
use crate::lambda::invocation::failure::{Failure, how_it_ended};

/// Why a function did not start.
pub(super) struct NoStartText {
    /// What happened.
    pub(super) what: String,
    /// What to do.
    pub(super) help: String,
}

/// What to say of anything but a function that did not start.
pub(super) fn text(advice: &Advice) -> Option<String> {
    Some(match advice {
        Advice::NotStarted(_) => return None,
        Advice::AwaitsRuntime(tenant, address) => format!(
            "an invocation{} waits for a runtime: start yours with \
                 AWS_LAMBDA_RUNTIME_API={address}",
            of_tenant(tenant.as_ref())
        ),
        Advice::NoRuntimeLeft(tenant) => format!(
            "an invocation{} was throttled: every runtime belongs to another tenant or is \
                 busy\nhelp: restart one of them, or serve with a larger --attach",
            of_tenant(tenant.as_ref())
        ),
        Advice::HungUp(tenant) => format!(
            "the runtime that has an invocation{} has hung up\nhelp: if it has ended, start it \
                 again: the invocation fails then, and the new runtime is free",
            of_tenant(tenant.as_ref())
        ),
        Advice::ApiFailed { request, reason } => format!("{request}: {reason}"),
        Advice::Debugger(tenant, address) => {
            format!("the debugger{} listens on {address}", of_tenant(tenant.as_ref()))
        }
    })
}

/// What an extension did, or did not do.
fn extension_fault_text(fault: &ExtensionFault) -> String {
    match fault {
        ExtensionFault::Ended(name, status) => {
            format!("the extension `{name}` ended ({})", how_it_ended(*status))
        }
        ExtensionFault::Unregistered(name) => format!("the extension `{name}` did not register"),
        ExtensionFault::Unready(name) => {
            format!("the extension `{name}` did not ask for its first event")
        }
    }
}

/// What happened, and what to do.
pub(super) fn no_start_text(not_started: &NotStarted) -> Option<NoStartText> {
    let NotStarted { command, handler, extension, failure, after, ports, .. } = not_started;
    let command = FunctionCommand { words: command, handler: handler.as_deref() };
    if let Some(extension) = extension {
        let help = "an external extension is a program that registers and then asks for events, \
                    again and again; its output is in the log";
        let what = extension_fault_text(extension);
        let what = format!("{what}, so the function did not start");
        return Some(NoStartText { what, help: help.to_owned() });
    }
    let (what, help) = match failure {
        Failure::TimedOut(_) => {
            let seconds = after.as_secs_f64();
            match ports.first() {
                Some(port) => (
                    format!(
                        "`{command}` listens on port {port}, but did not ask for an invocation in \
                         {seconds:.1} s"
                    ),
                    command.help_for_a_server(),
                ),
                None => (
                    format!("`{command}` ran for {seconds:.1} s and did not ask for an invocation"),
                    command.help_for_silence(),
                ),
            }
        }
        Failure::Exited(status) => {
            let how = how_it_ended(*status);
            let what = format!("`{command}` ended ({how}) before it asked for an invocation");
            (what, command.help_for_an_end())
        }
        Failure::Posted { error_type, .. } => {
            let summary = failure.summary();
            let problem = LoadProblem::find(error_type, &summary, handler.as_deref());
            (format!("the function can't be loaded: {summary}"), load_help(problem).to_owned())
        }
        Failure::OutOfMemory => (
            "the function needs more memory to start than it has".to_owned(),
            "--memory-size gives it more".to_owned(),
        ),
        Failure::Extension(error_type, reason) => {
            let help = "its output is in the log; --extension names it".to_owned();
            (format!("an extension failed: {error_type}: {reason}"), help)
        }
        Failure::InvalidEntrypoint { plain, remedy, .. } => {
            let help = remedy.clone().unwrap_or_else(|| command.help_for_no_start());
            (format!("the function can't be started: {plain}"), help)
        }
        Failure::ResponseTooLarge | Failure::TruncatedResponse | Failure::Service(_) => {
            return None;
        }
    };
    Some(NoStartText { what, help })
}

/// What to do about code that can't be loaded.
fn load_help(problem: LoadProblem) -> &'static str {
    match problem {
        LoadProblem::Handler => {
            "--handler is FILE.FUNCTION: the file without its ending, and what it exports"
        }
        LoadProblem::HandlerFile => {
            "the file of the handler is not there; code that must be built is built first, such as \
             with `sam build` or `tsc`"
        }
        LoadProblem::ImportedFile => "a file that it imports is not there",
        LoadProblem::PythonModule => {
            "install it for the interpreter that is used; a virtual environment must be active \
             where mtl is started"
        }
        LoadProblem::NodePackage => "install its packages in this folder, as with `npm install`",
        LoadProblem::ImportedName => "what its file imports is not in that module",
        LoadProblem::Syntax => "the trace in the log says where",
        LoadProblem::Other => "the log has more",
    }
}

fn of_tenant(tenant: Option<&TenantId>) -> String {
    tenant.map(|id| format!(" of tenant `{id}`")).unwrap_or_default()
}
