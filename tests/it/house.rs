//! The size and order of `src`, measured: `cargo test --test it house -- --nocapture` prints the
//! table. Each number has a goal, and a change that goes beyond it fails here and is told where.

mod face;
mod measure;
mod source;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::golden::compare;
use crate::house::face::Face;
use crate::house::measure::{Found, Measures, folders};
use crate::house::source::{Source, sources};

/// How many places are named for one number that is beyond its goal.
const PLACES: usize = 100;

/// One line of the table.
struct Line {
    name: &'static str,
    measured: usize,
    goal: usize,
    /// What goes beyond the goal, or is counted towards it.
    places: Vec<String>,
}

impl Line {
    /// Things of which there should be few.
    fn count(name: &'static str, goal: usize, places: Vec<String>) -> Self {
        Self { name, measured: places.len(), goal, places }
    }

    /// The number at this share of all of them, in percent.
    fn share(name: &'static str, goal: usize, found: &[Found], percent: usize) -> Self {
        let mut found = found.to_vec();
        found.sort();
        let position = (found.len() * percent).div_ceil(100).max(1) - 1;
        let measured = found.get(position).map_or(0, |found| found.number);
        let beyond = found.iter().rev().take_while(|found| found.number > goal);
        let places = beyond.map(|found| format!("{}: {}", found.place, found.number)).collect();
        Self { name, measured, goal, places }
    }

    fn is_reached(&self) -> bool {
        self.measured <= self.goal
    }
}

fn table(sources: &[Source]) -> Vec<Line> {
    let measures = Measures::of_all(sources);
    let files: Vec<_> = sources.iter().map(lines).collect();
    let pairs = measures.imports.iter().map(|((by, used), file)| format!("{by} -> {used}: {file}"));
    vec![
        Line::count("entries of src", 14, entries(sources)),
        Line::count("pairs of entries", 40, pairs.collect()),
        Line::count("upward imports", 0, upward(&measures, &folders(sources))),
        Line::share("file lines, median", 150, &files, 50),
        Line::share("file lines, p90", 350, &files, 90),
        Line::share("file lines, max", 450, &files, 100),
        Line::share("function lines, median", 8, &measures.functions, 50),
        Line::share("function lines, p90", 25, &measures.functions, 90),
        Line::share("function lines, max", 60, &measures.functions, 100),
        Line::share("fields of a struct, max", 9, &measures.structs, 100),
        Line::share("types of one name, max", 2, &types(&measures), 100),
        Line::count("tuple parameters", 5, measures.tuples),
        Line::count("bool parameters", 5, measures.booleans),
        Line::count("pub items that are no face", 0, Face::of_all(sources).others(sources)),
    ]
}

fn lines(source: &Source) -> Found {
    Found { number: source.text.lines().count(), place: format!("src/{}", source.path) }
}

/// A folder and the file of its name are one entry.
fn entries(sources: &[Source]) -> Vec<String> {
    let entries: BTreeSet<_> = sources.iter().map(|source| source.entry().to_owned()).collect();
    entries.into_iter().collect()
}

/// The imports of an entry that is declared later than the importing one.
fn upward(measures: &Measures, folders: &[String]) -> Vec<String> {
    let place = |entry: &String| folders.iter().position(|folder| folder == entry);
    let upward = measures.imports.iter().filter(|((by, used), _)| place(used) > place(by));
    upward.map(|((by, used), file)| format!("{by} -> {used}: src/{file}")).collect()
}

fn types(measures: &Measures) -> Vec<Found> {
    let types = measures.types.iter();
    let found = types.map(|(_, places)| Found { number: places.len(), place: places.join(", ") });
    found.collect()
}

/// The table, and the places of what is beyond its goal.
fn text(table: &[Line]) -> String {
    let mut text = format!("{:<26} {:>8} {:>6}\n", "", "measured", "goal");
    for line in table {
        let goal = if line.is_reached() { "" } else { "  not reached" };
        writeln!(text, "{:<26} {:>8} {:>6}{goal}", line.name, line.measured, line.goal).unwrap();
    }
    for line in table.iter().filter(|line| !line.is_reached()) {
        writeln!(text, "\n{}: {} where {} is the goal", line.name, line.measured, line.goal)
            .unwrap();
        for place in line.places.iter().take(PLACES) {
            writeln!(text, "  {place}").unwrap();
        }
        let more = line.places.len().saturating_sub(PLACES);
        if more > 0 {
            writeln!(text, "  and {more} more").unwrap();
        }
    }
    text
}

#[test]
#[expect(clippy::disallowed_macros, reason = "the test harness shows it with --nocapture")]
fn the_house_is_in_order() {
    let table = table(&sources());
    println!("{}", text(&table));
    let failed: Vec<_> =
        table.iter().filter(|line| !line.is_reached()).map(|line| line.name).collect();
    assert!(failed.is_empty(), "beyond the goal: {failed:?}\n{}", text(&table));
}

/// What other crates can name is a promise, so that it grows only where someone sees it.
#[test]
fn the_public_face_is_as_committed() {
    let face = Face::of_all(&sources());
    let lines: Vec<_> = face.lines.iter().map(String::as_str).collect();
    compare("tests/it/public_face.txt", &(lines.join("\n") + "\n"));
}

/// The benchmarks see what is private, by a feature that is off. Nothing else may hide behind it.
#[test]
fn only_what_benchmarks_use_is_left_out_with_their_feature() {
    let cfg = "#[cfg(feature = \"benchmarks\")]\n";
    let left_out = [
        "#[path = \"../benches/micro/one.rs\"]\npub mod one;\n",
        "pub(crate) use two::benchmark;\n",
    ];
    let kept = ["pub mod three;\n", "pub fn four() {}\n", "pub use five::Six;\n"];
    let items = |item: &str| Source::parse("lib.rs".to_owned(), format!("{cfg}{item}")).items.len();
    assert_eq!(left_out.map(items), [0, 0]);
    assert_eq!(kept.map(items), [1, 1, 1]);
}

#[test]
fn the_face_is_found_through_private_modules() {
    let lib = "mod one;\npub mod two;\npub use one::{Thing as Other, hidden::deep};\n";
    let one = "mod hidden;\npub use hidden::Thing;\npub struct Unseen;\n";
    let hidden = "pub struct Thing { pub a: u8, b: u8 }\nimpl Thing { pub fn new() -> Self { todo!() } \
                  pub(crate) fn own(&self) {} }\npub fn deep(x: u8) {}\nfn private() {}\n";
    let two = "pub enum Kind { A, B(u8) }\n";
    let files = [("lib.rs", lib), ("one.rs", one), ("one/hidden.rs", hidden), ("two.rs", two)];
    let sources = files.map(|(path, text)| Source::parse(path.to_owned(), text.to_owned()));
    let face = Face::of_all(&sources);
    let expected = [
        "enum mtl::two::Kind",
        "mod mtl::two",
        "mtl::Other: fn new() -> Self",
        "mtl::Other::a: u8",
        "mtl::deep: fn deep(x: u8)",
        "mtl::two::Kind: A",
        "mtl::two::Kind: B",
        "mtl::two::Kind::B: u8",
        "struct mtl::Other",
    ];
    assert_eq!(face.lines.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    assert_eq!(face.others(&sources), ["src/one.rs:3:1"]);
}
