//! The package's own order: layers, file sizes, generated files, the changelog. What the compiler
//! and clippy can't see.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::golden::bless;

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

/// The modules that a file declares, in the order of their declaration.
fn declared(source: &str) -> Vec<&str> {
    let declarations = source.lines().filter_map(|line| line.strip_suffix(';'));
    let modules = declarations.filter_map(|line| {
        let visible = ["pub mod ", "pub(crate) mod ", "pub(super) mod ", "mod "];
        visible.iter().find_map(|start| line.strip_prefix(start))
    });
    modules.collect()
}

/// The paths below this module that the source names outside of comments, as far as their first two
/// segments: `crate::one::two::Three` is `["one", "two"]`.
fn paths_used(source: &str) -> Vec<Vec<&str>> {
    let paths = source.match_indices("crate::").filter(|(start, _)| is_code(source, *start));
    paths.flat_map(|(start, path)| segments(&source[start + path.len()..], 2)).collect()
}

/// Whether the `crate::` there is a path of its own, and not in a comment.
fn is_code(source: &str, start: usize) -> bool {
    let line = source[..start].rsplit('\n').next().unwrap_or_default();
    let in_a_name = line.ends_with(|last: char| last == '_' || last.is_alphanumeric());
    !in_a_name && !line.trim_start().starts_with("//")
}

/// The first segments of the path, or of each path within the braces, that begins here.
fn segments(rest: &str, depth: usize) -> Vec<Vec<&str>> {
    let rest = rest.trim_start();
    if let Some(group) = rest.strip_prefix('{') {
        return members(group).into_iter().flat_map(|member| segments(member, depth)).collect();
    }
    let end = rest.find(|next: char| next != '_' && !next.is_alphanumeric());
    let (name, rest) = rest.split_at(end.unwrap_or(rest.len()));
    if name.is_empty() {
        return Vec::new();
    }
    match rest.strip_prefix("::") {
        Some(rest) if depth > 1 => {
            let below = segments(rest, depth - 1);
            below.into_iter().map(|below| [vec![name], below].concat()).collect()
        }
        _ => vec![vec![name]],
    }
}

/// What stands between the commas of a group, whose opening brace is cut off.
fn members(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut members) = (0_usize, 0, Vec::new());
    for (position, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                members.push(&group[start..position]);
                start = position + 1;
                if character == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    members
}

/// The names of the modules that lead to this file: `environment/body.rs` is `["environment", "body"]`.
fn module_path(file: &Path, source: &Path) -> Vec<String> {
    let path = file.strip_prefix(source).expect("it is below src").with_extension("");
    path.iter().map(|name| name.to_str().expect("it has a name").to_owned()).collect()
}

#[test]
fn a_use_of_a_module_is_found_in_each_of_its_forms() {
    let source = "//! [`crate::docs`]\nuse crate::one::Thing;\nuse crate::{two, three::{A, b::B},\n \
                  four,\n};\nlet five = crate::five::deep::new(my_crate::six);\n";
    let expected: [&[&str]; 6] = [
        &["one", "Thing"],
        &["two"],
        &["three", "A"],
        &["three", "b"],
        &["four"],
        &["five", "deep"],
    ];
    assert_eq!(paths_used(source), expected);
}

/// Whether the first module is declared no later than the second, or is none of these.
fn is_above(order: &[&str], used: &str, by: &str) -> bool {
    let place = |module: &str| order.iter().position(|declared| *declared == module);
    place(used).is_none_or(|used| place(by).is_some_and(|by| used <= by))
}

/// `lib.rs` declares the folders in their order, and a folder's own file the modules in it.
#[test]
fn a_module_uses_only_modules_declared_above_it() {
    let source = package().join("src");
    let lib = read(&source.join("lib.rs"));
    let folders = declared(&lib);
    assert!(folders.contains(&"cli"), "no modules found in lib.rs");
    for file in rust_files(&source) {
        let module = module_path(&file, &source);
        if ["lib", "main"].contains(&module[0].as_str()) {
            continue;
        }
        let own = read(&source.join(&module[0]).with_extension("rs"));
        let parts = declared(&own);
        for used in paths_used(&read(&file)) {
            let above = is_above(&folders, used[0], &module[0]);
            assert!(above, "{} uses `{}`, which is declared below it", file.display(), used[0]);
            if let ([folder, used], Some(part)) = (used[..].as_ref(), module.get(1)) {
                let above = *folder != module[0] || is_above(&parts, used, part);
                assert!(above, "{} uses `{used}`, which is declared below it", file.display());
            }
        }
    }
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let files =
        ["benches", "src", "tests"].map(|folder| rust_files(&package().join(folder))).concat();
    for file in files {
        let text = read(&file);
        assert!(text.starts_with("//! "), "{} doesn't say what it is for", file.display());
        let lines = text.lines().count();
        assert!(lines <= LONGEST_FILE_LINES, "{} has {lines} lines", file.display());
    }
}

#[test]
fn the_files_that_contributors_are_sent_to_exist() {
    let guide = read(&package().join(".github/CONTRIBUTING.md"));
    let named = guide.split('`').skip(1).step_by(2).filter(|text| {
        ["src/", "tests/"].iter().any(|folder| text.starts_with(folder)) && !text.contains(' ')
    });
    let named: Vec<_> = named.collect();
    assert!(named.len() > 5, "no files found in {guide}");
    for path in named {
        assert!(package().join(path).exists(), "CONTRIBUTING.md names `{path}`");
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
        let mut command = Command::new(crate::function::mtl());
        let output = command.args(["completions", shell]).output().expect("mtl can be started");
        assert!(output.status.success(), "no completions for {shell}");
        let file = folder.join(file);
        if bless() {
            fs::write(&file, &output.stdout).expect("the package can be written");
        }
        let current = fs::read(&file).is_ok_and(|committed| committed == output.stdout);
        assert!(current, "{} is not current: run `MTL_BLESS=1 cargo test`", file.display());
    }
}
