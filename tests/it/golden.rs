//! What mtl prints as help, compared with the files in `golden/`: a change of a text is seen where
//! it is made, and how it looks on a terminal of 80 columns. `MTL_BLESS=1` writes them anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::function::mtl;
use crate::server::without_settings;

/// Whether the committed files are to be written anew, as `MTL_BLESS=1` asks for.
pub(crate) fn bless() -> bool {
    std::env::var_os("MTL_BLESS").is_some_and(|bless| bless == "1")
}

/// Compares `text` with a committed file of this package.
#[track_caller]
pub(crate) fn compare(file: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if bless() {
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("it can be made");
        fs::write(&path, text).expect("the package can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let differing = committed.lines().zip(text.lines()).find(|(old, new)| old != new);
    assert!(
        committed == text,
        "{file} is not current, first at {differing:?}: run `MTL_BLESS=1 cargo test` if the change \
         is meant"
    );
}

/// Each command, and `None` for mtl itself.
const COMMANDS: [Option<&str>; 5] =
    [None, Some("serve"), Some("invoke"), Some("metrics"), Some("completions")];

fn help(command: Option<&str>, option: &str) -> String {
    let mut mtl = Command::new(mtl());
    without_settings(&mut mtl);
    mtl.env("COLUMNS", "80").env("NO_COLOR", "1");
    let output = mtl.args(command).arg(option).output().expect("mtl starts");
    assert!(output.status.success(), "{command:?} {option}");
    String::from_utf8(output.stdout).expect("help is text")
}

#[test]
fn every_help_is_as_committed_and_no_wider_than_the_terminal() {
    for command in COMMANDS {
        for (option, kind) in [("-h", "short"), ("--help", "long")] {
            let text = help(command, option);
            let name = command.map_or("mtl".to_owned(), |command| format!("mtl-{command}"));
            let file: PathBuf = ["tests/it/golden", &format!("{name}.{kind}.txt")].iter().collect();
            compare(file.to_str().expect("it is text"), &text);
            let widest = text.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(80), "{name} {option}: {widest:?} columns");
        }
    }
}

#[test]
fn every_command_is_in_the_list() {
    let help = help(None, "-h");
    let (_, commands) = help.split_once("Commands:\n").expect("there are commands");
    let names = commands.lines().take_while(|line| line.starts_with("  "));
    let names = names.filter(|line| !line.starts_with("   "));
    let names: Vec<_> = names.filter_map(|line| line.split_whitespace().next()).collect();
    let known: Vec<_> = COMMANDS.into_iter().flatten().chain(["help"]).collect();
    assert_eq!(names, known);
}
