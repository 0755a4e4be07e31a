//! The source of mtl, parsed. Tests and everything else under `#[cfg(test)]` are taken out of it, and so
//! is what only benchmarks use.

use std::fs;
use std::path::{Path, PathBuf};

use syn::spanned::Spanned as _;
use syn::{Attribute, Item, Meta};

/// One file of `src`.
pub(crate) struct Source {
    /// Its path below `src`, such as `system/http.rs`.
    pub(crate) path: String,
    /// What is written in it, its tests included.
    pub(crate) text: String,
    /// The items of it that are no tests.
    pub(crate) items: Vec<Item>,
}

impl Source {
    pub(crate) fn parse(path: String, text: String) -> Self {
        let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self { path, text, items: without_tests(file.items) }
    }

    /// The names of the modules that lead here: `["system", "http"]`, and nothing for `lib.rs`.
    pub(crate) fn module(&self) -> Vec<String> {
        let names = self.path.trim_end_matches(".rs").split('/').filter(|name| *name != "lib");
        names.map(str::to_owned).collect()
    }

    /// The file or folder directly in `src` to which this belongs.
    pub(crate) fn entry(&self) -> &str {
        let first = self.path.split('/').next().expect("a path has a first part");
        first.trim_end_matches(".rs")
    }
}

/// All files of `src` that aren't tests, in the order of their paths.
pub(crate) fn sources() -> Vec<Source> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = rust_files(&folder);
    paths.sort();
    let sources = paths.into_iter().map(|path| {
        let text = fs::read_to_string(&path).expect("a source file is text");
        let path = path.strip_prefix(&folder).expect("it is below src");
        Source::parse(path.to_str().expect("it has a name").to_owned(), text)
    });
    sources.collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the package has its folders") {
        let path = entry.expect("a folder can be listed").path();
        let is_test = path.file_stem().is_some_and(|name| name == "tests");
        if path.is_dir() && !is_test {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test {
            files.push(path);
        }
    }
    files
}

fn without_tests(items: Vec<Item>) -> Vec<Item> {
    let is_left = |item: &Item| !is_test(item) && !is_for_benchmarks(item);
    let mut items: Vec<Item> = items.into_iter().filter(is_left).collect();
    for item in &mut items {
        if let Item::Mod(module) = item
            && let Some((_, content)) = &mut module.content
        {
            *content = without_tests(std::mem::take(content));
        }
    }
    items
}

fn is_test(item: &Item) -> bool {
    attributes(item).iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("cfg") && names_test(&list.tokens.to_string()),
        _ => false,
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether this lets benchmarks in and is nothing else: a module in `benches`, or the `use` that hands
/// one on.
fn is_for_benchmarks(item: &Item) -> bool {
    let attributes: Vec<_> =
        attributes(item).iter().filter_map(|attribute| attribute.span().source_text()).collect();
    let is_only_that = match item {
        Item::Mod(_) => attributes.iter().any(|path| path.contains("../benches/micro/")),
        Item::Use(item) => text_of(&item.tree).ends_with("::benchmark"),
        _ => false,
    };
    is_only_that && attributes.iter().any(|cfg| cfg == "#[cfg(feature = \"benchmarks\")]")
}

fn text_of(tree: &syn::UseTree) -> String {
    tree.span().source_text().unwrap_or_default()
}

/// `test`, also within `all(…)`.
fn names_test(condition: &str) -> bool {
    condition.split(|next: char| !next.is_alphanumeric()).any(|word| word == "test")
}
