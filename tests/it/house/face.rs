//! The public face: what another crate can name of mtl, found by following `pub` from `lib.rs`.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::Span;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Fields, ImplItem, Item, Type, UseTree, Visibility};

use crate::house::source::Source;

/// What is public, and where it is written.
#[derive(Debug, Default)]
pub(crate) struct Face {
    /// A line for each item: its path and its signature.
    pub(crate) lines: BTreeSet<String>,
    /// The file and line of each of them.
    places: BTreeSet<String>,
}

impl Face {
    pub(crate) fn of_all(sources: &[Source]) -> Self {
        let modules = sources.iter().map(|source| (source.module().join("::"), source)).collect();
        let mut walk = Walk { modules, face: Self::default() };
        walk.module("", "mtl");
        walk.face
    }

    /// The `pub` items that can't be named from outside.
    pub(crate) fn others(&self, sources: &[Source]) -> Vec<String> {
        let mut others = Vec::new();
        for source in sources {
            let mut reader = PublicItems { source, places: Vec::new() };
            source.items.iter().for_each(|item| reader.visit_item(item));
            others.extend(reader.places.into_iter().filter(|place| !self.places.contains(place)));
        }
        others
    }
}

/// Finds everything that is `pub`.
struct PublicItems<'a> {
    source: &'a Source,
    places: Vec<String>,
}

impl<'ast> Visit<'ast> for PublicItems<'_> {
    fn visit_visibility(&mut self, visibility: &'ast Visibility) {
        if is_public(visibility) {
            self.places.push(place(self.source, visibility.span()));
        }
        visit::visit_visibility(self, visibility);
    }
}

struct Walk<'a> {
    modules: BTreeMap<String, &'a Source>,
    face: Face,
}

/// A name in a module: what it is called from outside, and what it is called there.
#[derive(Clone, Copy)]
struct Name<'a> {
    outside: &'a str,
    module: &'a str,
    inside: &'a str,
}

impl Walk<'_> {
    /// Everything that is public in a module that is called `outside` by other crates.
    fn module(&mut self, module: &str, outside: &str) {
        let Some(source) = self.modules.get(module).copied() else { return };
        for item in &source.items {
            if let Item::Use(item) = item {
                if is_public(&item.vis) {
                    self.face.places.insert(place(source, item.vis.span()));
                    for (path, name) in leaves(&item.tree, &[]) {
                        self.path(module, &path, &format!("{outside}::{name}"));
                    }
                }
            } else if let Some((visibility, name)) = head(item)
                && is_public(visibility)
            {
                let outside = format!("{outside}::{name}");
                self.name(Name { outside: &outside, module, inside: &name });
            }
        }
    }

    /// What a `use` in this module names.
    fn path(&mut self, module: &str, path: &[String], outside: &str) {
        let mut path = path.to_vec();
        match path[0].as_str() {
            "crate" => drop(path.remove(0)),
            "self" => path.splice(..1, segments(module)).for_each(drop),
            "super" => {
                let mut above = segments(module);
                above.pop();
                path.splice(..1, above);
            }
            first if self.modules.contains_key(&join(module, first)) => {
                path.splice(..0, segments(module));
            }
            // Another crate's.
            _ => {
                self.face.lines.insert(format!("use {} as {outside}", path.join("::")));
                return;
            }
        }
        let inside = path.pop().expect("a path ends in a name");
        self.name(Name { outside, module: &path.join("::"), inside: &inside });
    }

    /// What has this name in a module: an item, a module, or what it imports from elsewhere.
    fn name(&mut self, name: Name<'_>) {
        let below = join(name.module, name.inside);
        if self.modules.contains_key(&below) {
            self.face.lines.insert(format!("mod {}", name.outside));
            let parent = self.modules.get(name.module).copied();
            if let Some(parent) = parent {
                self.note_module(parent, name.inside);
            }
            return self.module(&below, name.outside);
        }
        let Some(source) = self.modules.get(name.module).copied() else { return };
        for item in &source.items {
            if let Item::Use(item) = item {
                for (path, imported) in leaves(&item.tree, &[]) {
                    if imported == name.inside {
                        self.face.places.insert(place(source, item.vis.span()));
                        self.path(name.module, &path, name.outside);
                    }
                }
            } else if head(item).is_some_and(|(_, own)| own == name.inside) {
                self.item(source, item, name);
            }
        }
    }

    fn note_module(&mut self, parent: &Source, module: &str) {
        for item in &parent.items {
            if let Item::Mod(item) = item
                && item.ident == module
                && is_public(&item.vis)
            {
                self.face.places.insert(place(parent, item.vis.span()));
            }
        }
    }

    fn item(&mut self, source: &Source, item: &Item, name: Name<'_>) {
        if let Some((visibility, _)) = head(item) {
            self.face.places.insert(place(source, visibility.span()));
        }
        let outside = name.outside;
        match item {
            Item::Fn(function) => self.line(outside, function.sig.span()),
            Item::Const(constant) => self.line(outside, constant.ident.span()),
            Item::Type(alias) => self.line(outside, alias.ty.span()),
            Item::Trait(definition) => {
                self.face.lines.insert(format!("trait {outside}"));
                definition.items.iter().for_each(|item| self.line(outside, item.span()));
            }
            Item::Struct(definition) => {
                self.face.lines.insert(format!("struct {outside}"));
                self.fields(source, &definition.fields, outside);
                self.methods(name);
            }
            Item::Enum(definition) => {
                self.face.lines.insert(format!("enum {outside}"));
                for variant in &definition.variants {
                    self.line(outside, variant.ident.span());
                    let fields = variant.fields.iter().map(|field| field.ty.span());
                    fields.for_each(|field| {
                        self.line(&format!("{outside}::{}", variant.ident), field);
                    });
                }
                self.methods(name);
            }
            _ => {}
        }
    }

    fn fields(&mut self, source: &Source, fields: &Fields, outside: &str) {
        for field in fields.iter().filter(|field| is_public(&field.vis)) {
            self.face.places.insert(place(source, field.vis.span()));
            let name = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
            self.line(&format!("{outside}::{name}"), field.ty.span());
        }
    }

    /// The public functions of a type, which stand in its module or below.
    fn methods(&mut self, name: Name<'_>) {
        let modules: Vec<_> =
            self.modules.iter().map(|(path, source)| (path.clone(), *source)).collect();
        for (_, source) in modules.iter().filter(|(path, _)| path.starts_with(name.module)) {
            for item in &source.items {
                let Item::Impl(block) = item else { continue };
                if block.trait_.is_none() && is_named(&block.self_ty, name.inside) {
                    self.functions(source, &block.items, name.outside);
                }
            }
        }
    }

    fn functions(&mut self, source: &Source, items: &[ImplItem], outside: &str) {
        for item in items {
            let (visibility, span) = match item {
                ImplItem::Fn(function) => (&function.vis, function.sig.span()),
                ImplItem::Const(constant) => (&constant.vis, constant.ident.span()),
                _ => continue,
            };
            if is_public(visibility) {
                self.face.places.insert(place(source, visibility.span()));
                self.line(outside, span);
            }
        }
    }

    fn line(&mut self, outside: &str, signature: Span) {
        let text = signature.source_text().unwrap_or_default();
        let words: Vec<&str> = text.split_whitespace().collect();
        self.face.lines.insert(format!("{outside}: {}", words.join(" ")));
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_named(of: &Type, name: &str) -> bool {
    matches!(of, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == name))
}

fn place(source: &Source, span: Span) -> String {
    let start = span.start();
    format!("src/{}:{}:{}", source.path, start.line, start.column + 1)
}

fn segments(module: &str) -> Vec<String> {
    module.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn join(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") }
}

/// The visibility and the name of an item that has both.
fn head(item: &Item) -> Option<(&Visibility, String)> {
    let (visibility, name) = match item {
        Item::Const(item) => (&item.vis, &item.ident),
        Item::Enum(item) => (&item.vis, &item.ident),
        Item::Fn(item) => (&item.vis, &item.sig.ident),
        Item::Mod(item) => (&item.vis, &item.ident),
        Item::Static(item) => (&item.vis, &item.ident),
        Item::Struct(item) => (&item.vis, &item.ident),
        Item::Trait(item) => (&item.vis, &item.ident),
        Item::Type(item) => (&item.vis, &item.ident),
        _ => return None,
    };
    Some((visibility, name.to_string()))
}

/// The path of each name that a `use` brings, and the name.
fn leaves(tree: &UseTree, above: &[String]) -> Vec<(Vec<String>, String)> {
    let with = |name: &syn::Ident| [above, &[name.to_string()]].concat();
    match tree {
        UseTree::Path(path) => leaves(&path.tree, &with(&path.ident)),
        UseTree::Name(name) if name.ident == "self" => {
            vec![(above.to_vec(), above.last().cloned().unwrap_or_default())]
        }
        UseTree::Name(name) => vec![(with(&name.ident), name.ident.to_string())],
        UseTree::Rename(name) => vec![(with(&name.ident), name.rename.to_string())],
        UseTree::Group(group) => group.items.iter().flat_map(|tree| leaves(tree, above)).collect(),
        UseTree::Glob(_) => {
            vec![(with(&syn::Ident::new("all", Span::call_site())), "*".to_owned())]
        }
    }
}
