//! The servers that are measured side by side.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::machine::Machine;
use crate::nginx;
use crate::server::{Server, free_address};

/// Which server, and how it logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The bare relay.
    Floor,
    /// `mtl serve`, with its logs as text in a file.
    Mtl,
    /// `mtl serve -o json`.
    MtlJson,
    /// An earlier `mtl serve`.
    Base,
    /// An earlier `mtl serve -o json`.
    BaseJson,
    /// `cargo lambda watch` with one function, or as many as there are connections.
    CargoLambda { functions: usize },
    /// AWS's Runtime Interface Emulator.
    Rie,
    /// nginx in front of an nginx with a constant answer.
    Nginx,
}

impl Kind {
    /// How the table calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Mtl => "mtl",
            Self::MtlJson => "mtl -o json",
            Self::Base => "mtl before",
            Self::BaseJson => "mtl before -o json",
            Self::CargoLambda { .. } => "cargo-lambda",
            Self::Rie => "RIE",
            Self::Nginx => "nginx before nginx",
        }
    }

    /// Starts it with the function on the official runtime.
    pub(crate) fn start(self, machine: &Machine) -> Result<Server, String> {
        let base = || machine.base.as_deref().ok_or("`MTL_BENCH_BASE` names no earlier mtl");
        let json = ["-o", "json"];
        match self {
            Self::Floor => floor(machine),
            Self::Mtl => Server::mtl(machine, &machine.mtl, &[], &machine.echo),
            Self::MtlJson => Server::mtl(machine, &machine.mtl, &json, &machine.echo),
            Self::Base => Server::mtl(machine, base()?, &[], &machine.echo),
            Self::BaseJson => Server::mtl(machine, base()?, &json, &machine.echo),
            Self::CargoLambda { functions } => cargo_lambda(machine, functions),
            Self::Rie => rie(machine),
            Self::Nginx => {
                let behind = nginx::constant(machine)?;
                let mut server = nginx::proxy(machine, behind.address)?;
                server.hold(behind);
                Ok(server)
            }
        }
    }
}

fn floor(machine: &Machine) -> Result<Server, String> {
    let address = free_address()?;
    let mut command = Command::new(&machine.floor);
    Server::start(machine, command.arg(address.to_string()).arg(&machine.echo), address)
}

/// It serves the Lambda APIs only; the functions are started beside it, since it builds none.
fn cargo_lambda(machine: &Machine, functions: usize) -> Result<Server, String> {
    let program = Machine::program("cargo-lambda", "`pip install cargo-lambda`")?;
    let package = machine.path("package");
    empty_package(&package).map_err(|error| format!("no package for cargo-lambda: {error}"))?;
    let address = free_address()?;
    let mut command = Command::new(program);
    command.args(["lambda", "watch", "--only-lambda-apis", "--invoke-address", "127.0.0.1"]);
    command.arg("--invoke-port").arg(address.port().to_string()).current_dir(package);
    command.arg("--concurrency").arg(functions.to_string());
    let mut server = Server::start(machine, &mut command, address)?;
    for _ in 0..functions {
        let mut function = Command::new(&machine.echo);
        function.env("AWS_LAMBDA_RUNTIME_API", format!("http://{address}/.rt/function"));
        function.env("AWS_LAMBDA_FUNCTION_NAME", "function");
        function.env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
        function.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128");
        server.add(machine, &mut function)?;
    }
    Ok(server)
}

/// `cargo lambda watch` wants to be in a package.
fn empty_package(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("src/main.rs"), "fn main() {}\n")?;
    let manifest = "[package]\nname = \"function\"\nedition = \"2024\"\n[workspace]\n";
    fs::write(folder.join("Cargo.toml"), manifest)
}

fn rie(machine: &Machine) -> Result<Server, String> {
    let from = "`aws-lambda-rie-x86_64` or `-arm64` in `samcli/local/rapid` of PyPI's aws-sam-cli, \
                made executable";
    let program = Machine::program("aws-lambda-rie", from)?;
    let address = free_address()?;
    let mut command = Command::new(program);
    command.arg("--runtime-interface-emulator-address").arg(address.to_string());
    command.arg("--runtime-api-address").arg(free_address()?.to_string()).arg(&machine.echo);
    Server::start(machine, &mut command, address)
}
