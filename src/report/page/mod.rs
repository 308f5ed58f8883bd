//! The report of a run: one HTML file that opens from disk, asks no network, and shows claims, figures, tables,
//! attrition, models, what is simulated, and stars; claims, contradictions, the run's record and lineage when it is published.

mod block;
mod claims;
mod sections;
mod slots;
mod stars;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::{Map, Value};

use crate::report::cards::ModelCard;
use crate::report::figures::Step;
use crate::report::plot::{Figure, Origin, web_font};
use crate::report::tables::Table;

pub use claims::ClaimRow;
pub use slots::{ColumnOrigin, Contradiction, FlagColumn, RunFacts, filled, node_columns};
pub use stars::{Star, StarBlock};

/// Everything that the report shows.
#[derive(Debug, Clone)]
pub struct Report<'a> {
    /// Headline: the pipeline and the profile.
    pub title: &'a str,
    /// One or two sentences below it.
    pub summary: &'a str,
    /// Whether the data are observed or simulated.
    pub origin: Origin,
    /// Figures of the paper, in order.
    pub figures: &'a [Figure],
    /// Figures that the paper does not have.
    pub diagnostics: &'a [Figure],
    /// Tables; long ones as their heads (see [`Table::head`]).
    pub tables: &'a [Table],
    /// The cuts in order.
    pub attrition: &'a [Step],
    /// Cards of the models.
    pub cards: &'a [ModelCard],
    /// Sentences that say what is simulated and what is not.
    pub simulated: &'a [String],
    /// The stars; `None` leaves the browser out and says so.
    pub stars: Option<&'a StarBlock<'a>>,
}

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// No scripts, styles, fonts or pictures but those inside the file.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:; font-src data:";

/// Writes the page.
pub fn page(report: &Report<'_>) -> String {
    let sections = sections::all(report);
    let fonts = web_font();
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (report.title) }
                style { (PreEscaped(fonts)) (PreEscaped(STYLE)) }
            }
            body {
                (header(report))
                nav aria-label="Sections" {
                    @for section in &sections { a href={ "#" (section.id) } { (section.short) } }
                    button #theme type="button" title="Light or dark" { "Light / dark" }
                }
                main {
                    @for section in &sections {
                        section id=(section.id) { h2 { (section.title) } (section.body) }
                    }
                }
                dialog #zoom aria-label="Enlarged figure" {
                    div .bar {
                        span { "wheel: zoom; drag: move; double click: whole figure" }
                        button #zoom-close type="button" { "Close" }
                    }
                    div #zoom-sheet {}
                }
                (twins(report))
                (slots::slot("data"))
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    markup.into_string()
}

fn header(report: &Report<'_>) -> Markup {
    html! {
        header {
            h1 { (report.title) }
            p { (report.summary) }
            (slots::slot("summary"))
            @if report.origin == Origin::Simulated {
                p .simulated { strong { "Simulated data." } " The stars, spectra and catalogs of this run are made by the program, not observed. " a href="#simulated" { "What is simulated" } }
            }
        }
    }
}

/// The figures' numbers, packed; figures of the same name are listed once.
fn twins(report: &Report<'_>) -> Markup {
    let mut seen = BTreeSet::new();
    let mut numbers = Map::new();
    for figure in report.figures.iter().chain(report.diagnostics) {
        if seen.insert(figure.name.as_str()) {
            numbers.insert(figure.name.clone(), figure.json.clone());
        }
    }
    let text = Value::Object(numbers).to_string();
    block::packed("numbers", text.as_bytes())
}
