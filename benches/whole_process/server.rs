//! A server under test: started on a free port, ended with all its processes.

use std::fs::{File, OpenOptions};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::http::Connection;
use crate::machine::Machine;
use crate::process;

/// How long a server may take until it listens.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// The functions that it doesn't start itself.
    functions: Vec<Child>,
    /// The server behind a proxy.
    behind: Option<Box<Server>>,
}

impl Server {
    /// Starts a server that will listen on the address, and waits until it does.
    pub(crate) fn start(
        machine: &Machine,
        command: &mut Command,
        address: SocketAddr,
    ) -> Result<Self, String> {
        let child = spawn(machine, command)?;
        let mut server = Self { child, address, functions: Vec::new(), behind: None };
        server.wait_until_it_listens()?;
        Ok(server)
    }

    /// `mtl serve` with the function; its logs go to a file.
    pub(crate) fn mtl(
        machine: &Machine,
        mtl: &Path,
        options: &[&str],
        function: &Path,
    ) -> Result<Self, String> {
        let address = free_address()?;
        Self::start(machine, &mut mtl_command(mtl, address, options, function), address)
    }

    fn wait_until_it_listens(&mut self) -> Result<(), String> {
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(self.address).is_err() {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("the server ended with {status}"));
            }
            if Instant::now() > end {
                return Err("the server doesn't listen".to_owned());
            }
            std::thread::yield_now();
        }
        Ok(())
    }

    /// Starts a function that ends with the server.
    pub(crate) fn add(&mut self, machine: &Machine, command: &mut Command) -> Result<(), String> {
        self.functions.push(spawn(machine, command)?);
        Ok(())
    }

    /// Keeps the server behind it alive for as long.
    pub(crate) fn hold(&mut self, behind: Self) {
        self.behind = Some(Box::new(behind));
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The URL of an invocation.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/2015-03-31/functions/function/invocations", self.address)
    }

    /// A new connection.
    pub(crate) fn connect(&self) -> Result<Connection, String> {
        Connection::open(self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        process::end(&mut self.child);
        for child in &mut self.functions {
            process::end(child);
        }
    }
}

/// An address that nobody listens on.
pub(crate) fn free_address() -> Result<SocketAddr, String> {
    let address =
        || -> io::Result<SocketAddr> { TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr() };
    address().map_err(|error| format!("no free port: {error}"))
}

/// The command of `mtl serve` on an address.
pub(crate) fn mtl_command(
    mtl: &Path,
    address: SocketAddr,
    options: &[&str],
    function: &Path,
) -> Command {
    let mut command = Command::new(mtl);
    command.args(["serve", "--no-scaling-limit", "--port"]).arg(address.port().to_string());
    command.args(options).arg("--").arg(function);
    command
}

fn spawn(machine: &Machine, command: &mut Command) -> Result<Child, String> {
    let open = |name| -> io::Result<File> {
        OpenOptions::new().create(true).append(true).open(machine.path(name))
    };
    let program = command.get_program().to_string_lossy().into_owned();
    let mut spawn = || -> io::Result<Child> {
        command.stdin(Stdio::null()).stdout(open("stdout")?).stderr(open("stderr")?).spawn()
    };
    spawn().map_err(|error| format!("`{program}` can't be started: {error}"))
}
