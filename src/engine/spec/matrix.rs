//! Several runs in one go: `[matrix.NAME]`.

use serde::Deserialize;

use super::error::SpecError;
use super::names::check_name;
use super::source_map::Span;
use super::value::{Entry, Spanned};

/// The most runs of a matrix: each is a whole run, and nobody reads a wider table.
pub const MOST_RUNS: usize = 64;

/// Runs that differ in their method, training set or other values, to be compared in one table.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// Its name.
    pub name: String,
    /// Where it is declared.
    pub span: Span,
    /// What it asks.
    pub about: String,
    /// The runs: all combinations of methods and axes.
    pub runs: Vec<MatrixRun>,
}

/// One run of a matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatrixRun {
    /// The names of its choices: `printed, b20`.
    pub name: String,
    /// Its method; `None` for the command line's.
    pub method: Option<String>,
    /// What it sets, as `--set` would.
    pub sets: Vec<String>,
}

#[derive(Deserialize)]
struct RawMatrix {
    about: String,
    #[serde(default)]
    methods: Vec<Spanned<String>>,
    #[serde(default)]
    axes: Vec<Vec<Choice>>,
}

/// A choice on an axis.
#[derive(Deserialize)]
struct Choice {
    name: String,
    #[serde(default)]
    set: Vec<String>,
}

/// Reads `[matrix.NAME]`. Its methods are looked up when all are known: [`RawAxes::combine`].
pub(super) fn read_matrix(name: &str, entry: &Entry) -> Result<RawAxes, SpecError> {
    check_name("matrix", name, &entry.key)?;
    let raw: RawMatrix = super::pipeline::read_section(format!("[matrix.{name}]"), entry)?;
    let refuse = |message: String, help: &str| {
        Err(SpecError::new("spec.matrix", message, entry.key.clone(), "this matrix").help(help))
    };
    if raw.methods.is_empty() && raw.axes.is_empty() {
        let help = "write `methods = [\"printed\", …]`, or `axes = [[{ name = \"plain\" }, { name = \"other\", set = [\"node.param=value\"] }]]`";
        return refuse(format!("matrix `{name}` has neither methods nor axes"), help);
    }
    if raw.axes.iter().any(Vec::is_empty) {
        return refuse(format!("matrix `{name}` has an axis without choices"), "leave it out");
    }
    let sizes = raw.axes.iter().map(Vec::len).chain([raw.methods.len().max(1)]);
    let size = sizes.fold(1usize, usize::saturating_mul);
    if size > MOST_RUNS {
        let help = format!("a matrix has {MOST_RUNS} runs at most: leave choices out, or make two");
        return refuse(format!("matrix `{name}` would be {size} runs"), &help);
    }
    Ok(RawAxes { name: name.to_owned(), span: entry.key.clone(), raw })
}

/// A matrix whose methods were not looked up yet.
pub(super) struct RawAxes {
    name: String,
    span: Span,
    raw: RawMatrix,
}

impl RawAxes {
    /// The matrix, with all its runs.
    pub(super) fn combine(self, known: &[String], errors: &mut Vec<SpecError>) -> Matrix {
        let RawMatrix { about, methods, axes } = self.raw;
        for method in methods.iter().filter(|method| !known.contains(&method.value)) {
            let names: Vec<&str> = known.iter().map(String::as_str).collect();
            let message = format!("matrix `{}`: there is no method `{}`", self.name, method.value);
            let error = SpecError::new("spec.method", message, method.span.clone(), "not a method");
            errors.push(error.help(super::error::suggestion(method, &names, "method")));
        }
        let start = |method: Option<String>| MatrixRun {
            name: method.clone().unwrap_or_default(),
            method,
            sets: Vec::new(),
        };
        let mut runs: Vec<MatrixRun> = match methods.is_empty() {
            true => vec![start(None)],
            false => methods.into_iter().map(|method| start(Some(method.value))).collect(),
        };
        for axis in axes {
            runs = runs.iter().flat_map(|run| axis.iter().map(|choice| run.and(choice))).collect();
        }
        Matrix { name: self.name, span: self.span, about, runs }
    }
}

impl MatrixRun {
    fn and(&self, choice: &Choice) -> Self {
        let name = match self.name.is_empty() {
            true => choice.name.clone(),
            false => format!("{}, {}", self.name, choice.name),
        };
        let sets = self.sets.iter().chain(&choice.set).cloned().collect();
        Self { name, method: self.method.clone(), sets }
    }

    /// The method of the run where the command line says `given`.
    pub fn method_or<'a>(&'a self, given: &'a str) -> &'a str {
        self.method.as_deref().unwrap_or(given)
    }
}
