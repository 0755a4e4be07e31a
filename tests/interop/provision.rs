//! Owns the tools of others, all in the target folder: a Python virtual environment that holds the
//! AWS CLI, boto3, awslambdaric and the other servers, at the versions of `requirements.txt`, the AWS
//! SDK for JavaScript, at the versions of `node/package-lock.json`, and what functions of Node.js use,
//! at those of `functions/package-lock.json`.
//!
//! It doesn't know how they are used.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const REQUIREMENTS: &str = include_str!("requirements.txt");
const CLIENT: Package = Package {
    name: "node",
    manifest: include_str!("node/package.json"),
    lock: include_str!("node/package-lock.json"),
    options: &["--ignore-scripts"],
};
const FUNCTIONS: Package = Package {
    name: "functions",
    manifest: include_str!("functions/package.json"),
    lock: include_str!("functions/package-lock.json"),
    options: &[],
};
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

/// Packages of npm that belong together.
struct Package {
    /// The folder that they are installed in.
    name: &'static str,
    manifest: &'static str,
    lock: &'static str,
    /// Further options of `npm ci`.
    options: &'static [&'static str],
}

/// The script that calls through the AWS SDK for JavaScript, beside its packages, which the first
/// caller installs.
pub(crate) fn node_script() -> &'static Path {
    static SCRIPT: OnceLock<PathBuf> = OnceLock::new();
    SCRIPT.get_or_init(|| {
        let script = install_package(&CLIENT).join("call.mjs");
        fs::write(&script, NODE_SCRIPT).expect("the target folder can be written");
        script
    })
}

/// The packages that functions of Node.js may have, which the first caller installs: AWS's runtime
/// client, which is compiled, and Powertools.
pub(crate) fn node_modules() -> &'static Path {
    static MODULES: OnceLock<PathBuf> = OnceLock::new();
    MODULES.get_or_init(|| install_package(&FUNCTIONS).join("node_modules"))
}

/// The folder in which a package is installed.
fn install_package(package: &Package) -> PathBuf {
    let (folder, _lock) = folder();
    let folder = folder.join(package.name);
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let write = |name: &str, text: &str| {
        fs::write(folder.join(name), text).expect("the target folder can be written");
    };
    let stamp = folder.join("installed.json");
    if fs::read_to_string(&stamp).ok().as_deref() != Some(package.lock) {
        write("package.json", package.manifest);
        write("package-lock.json", package.lock);
        run(
            Command::new("npm")
                .args(["ci", "--no-audit", "--no-fund"])
                .args(package.options)
                .current_dir(&folder),
            "install Node.js 18 or later with npm (Debian: `apt-get install nodejs npm`), and what \
             aws-lambda-ric is compiled with: cmake, make, autoconf, automake, libtool, python3 and a \
             C++ compiler; npm needs its registry",
        );
        write("installed.json", package.lock);
    }
    folder
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
