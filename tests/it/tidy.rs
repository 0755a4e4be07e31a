//! The package's own order: layers, file sizes, generated files, the changelog. What the compiler
//! and clippy can't see.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file that is longer is two files.
const LONGEST_FILE_LINES: usize = 500;

const COMPLETIONS: [(&str, &str); 5] = [
    ("bash", "mtl.bash"),
    ("zsh", "_mtl"),
    ("fish", "mtl.fish"),
    ("elvish", "mtl.elv"),
    ("powershell", "_mtl.ps1"),
];

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All Rust files below this folder.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the package has its folders") {
        let path = entry.expect("a folder can be listed").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The modules of the library, in the order of their declaration in `lib.rs`.
fn layers(lib: &str) -> Vec<&str> {
    let declarations = lib.lines().filter_map(|line| line.strip_suffix(';'));
    declarations
        .filter_map(|line| line.strip_prefix("pub mod ").or_else(|| line.strip_prefix("mod ")))
        .collect()
}

/// The top-level modules of this crate that the source names, outside of comments.
fn modules_used(source: &str) -> Vec<&str> {
    let paths = source.match_indices("crate::").filter(|(start, _)| is_code(source, *start));
    paths.flat_map(|(start, path)| names(&source[start + path.len()..])).collect()
}

/// Whether the `crate::` there is a path of its own, and not in a comment.
fn is_code(source: &str, start: usize) -> bool {
    let line = source[..start].rsplit('\n').next().unwrap_or_default();
    let in_a_name = line.ends_with(|last: char| last == '_' || last.is_alphanumeric());
    !in_a_name && !line.trim_start().starts_with("//")
}

/// What follows `crate::`: one name, or the first names within the braces.
fn names(rest: &str) -> Vec<&str> {
    let Some(group) = rest.strip_prefix('{') else {
        return vec![identifier(rest)];
    };
    let mut depth = 0_usize;
    let mut names = vec![identifier(group.trim_start())];
    for (position, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(identifier(group[position + 1..].trim_start())),
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn identifier(text: &str) -> &str {
    let end = text.find(|next: char| next != '_' && !next.is_alphanumeric());
    &text[..end.unwrap_or(text.len())]
}

#[test]
fn a_use_of_a_module_is_found_in_each_of_its_forms() {
    let source = "//! [`crate::docs`]\nuse crate::one::Thing;\nuse crate::{two, three::{A, B},\n \
                  four,\n};\nlet five = crate::five::new(my_crate::six);\n";
    assert_eq!(modules_used(source), ["one", "two", "three", "four", "five"]);
}

#[test]
fn a_module_uses_only_modules_declared_above_it() {
    let source = package().join("src");
    let lib = read(&source.join("lib.rs"));
    let layers = layers(&lib);
    assert!(layers.contains(&"cli"), "no modules found in lib.rs");
    let layer_of = |module: &str| layers.iter().position(|layer| *layer == module);
    for file in rust_files(&source) {
        let path = file.strip_prefix(&source).expect("it is below src").with_extension("");
        let module = path.iter().next().and_then(|name| name.to_str()).expect("it has a name");
        let Some(layer) = layer_of(module) else {
            assert!(["lib", "main"].contains(&module), "{module} is not declared in lib.rs");
            continue;
        };
        for used in modules_used(&read(&file)) {
            let allowed = layer_of(used).is_none_or(|used| used <= layer);
            assert!(allowed, "{} uses `{used}`, which is declared below it", file.display());
        }
    }
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let files = ["src", "tests"].map(|folder| rust_files(&package().join(folder))).concat();
    for file in files {
        let text = read(&file);
        assert!(text.starts_with("//! "), "{} doesn't say what it is for", file.display());
        let lines = text.lines().count();
        assert!(lines <= LONGEST_FILE_LINES, "{} has {lines} lines", file.display());
    }
}

#[test]
fn the_changelog_has_what_is_unreleased_and_this_version() {
    let changelog = read(&package().join("CHANGELOG.md"));
    let releases: Vec<_> = changelog.lines().filter_map(|line| line.strip_prefix("## [")).collect();
    assert_eq!(releases.first(), Some(&"Unreleased]"));
    // The first version is unreleased until the changelog has a release.
    let version = env!("CARGO_PKG_VERSION");
    if let Some(latest) = releases.get(1) {
        assert!(latest.starts_with(&format!("{version}] - ")), "{latest} is not {version}");
    } else {
        assert_eq!(version, "0.1.0", "CHANGELOG.md has no section for this version");
    }
}

/// `MTL_BLESS=1 cargo test` writes them anew.
#[test]
fn the_completions_are_current() {
    let folder = package().join("completions");
    for (shell, file) in COMPLETIONS {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mtl"));
        let output = command.args(["completions", shell]).output().expect("mtl can be started");
        assert!(output.status.success(), "no completions for {shell}");
        let file = folder.join(file);
        if std::env::var_os("MTL_BLESS").is_some_and(|bless| bless == "1") {
            fs::write(&file, &output.stdout).expect("the package can be written");
        }
        let current = fs::read(&file).is_ok_and(|committed| committed == output.stdout);
        assert!(current, "{} is not current: run `MTL_BLESS=1 cargo test`", file.display());
    }
}
