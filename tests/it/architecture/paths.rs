//! The paths that a source text names, from the crate's root or from a library, in code and in what macros are given.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::visit::{self, Visit};

/// All paths of a text that stands in `module`, such as `crate::spec::Field` or `tch::Tensor`.
pub(super) fn used(text: &str, module: &[String]) -> BTreeSet<String> {
    let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{}: {error}", module.join("::")));
    let mut paths = Paths { module: module.to_vec(), used: BTreeSet::new() };
    paths.visit_file(&file);
    paths.used
}

struct Paths {
    /// Where the visit is, inline modules included.
    module: Vec<String>,
    used: BTreeSet<String>,
}

impl Paths {
    /// Notes a path; `super` and `self` are counted from where the visit is.
    fn note(&mut self, segments: &[String]) {
        let mut base = match segments.first().map(String::as_str) {
            Some("crate" | "lyceum") => vec![],
            Some("self" | "super") => self.module.clone(),
            Some(_) if segments.len() > 1 => {
                self.used.insert(segments.join("::"));
                return;
            }
            _ => return,
        };
        let mut rest = segments;
        while let Some((first, others)) = rest.split_first()
            && ["crate", "lyceum", "self", "super"].contains(&first.as_str())
        {
            if first == "super" {
                base.pop();
            }
            rest = others;
        }
        base.extend(rest.iter().cloned());
        if !base.is_empty() {
            self.used.insert(format!("crate::{}", base.join("::")));
        }
    }

    fn note_use(&mut self, tree: &syn::UseTree, before: &[String]) {
        let with = |ident: &syn::Ident| -> Vec<String> {
            before.iter().cloned().chain([ident.to_string()]).collect()
        };
        match tree {
            syn::UseTree::Path(path) => self.note_use(&path.tree, &with(&path.ident)),
            // `use sqlx;` and `use sqlx as sql;` name a library as well as `use sqlx::Row` does.
            syn::UseTree::Name(syn::UseName { ident })
            | syn::UseTree::Rename(syn::UseRename { ident, .. }) => {
                let mut path = with(ident);
                if before.is_empty() {
                    path.push("self".into());
                }
                self.note(&path);
            }
            syn::UseTree::Glob(_) => self.note(before),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.note_use(tree, before)),
        }
    }

    /// Paths in what a macro is given, whose grammar is its own: words with `::` between them.
    fn note_tokens(&mut self, tokens: TokenStream, before: &[String]) {
        let mut path = before.to_vec();
        let mut colons = if before.is_empty() { 0 } else { 2 };
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons < 2 {
                        self.note(&std::mem::take(&mut path));
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                // `crate::{a, b::c}`
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace && colons == 2 => {
                    self.note_tokens(group.stream(), &path);
                    path.clear();
                }
                other => {
                    self.note(&std::mem::take(&mut path));
                    (path, colons) = if matches!(&other, TokenTree::Punct(comma) if comma.as_char() == ',') {
                        (before.to_vec(), if before.is_empty() { 0 } else { 2 })
                    } else {
                        (vec![], 0)
                    };
                    if let TokenTree::Group(group) = other {
                        self.note_tokens(group.stream(), &[]);
                    }
                }
            }
        }
        self.note(&path);
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.note_use(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.note(&segments);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        self.note_tokens(called.tokens.clone(), &[]);
        visit::visit_macro(self, called);
    }

    fn visit_meta_list(&mut self, list: &'ast syn::MetaList) {
        self.note_tokens(list.tokens.clone(), &[]);
        visit::visit_meta_list(self, list);
    }
}
