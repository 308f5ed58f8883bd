//! Published numbers: `[[claim]]`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::PortRef;
use super::error::SpecError;
use super::names::check_name;
use super::source_map::Span;
use super::value::Spanned;

/// A number that the paper prints and how this pipeline measures it.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Unique name.
    pub id: Spanned<String>,
    /// Section of the paper.
    pub section: String,
    /// What the number is.
    pub about: String,
    /// The number as printed.
    pub paper: String,
    /// Accepted band, both ends included, in the unit of the number.
    pub accept: [f64; 2],
    /// Sample, SNR cut, in or out of fold.
    pub sample: String,
    /// Which statistic the number is, in words.
    pub statistic: String,
    /// Slots whose real data the number speaks of: without one of them there is nothing to claim.
    pub data: Vec<Spanned<String>>,
    /// What becomes of it where one of them is simulated.
    pub simulated: WhenSimulated,
    /// Where the pipeline's own value is found.
    pub value: ClaimValue,
}

/// What a claim is worth on simulated data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenSimulated {
    /// It is tested as on real data: a property of the method.
    #[default]
    Tested,
    /// It was planted, so that it proves recovery alone.
    Injected,
    /// It is a number of the real survey.
    Meaningless,
}

/// Where a claim's value is found.
#[derive(Clone, Debug)]
pub struct ClaimValue {
    /// The output that has it.
    pub from: PortRef,
    /// What is taken from it.
    pub measure: Measure,
    /// Place of the whole value.
    pub span: Span,
}

/// What is taken from an output.
#[derive(Clone, Debug, PartialEq)]
pub enum Measure {
    /// Its number of rows.
    Rows,
    /// A column's value in the rows where other columns have given values.
    Column {
        /// The column.
        column: Spanned<String>,
        /// Column names and the values they must have; by name.
        filter: BTreeMap<String, Scalar>,
        /// Statistic over the rows that remain; `None` when one row is expected.
        statistic: Option<Spanned<String>>,
    },
}

/// A value that a table's cell can be compared with.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged, expecting = "expected text, a number or true or false")]
pub enum Scalar {
    /// `true` or `false`.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A number.
    Float(f64),
    /// Text.
    Text(String),
}

/// `[[claim]]` as written.
#[derive(Deserialize)]
pub(super) struct RawClaim {
    id: Spanned<String>,
    section: String,
    about: String,
    paper: String,
    accept: Spanned<Vec<f64>>,
    sample: String,
    statistic: String,
    #[serde(default)]
    data: Vec<Spanned<String>>,
    #[serde(default)]
    simulated: WhenSimulated,
    value: Spanned<RawValue>,
}

#[derive(Deserialize)]
struct RawValue {
    node: Spanned<String>,
    port: Option<Spanned<String>>,
    rows: Option<Spanned<bool>>,
    column: Option<Spanned<String>>,
    #[serde(rename = "where")]
    filter: Option<Spanned<BTreeMap<String, Scalar>>>,
    statistic: Option<Spanned<String>>,
}

impl RawClaim {
    pub(super) fn check(self) -> Result<Claim, SpecError> {
        if self.id.is_empty() {
            let span = self.id.span;
            return Err(SpecError::new("spec.name", "a claim's id is empty", span, "here"));
        }
        Ok(Claim {
            accept: band(&self.accept)?,
            value: claim_value(self.value)?,
            id: self.id,
            section: self.section,
            about: self.about,
            paper: self.paper,
            sample: self.sample,
            statistic: self.statistic,
            data: self.data,
            simulated: self.simulated,
        })
    }
}

fn band(accept: &Spanned<Vec<f64>>) -> Result<[f64; 2], SpecError> {
    match accept.value[..] {
        [low, high] if low <= high => Ok([low, high]),
        _ => {
            let message = "`accept` is not a band of two numbers, the lower first";
            Err(SpecError::new("spec.range", message, accept.span.clone(), "here")
                .help("write `accept = [low, high]`; both ends are accepted"))
        }
    }
}

fn claim_value(raw: Spanned<RawValue>) -> Result<ClaimValue, SpecError> {
    let (span, raw) = (raw.span, raw.value);
    check_name("node", &raw.node, &raw.node.span)?;
    if let Some(port) = &raw.port {
        check_name("port", port, &port.span)?;
    }
    let from = PortRef {
        node: raw.node.value,
        port: raw.port.map(|port| port.value),
        span: raw.node.span,
    };
    let measure = measure(raw.rows, raw.column, raw.filter, raw.statistic, &span)?;
    Ok(ClaimValue { from, measure, span })
}

fn measure(
    rows: Option<Spanned<bool>>,
    column: Option<Spanned<String>>,
    filter: Option<Spanned<BTreeMap<String, Scalar>>>,
    statistic: Option<Spanned<String>>,
    span: &Span,
) -> Result<Measure, SpecError> {
    let refuse = |message: &str, span: Span| {
        Err(SpecError::new("spec.claim", message, span, "here")
            .help("a value has either `rows = true` or `column = \"…\"`; `where` and `statistic` go with `column`"))
    };
    if let Some(other) = statistic.as_ref().filter(|s| s.value != "count") {
        let message = format!("there is no statistic `{}`", other.value);
        return Err(SpecError::new("spec.claim", message, other.span.clone(), "here").help(
            "write `statistic = \"count\"` to count rows, or leave it out and point at one cell",
        ));
    }
    match (rows, column) {
        (Some(rows), _) if !rows.value => refuse("`rows` can only be `true`", rows.span),
        (Some(rows), Some(_)) => refuse("a value is `rows` or `column`, not both", rows.span),
        (None, None) => refuse("a value needs `rows` or `column`", span.clone()),
        (Some(_), None) => match (filter, statistic) {
            (Some(filter), _) => refuse("`where` does not go with `rows`", filter.span),
            (_, Some(statistic)) => refuse("`statistic` does not go with `rows`", statistic.span),
            (None, None) => Ok(Measure::Rows),
        },
        (None, Some(column)) => Ok(Measure::Column {
            column,
            filter: filter.map(|filter| filter.value).unwrap_or_default(),
            statistic,
        }),
    }
}
