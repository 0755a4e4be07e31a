//! Owns the tools of others, all in the target folder: a Python virtual environment that holds the
//! AWS CLI, boto3, awslambdaric and the other servers, at the versions of `requirements.txt`, and
//! the AWS SDK for JavaScript, at the versions of `node/package-lock.json`.
//!
//! It doesn't know how they are used.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const REQUIREMENTS: &str = include_str!("requirements.txt");
const NODE_PACKAGE: &str = include_str!("node/package.json");
const NODE_PACKAGE_LOCK: &str = include_str!("node/package-lock.json");
const NODE_SCRIPT: &str = include_str!("node/call.mjs");

/// The installed tools.
pub(crate) struct Tools {
    venv: PathBuf,
    packages: PathBuf,
}

/// The tools, installed by the first caller.
pub(crate) fn tools() -> &'static Tools {
    static TOOLS: OnceLock<Tools> = OnceLock::new();
    TOOLS.get_or_init(install)
}

impl Tools {
    /// The interpreter that sees all packages.
    pub(crate) fn python(&self) -> PathBuf {
        self.venv.join("bin/python")
    }

    /// The AWS CLI.
    pub(crate) fn aws(&self) -> PathBuf {
        self.venv.join("bin/aws")
    }

    /// The binary behind `cargo lambda`.
    pub(crate) fn cargo_lambda(&self) -> PathBuf {
        self.venv.join("bin/cargo-lambda")
    }

    /// The Runtime Interface Emulator that SAM CLI carries: a Linux binary.
    pub(crate) fn runtime_interface_emulator(&self) -> PathBuf {
        let architecture = match std::env::consts::ARCH {
            "aarch64" => "arm64",
            architecture => architecture,
        };
        self.packages.join(format!("samcli/local/rapid/aws-lambda-rie-{architecture}"))
    }
}

fn install() -> Tools {
    let (folder, _lock) = folder();
    let venv = folder.join("venv");
    let python = venv.join("bin/python");
    let stamp = venv.join("installed.txt");
    let installed = fs::read_to_string(&stamp).is_ok_and(|text| text == REQUIREMENTS);
    if !(installed && python.is_file()) {
        install_into(&venv, &python);
        fs::write(stamp, REQUIREMENTS).expect("the target folder can be written");
    }
    let packages = run(
        Command::new(&python)
            .args(["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]),
        "remove the target folder's `tmp/interop` and try again",
    );
    Tools { venv, packages: PathBuf::from(packages.trim()) }
}

/// The folder of everything that is installed. Another run of the tests may be at it: the lock ends
/// with the value, or with the process.
fn folder() -> (PathBuf, File) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interop");
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let lock = File::create(folder.join("lock")).expect("the target folder can be written");
    lock.lock().expect("the target folder's file system has locks");
    (folder, lock)
}

/// The script that calls through the AWS SDK for JavaScript, beside its packages, which the first
/// caller installs.
pub(crate) fn node_script() -> &'static Path {
    static SCRIPT: OnceLock<PathBuf> = OnceLock::new();
    SCRIPT.get_or_init(install_node_packages)
}

fn install_node_packages() -> PathBuf {
    let (folder, _lock) = folder();
    let folder = folder.join("node");
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let write = |name: &str, text: &str| {
        let file = folder.join(name);
        fs::write(&file, text).expect("the target folder can be written");
        file
    };
    let stamp = folder.join("installed.json");
    if fs::read_to_string(&stamp).ok().as_deref() != Some(NODE_PACKAGE_LOCK) {
        write("package.json", NODE_PACKAGE);
        write("package-lock.json", NODE_PACKAGE_LOCK);
        run(
            Command::new("npm")
                .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
                .current_dir(&folder),
            "install Node.js 18 or later with npm (Debian: `apt-get install nodejs npm`); \
             npm needs its registry",
        );
        write("installed.json", NODE_PACKAGE_LOCK);
    }
    write("call.mjs", NODE_SCRIPT)
}

fn install_into(venv: &Path, python: &Path) {
    run(
        Command::new("python3").args(["-m", "venv", "--clear"]).arg(venv),
        "install Python 3.10 or later with its venv module (Debian: `apt-get install python3-venv`)",
    );
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/requirements.txt");
    run(
        Command::new(python)
            .args(["-m", "pip", "install", "--quiet", "--no-deps", "--requirement"])
            .arg(requirements),
        "pip needs PyPI; where PyPI has no built awslambdaric for this system, it is compiled: \
         install cmake, make, autoconf, automake, libtool and a C++ compiler",
    );
}

/// What the command printed; a panic that holds its output and `help` when it fails.
fn run(command: &mut Command, help: &str) -> String {
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => panic!("failed to run `{command:?}`: {error}\nhelp: {help}"),
    };
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`{command:?}` failed:\n{stdout}{stderr}\nhelp: {help}");
    stdout
}
