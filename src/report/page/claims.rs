//! The table of claims: what the paper states, what this run finds, and the verdict.

use std::collections::BTreeMap;

use maud::{Markup, html};

/// A claim with its measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimRow {
    /// Identifier: `F3b`.
    pub id: String,
    /// Section of the paper.
    pub section: String,
    /// What is claimed.
    pub about: String,
    /// As printed.
    pub paper: String,
    /// Accepted band, ends included.
    pub accept: [f64; 2],
    /// Measured.
    pub value: Option<f64>,
    /// Its 95 % interval.
    pub interval: Option<[f64; 2]>,
    /// Rows that it rests on.
    pub n: Option<u64>,
    /// `PASS`, `MISS`, `INJECTED` or `N/A`.
    pub status: String,
    /// Sample and cuts.
    pub sample: String,
    /// Statistic in words.
    pub statistic: String,
    /// Why there is no value, or a remark.
    pub why: String,
}

/// A sign beside the word, so that no verdict is told by color alone.
fn sign(status: &str) -> &'static str {
    match status {
        "PASS" => "✓",
        "MISS" => "✗",
        "INJECTED" => "◇",
        _ => "–",
    }
}

fn class(status: &str) -> &'static str {
    match status {
        "PASS" => "pass",
        "MISS" => "miss",
        "INJECTED" => "injected",
        _ => "absent",
    }
}

/// At most four significant digits, large numbers whole.
pub fn short(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    if value.fract() == 0.0 && (1e4..1e15).contains(&value.abs()) {
        let sign = if value < 0.0 { "\u{2212}" } else { "" };
        return format!("{sign}{}", crate::report::plot::count(value.abs() as usize));
    }
    let decimals = (3 - value.abs().log10().floor() as i32).clamp(0, 6) as usize;
    let text = crate::report::plot::fixed(value, decimals);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

const HEADS: [&str; 10] = [
    "Verdict",
    "Id",
    "Section",
    "Claim",
    "Paper",
    "Accepted",
    "Here",
    "95% interval",
    "n",
    "Sample and statistic",
];
const NUMBERS: [&str; 4] = ["Accepted", "Here", "95% interval", "n"];

const STYLE: &str = "#claims table{font-size:.76rem}#claims th,#claims td{padding:.3rem .35rem}#claims th{white-space:normal;padding-right:.9rem}#claims .words{min-width:0}#claims td{overflow-wrap:break-word}";

/// How many claims have which verdict.
pub fn chips(claims: &[ClaimRow]) -> Markup {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for claim in claims {
        *counts.entry(&claim.status).or_default() += 1;
    }
    html! {
        span .chips {
            @for (status, n) in ordered(&counts) { span class={ "chip " (class(status)) } { (sign(status)) " " (n) " " (status) } " " }
        }
    }
}

/// The section's body.
pub fn body(claims: &[ClaimRow], is_simulated: bool) -> Markup {
    html! {
        @if claims.is_empty() { p { "The pipeline of this run makes no claims." } }
        @else {
            p { (chips(claims)) }
            @if is_simulated {
                p { "The values below are of simulated data. INJECTED: the quantity is put into the simulation, so that finding it checks the pipeline and not nature." }
            }
            // All ten columns within the page's width: this table's own style, for the page's is part of a cached product.
            style { (STYLE) }
            div .scroll { table .sortable {
                thead { tr {
                    @for head in HEADS { th scope="col" class=[NUMBERS.contains(&head).then_some("number")] { (head) } }
                } }
                tbody { @for claim in claims { (row(claim)) } }
            } }
        }
    }
}

/// Verdicts from the best on, others after them.
fn ordered<'a>(counts: &BTreeMap<&'a str, usize>) -> Vec<(&'a str, usize)> {
    const ORDER: [&str; 4] = ["PASS", "MISS", "INJECTED", "N/A"];
    let place = |status: &str| ORDER.iter().position(|s| *s == status).unwrap_or(ORDER.len());
    let mut found: Vec<(&str, usize)> = counts.iter().map(|(status, n)| (*status, *n)).collect();
    found.sort_by_key(|(status, _)| place(status));
    found
}

fn row(claim: &ClaimRow) -> Markup {
    let [low, high] = claim.accept;
    html! {
        tr {
            td data-v=(claim.status) { span class={ "chip " (class(&claim.status)) } { (sign(&claim.status)) " " (claim.status) } }
            td { (claim.id) }
            td { (claim.section) }
            td .words { (claim.about) }
            td { (claim.paper) }
            td .number data-v=(low) { (short(low)) " to " (short(high)) }
            td .number data-v=[claim.value] { (claim.value.map_or("–".to_owned(), short)) }
            td .number { @if let Some([low, high]) = claim.interval { (short(low)) " to " (short(high)) } }
            td .number data-v=[claim.n] { @if let Some(n) = claim.n { (crate::report::plot::count(n as usize)) } }
            td .words { (claim.sample) @if !claim.statistic.is_empty() { "; " (claim.statistic) } @if !claim.why.is_empty() { div .why { (claim.why) } } }
        }
    }
}
