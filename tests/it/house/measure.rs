//! What is measured in the source: lines, fields, names, parameters, imports.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Attribute, FnArg, Item, Meta, Signature, Type, UseTree, Visibility};

use crate::house::source::Source;

/// A number, and the place where it was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    pub(crate) number: usize,
    pub(crate) place: String,
}

/// What was counted in all files.
#[derive(Debug, Default)]
pub(crate) struct Measures {
    /// The lines of each function, from the first of its signature to its closing brace.
    pub(crate) functions: Vec<Found>,
    /// The fields of each struct, but for those that clap fills: they have one for each option.
    pub(crate) structs: Vec<Found>,
    /// Where each name of a type is defined, but for the structs that clap fills.
    pub(crate) types: BTreeMap<String, Vec<String>>,
    /// The parameters that are tuples.
    pub(crate) tuples: Vec<String>,
    /// The parameters that are a bare `bool`, of functions that other modules can call.
    pub(crate) booleans: Vec<String>,
    /// Which entry of `src` names which others, and a file in which it does.
    pub(crate) imports: BTreeMap<(String, String), String>,
}

impl Measures {
    pub(crate) fn of_all(sources: &[Source]) -> Self {
        let mut measures = Self::default();
        for source in sources {
            let mut reader = Reader { source, measures: &mut measures };
            source.items.iter().for_each(|item| reader.visit_item(item));
        }
        measures
    }
}

/// Reads one file.
struct Reader<'a> {
    source: &'a Source,
    measures: &'a mut Measures,
}

impl Reader<'_> {
    fn place(&self, line: usize, name: &dyn std::fmt::Display) -> String {
        format!("src/{}:{line} {name}", self.source.path)
    }

    fn function(&mut self, visibility: Option<&Visibility>, signature: &Signature, end: usize) {
        let start = signature.span().start().line;
        let place = self.place(start, &signature.ident);
        self.measures.functions.push(Found { number: end + 1 - start, place: place.clone() });
        self.parameters(visibility, signature, &place);
    }

    fn parameters(&mut self, visibility: Option<&Visibility>, signature: &Signature, place: &str) {
        for input in &signature.inputs {
            let FnArg::Typed(parameter) = input else { continue };
            match without_reference(&parameter.ty) {
                Type::Tuple(_) => self.measures.tuples.push(place.to_owned()),
                Type::Path(path) if path.path.is_ident("bool") && is_visible(visibility) => {
                    self.measures.booleans.push(place.to_owned());
                }
                _ => {}
            }
        }
    }

    fn type_name(&mut self, name: &syn::Ident) {
        let place = self.place(name.span().start().line, name);
        self.measures.types.entry(name.to_string()).or_default().push(place);
    }

    fn uses(&mut self, entry: &str) {
        let pair = (self.source.entry().to_owned(), entry.to_owned());
        // `lib` and `main` put everything together, and a macro or function of the crate's root is
        // nobody's.
        if pair.0 != pair.1 && !["lib", "main"].contains(&&*pair.0) {
            self.measures.imports.entry(pair).or_insert_with(|| self.source.path.clone());
        }
    }

    fn uses_of_macro(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for group in &tokens {
            if let TokenTree::Group(group) = group {
                self.uses_of_macro(group.stream());
            }
        }
        for window in tokens.windows(4) {
            let [first, .., TokenTree::Ident(entry)] = window else { continue };
            if matches!(first, TokenTree::Ident(first) if first == "crate") {
                self.uses(&entry.to_string());
            }
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        let end = item.block.brace_token.span.close().end().line;
        self.function(Some(&item.vis), &item.sig, end);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        let end = item.block.brace_token.span.close().end().line;
        self.function(Some(&item.vis), &item.sig, end);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(None, &item.sig, block.brace_token.span.close().end().line);
        } else {
            let place = self.place(item.sig.span().start().line, &item.sig.ident);
            self.parameters(None, &item.sig, &place);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        if !is_filled_by_clap(&item.attrs) {
            let place = self.place(item.ident.span().start().line, &item.ident);
            self.measures.structs.push(Found { number: item.fields.len(), place });
            self.type_name(&item.ident);
        }
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.type_name(&item.ident);
        visit::visit_item_enum(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.type_name(&item.ident);
        visit::visit_item_type(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.type_name(&item.ident);
        visit::visit_item_trait(self, item);
    }

    fn visit_item_union(&mut self, item: &'ast syn::ItemUnion) {
        self.type_name(&item.ident);
        visit::visit_item_union(self, item);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let mut segments = path.segments.iter();
        if segments.next().is_some_and(|first| first.ident == "crate")
            && let Some(entry) = segments.next()
        {
            self.uses(&entry.ident.to_string());
        }
        visit::visit_path(self, path);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if let UseTree::Path(path) = &item.tree
            && path.ident == "crate"
        {
            for entry in first_names(&path.tree) {
                self.uses(&entry);
            }
        }
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.uses_of_macro(item.tokens.clone());
        visit::visit_macro(self, item);
    }
}

/// Whether this has `#[derive(Args)]` or `#[derive(Parser)]`.
fn is_filled_by_clap(attributes: &[Attribute]) -> bool {
    let mut derives = attributes.iter().filter(|attribute| attribute.path().is_ident("derive"));
    derives.any(|derive| {
        let Meta::List(list) = &derive.meta else { return false };
        let mut names = list.tokens.clone().into_iter();
        names.any(|name| ["Args", "Parser"].contains(&&*name.to_string()))
    })
}

/// A trait's function has the visibility of its trait, which is there for others.
fn is_visible(visibility: Option<&Visibility>) -> bool {
    match visibility {
        Some(Visibility::Inherited) => false,
        Some(Visibility::Restricted(to)) => !to.path.is_ident("self"),
        _ => true,
    }
}

fn without_reference(parameter: &Type) -> &Type {
    match parameter {
        Type::Reference(reference) => without_reference(&reference.elem),
        other => other,
    }
}

/// The first segment of each path of a `use`.
fn first_names(tree: &UseTree) -> BTreeSet<String> {
    match tree {
        UseTree::Path(path) => BTreeSet::from([path.ident.to_string()]),
        UseTree::Name(name) => BTreeSet::from([name.ident.to_string()]),
        UseTree::Rename(name) => BTreeSet::from([name.ident.to_string()]),
        UseTree::Group(group) => group.items.iter().flat_map(first_names).collect(),
        UseTree::Glob(_) => BTreeSet::new(),
    }
}

/// The folders of `src`, in the order in which `lib.rs` declares them.
pub(crate) fn folders(sources: &[Source]) -> Vec<String> {
    let lib = sources.iter().find(|source| source.path == "lib.rs").expect("there is a lib.rs");
    let modules = lib.items.iter().filter_map(|item| match item {
        Item::Mod(module) => Some(module.ident.to_string()),
        _ => None,
    });
    modules.collect()
}
