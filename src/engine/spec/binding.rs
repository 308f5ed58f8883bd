//! What fills a dataset slot.

use std::collections::HashMap;
use std::io;

use serde::Deserialize;

use super::PortRef;
use super::archive::{Archive, RawArchive};
use super::error::SpecError;
use super::names::{check_digest, check_path, check_url};
use super::pipeline::keep;
use super::source_map::{SourceMap, Span};
use super::syntax::admit;
use super::value::Spanned;

/// What fills a dataset slot. Paths are as written; whoever opens them knows what they are relative to.
#[derive(Clone, Debug, PartialEq)]
pub enum Binding {
    /// Many files, known by digest.
    Tree {
        /// Address of one file with `{path}` in it; `None`: from a mirror only.
        url: Option<String>,
        /// The files, in the order written, with distinct paths.
        files: Vec<TreeFile>,
    },
    /// A file or directory that is there; its bytes decide.
    Path {
        /// Where.
        path: Spanned<String>,
        /// Which files of the directory: `*.fits*`.
        glob: Option<Spanned<String>>,
    },
    /// One file, known by digest.
    File {
        /// Where it can be had; `None`: from a mirror only.
        url: Option<String>,
        /// BLAKE3 digest, 64 lower-case hexadecimal digits.
        blake3: String,
        /// Its size.
        bytes: u64,
        /// Where in a mirror it may be found first.
        mirror_path: Option<String>,
    },
    /// Made by a node of the simulation.
    Simulated {
        /// The node, and its output of files.
        from: PortRef,
    },
    /// Not there.
    Absent {
        /// Why.
        reason: String,
    },
}

/// A file of a [`Binding::Tree`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeFile {
    /// Relative path with `/`, safe to join to a directory.
    pub path: String,
    /// BLAKE3 digest, 64 lower-case hexadecimal digits.
    pub blake3: String,
    /// Its size.
    pub bytes: u64,
}

/// `[dataset.NAME]` of a profile, as written.
#[derive(Deserialize)]
pub(super) struct RawBinding {
    tree: Option<Spanned<RawTree>>,
    path: Option<Spanned<String>>,
    glob: Option<Spanned<String>>,
    url: Option<Spanned<String>>,
    blake3: Option<Spanned<String>>,
    bytes: Option<Spanned<u64>>,
    mirror_path: Option<Spanned<String>>,
    simulated: Option<Spanned<String>>,
    absent: Option<Spanned<String>>,
    cite: Option<String>,
    archive: Option<RawArchive>,
}

#[derive(Deserialize)]
struct RawTree {
    url: Option<Spanned<String>>,
    list: Option<Vec<Spanned<RawFile>>>,
    list_file: Option<Spanned<String>>,
}

#[derive(Deserialize)]
struct RawFile {
    path: Spanned<String>,
    blake3: Spanned<String>,
    bytes: u64,
}

/// Where list files come from and what is found wrong.
pub(super) struct Lists<'a> {
    pub map: &'a mut SourceMap,
    /// Directory of the profile as in its name, with `/`, or empty.
    pub directory: &'a str,
    pub read: &'a dyn Fn(&str) -> io::Result<String>,
    pub errors: &'a mut Vec<SpecError>,
}

const WAYS: &str = "write one of `path`, `url` with `blake3` and `bytes`, `tree`, `simulated = \"node\"`, \
                    `absent = \"why\"`";

impl RawBinding {
    /// What is known of the dataset in an archive, taken out of the rest.
    pub(super) fn archive(&mut self, lists: &mut Lists<'_>) -> Option<Archive> {
        self.archive.take().and_then(|archive| archive.check(lists))
    }

    /// What a paper that uses the data has to say, taken out of the rest.
    pub(super) fn cite(&mut self) -> Option<String> {
        self.cite.take()
    }

    /// Exactly one way of filling the slot. `span` is the dataset's name in the profile.
    pub(super) fn check(self, span: &Span, lists: &mut Lists<'_>) -> Option<Binding> {
        if let Err(error) = self.one_way(span) {
            lists.errors.push(error);
            return None;
        }
        if let Some(tree) = self.tree {
            return tree.value.check(&tree.span, lists);
        }
        keep(self.single(span), lists.errors)
    }

    /// Refuses none or several ways at once, and `glob` without its path.
    fn one_way(&self, span: &Span) -> Result<(), SpecError> {
        let refuse = |message: &str, span: &Span| {
            Err(SpecError::new("spec.binding", message, span.clone(), "here").help(WAYS))
        };
        match (self.ways().as_slice(), &self.glob, &self.path) {
            ([], _, _) => refuse("nothing fills this dataset", span),
            ([_], Some(glob), None) => refuse("`glob` goes with `path` only", &glob.span),
            ([_], _, _) => Ok(()),
            ([(first, at), (second, other), ..], _, _) => {
                let message = format!("`{first}` and `{second}` exclude each other");
                refuse(&message, other)
                    .map_err(|e| e.label(at.clone(), format!("`{first}` is here")))
            }
        }
    }

    /// The ways of filling a slot that were written, by their first key.
    fn ways(&self) -> Vec<(&'static str, Span)> {
        let file = [
            ("url", place(&self.url)),
            ("blake3", place(&self.blake3)),
            ("bytes", place(&self.bytes)),
            ("mirror_path", place(&self.mirror_path)),
        ];
        let file = file.into_iter().find(|(_, at)| at.is_some());
        let ways = [
            ("tree", place(&self.tree)),
            ("path", place(&self.path)),
            file.unwrap_or(("url", None)),
            ("simulated", place(&self.simulated)),
            ("absent", place(&self.absent)),
        ];
        let written = ways.into_iter().filter_map(|(key, at)| Some((key, at?)));
        written.collect()
    }

    fn single(self, span: &Span) -> Result<Binding, SpecError> {
        let empty = |key: &str, span: &Span| {
            let message = format!("`{key}` is empty");
            SpecError::new("spec.binding", message, span.clone(), "here")
        };
        if let Some(path) = self.path {
            return match (&path, &self.glob) {
                (path, _) if path.is_empty() => Err(empty("path", &path.span)),
                (_, Some(glob)) if glob.is_empty() => Err(empty("glob", &glob.span)),
                _ => Ok(Binding::Path { path, glob: self.glob }),
            };
        }
        if let Some(reason) = self.absent {
            return match reason.is_empty() {
                true => Err(empty("absent", &reason.span).help("say why the data are not there")),
                false => Ok(Binding::Absent { reason: reason.value }),
            };
        }
        match self.simulated {
            Some(node) => Ok(Binding::Simulated { from: PortRef::parse(&node)? }),
            None => self.file(span),
        }
    }

    fn file(self, span: &Span) -> Result<Binding, SpecError> {
        let missing = |key: &str| {
            let message = format!("missing key `{key}`: a file is known by digest and size");
            SpecError::new("spec.missing", message, span.clone(), "in this dataset")
                .help("`b3sum FILE` prints the digest")
        };
        let blake3 = self.blake3.ok_or_else(|| missing("blake3"))?;
        let bytes = self.bytes.ok_or_else(|| missing("bytes"))?.value;
        check_digest(&blake3, &blake3.span)?;
        if let Some(url) = &self.url {
            check_url(url, &url.span)?;
        }
        if let Some(path) = &self.mirror_path {
            check_path("a path in a mirror", path, &path.span)?;
        }
        Ok(Binding::File {
            url: self.url.map(|url| url.value),
            blake3: blake3.value,
            bytes,
            mirror_path: self.mirror_path.map(|path| path.value),
        })
    }
}

fn place<T>(value: &Option<Spanned<T>>) -> Option<Span> {
    value.as_ref().map(|value| value.span.clone())
}

impl RawTree {
    fn check(self, span: &Span, lists: &mut Lists<'_>) -> Option<Binding> {
        if let Some(url) = &self.url {
            keep(check_template(url), lists.errors)?;
        }
        let files = match (self.list, self.list_file) {
            (Some(list), None) => list.into_iter().map(|file| file.value).collect(),
            (None, Some(name)) => read_list(&name, lists)?,
            _ => {
                let message = "a tree has either `list` or `list_file`";
                let error = SpecError::new("spec.binding", message, span.clone(), "here");
                lists.errors.push(error);
                return None;
            }
        };
        let files = check_files(files, span, lists.errors)?;
        let url = self.url.map(|url| url.value);
        Some(Binding::Tree { url, files })
    }
}

fn check_template(url: &Spanned<String>) -> Result<(), SpecError> {
    check_url(url, &url.span)?;
    if url.matches("{path}").count() == 1 {
        return Ok(());
    }
    let message = "the address of a tree's file has `{path}` once";
    Err(SpecError::new("spec.url", message, url.span.clone(), "here")
        .help("write `https://example.org/files/{path}`"))
}

/// Checks every file; `None` if one of them is refused.
fn check_files(
    raw: Vec<RawFile>,
    span: &Span,
    errors: &mut Vec<SpecError>,
) -> Option<Vec<TreeFile>> {
    let before = errors.len();
    let mut seen: HashMap<String, Span> = HashMap::new();
    let mut files = Vec::with_capacity(raw.len());
    for RawFile { path, blake3, bytes } in raw {
        keep(check_path("a file of a tree", &path, &path.span), errors);
        keep(check_digest(&blake3, &blake3.span), errors);
        if let Some(first) = seen.insert(path.value.clone(), path.span.clone()) {
            let message = format!("file `{}` is listed twice", path.value);
            let error = SpecError::new("spec.duplicate", message, path.span, "again");
            errors.push(error.label(first, "first"));
        }
        files.push(TreeFile { path: path.value, blake3: blake3.value, bytes });
    }
    if files.is_empty() {
        errors.push(SpecError::new("spec.binding", "the tree has no files", span.clone(), "here"));
    }
    (errors.len() == before).then_some(files)
}

/// Reads `digest size path` a line; blank lines and `#` lines are skipped.
fn read_list(name: &Spanned<String>, lists: &mut Lists<'_>) -> Option<Vec<RawFile>> {
    keep(check_path("a list file", name, &name.span), lists.errors)?;
    let text = (lists.read)(name).map_err(|error| {
        let message = format!("cannot read the list file `{}`: {error}", name.value);
        SpecError::new("spec.io", message, name.span.clone(), "named here")
            .help("the path is relative to the profile")
    });
    let text = keep(text, lists.errors)?;
    let shown = match lists.directory {
        "" => name.value.clone(),
        directory => format!("{directory}/{}", name.value),
    };
    let base = admit(lists.map, &shown, &text, lists.errors)?;
    let mut files = Vec::new();
    let mut start = base;
    let before = lists.errors.len();
    for line in text.split('\n') {
        let content = line.trim();
        if !content.is_empty() && !content.starts_with('#') {
            let at = start + (line.len() - line.trim_start().len());
            files.extend(keep(parse_line(content, at), lists.errors));
        }
        start += line.len() + 1;
    }
    (lists.errors.len() == before).then_some(files)
}

fn parse_line(line: &str, at: usize) -> Result<RawFile, SpecError> {
    let mut words = Vec::with_capacity(3);
    let mut rest = line;
    while words.len() < 2 {
        let Some((word, after)) = rest.split_once([' ', '\t']) else {
            break;
        };
        words.push(spanned(line, word, at));
        rest = after.trim_start();
    }
    words.push(spanned(line, rest, at));
    let parsed = match words.as_slice() {
        [blake3, size, path] => size.parse().ok().map(|bytes| RawFile {
            path: path.clone(),
            blake3: blake3.clone(),
            bytes,
        }),
        _ => None,
    };
    parsed.ok_or_else(|| {
        let message = "expected `digest size path`";
        SpecError::new("spec.syntax", message, at..at + line.len(), "this line")
            .help("the size is in bytes")
    })
}

/// A word of a line with its address; `word` is a part of `line`.
fn spanned(line: &str, word: &str, at: usize) -> Spanned<String> {
    let start = at + (word.as_ptr() as usize - line.as_ptr() as usize);
    Spanned::new(word.to_owned(), start..start + word.len())
}
