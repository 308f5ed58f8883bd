//! `[dataset.NAME.archive]`: what a dataset of an archive is, how it is had, and what a good copy of it looks like.
//!
//! Documentation only: nothing here decides a result. `mdwarf check` prints it for what is missing, and holds it against
//! what is there.

use serde::Deserialize;

use super::binding::Lists;
use super::error::{SpecError, suggestion};
use super::names::{check_path, check_url};
use super::pipeline::keep;
use super::value::Spanned;

/// What is known of a dataset in an archive.
#[derive(Clone, Debug, PartialEq)]
pub struct Archive {
    /// Version of the data: `DR6 v1.1`. Another release is another dataset.
    pub release: String,
    /// Where it is had.
    pub url: Option<String>,
    /// What to do, step by step; a step that begins with `$ ` is a command for a shell.
    pub get: Vec<String>,
    /// A query to send, relative to the profile.
    pub query_file: Option<String>,
    /// What may be done with the data.
    pub licence: String,
    /// What to write into a paper.
    pub acknowledgement: String,
    /// About how much is downloaded.
    pub volume_bytes: u64,
    /// How the files are written, where that differs from the slot.
    pub format: Option<String>,
    /// Number of files, or of rows of a table, of a whole copy.
    pub rows: Option<u64>,
    /// The columns that are used.
    pub columns: Vec<ArchiveColumn>,
    /// Sets of columns that identify a row.
    pub unique: Vec<Vec<String>>,
}

/// A column of an archive's table.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveColumn {
    /// Its name in the file.
    pub name: String,
    /// Its unit; empty for none.
    #[serde(default)]
    pub unit: String,
    /// What it is.
    #[serde(default)]
    pub about: String,
    /// Values that are possible, both ends included.
    #[serde(default)]
    pub range: Option<(f64, f64)>,
    /// Numbers that stand for a missing value.
    #[serde(default)]
    pub sentinels: Vec<f64>,
    /// Whether a value may be missing.
    #[serde(default)]
    pub optional: bool,
}

/// The section as written.
#[derive(Deserialize)]
pub(super) struct RawArchive {
    release: Spanned<String>,
    url: Option<Spanned<String>>,
    get: Spanned<Vec<String>>,
    query_file: Option<Spanned<String>>,
    licence: String,
    acknowledgement: String,
    volume_bytes: u64,
    format: Option<String>,
    rows: Option<u64>,
    columns: Option<Vec<Spanned<ArchiveColumn>>>,
    unique: Option<Vec<Spanned<Vec<String>>>>,
}

impl RawArchive {
    /// Checks addresses, the query's file, ranges and names; `None` if anything is refused.
    pub(super) fn check(self, lists: &mut Lists<'_>) -> Option<Archive> {
        let before = lists.errors.len();
        if self.release.trim().is_empty() {
            let message = "`release` is empty: another release is another dataset";
            let span = self.release.span.clone();
            lists.errors.push(SpecError::new("spec.archive", message, span, "here"));
        }
        if self.get.is_empty() {
            let error = SpecError::new("spec.archive", "`get` has no steps", self.get.span, "here");
            lists.errors.push(error.help("say how one who never did gets the data"));
        }
        if let Some(url) = &self.url {
            keep(check_url(url, &url.span), lists.errors);
        }
        if let Some(query) = &self.query_file {
            check_query(query, lists);
        }
        let columns = self.columns.unwrap_or_default();
        let unique = self.unique.unwrap_or_default();
        check_columns(&columns, &unique, lists.errors);
        (lists.errors.len() == before).then(|| Archive {
            release: self.release.value,
            url: self.url.map(|url| url.value),
            get: self.get.value,
            query_file: self.query_file.map(|query| query.value),
            licence: self.licence,
            acknowledgement: self.acknowledgement,
            volume_bytes: self.volume_bytes,
            format: self.format,
            rows: self.rows,
            columns: columns.into_iter().map(|column| column.value).collect(),
            unique: unique.into_iter().map(|names| names.value).collect(),
        })
    }
}

fn check_query(query: &Spanned<String>, lists: &mut Lists<'_>) {
    if keep(check_path("a query", query, &query.span), lists.errors).is_none() {
        return;
    }
    if let Err(why) = (lists.read)(query) {
        let message = format!("cannot read the query `{}`: {why}", query.value);
        let error = SpecError::new("spec.io", message, query.span.clone(), "named here");
        lists.errors.push(error.help("the path is relative to the profile"));
    }
}

fn check_columns(
    columns: &[Spanned<ArchiveColumn>],
    unique: &[Spanned<Vec<String>>],
    errors: &mut Vec<SpecError>,
) {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    for (at, column) in columns.iter().enumerate() {
        if names[..at].contains(&column.name.as_str()) {
            let message = format!("column `{}` is listed twice", column.name);
            errors.push(SpecError::new("spec.duplicate", message, column.span.clone(), "again"));
        }
        let is_empty = |(least, most): (f64, f64)| least.is_nan() || most.is_nan() || least > most;
        if column.range.is_some_and(is_empty) {
            let message = format!("the range of column `{}` is empty", column.name);
            errors.push(SpecError::new("spec.archive", message, column.span.clone(), "here"));
        }
    }
    for set in unique {
        for name in set.iter().filter(|name| !names.contains(&name.as_str())) {
            let message = format!("`unique` names `{name}`, which is none of the columns");
            let error = SpecError::new("spec.reference", message, set.span.clone(), "here");
            errors.push(error.help(suggestion(name, &names, "column")));
        }
    }
}
