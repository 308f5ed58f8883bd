//! The page's sections.

use maud::{Markup, PreEscaped, html};

use super::slots::slot;
use super::{Report, stars};
use crate::report::cards::ModelCard;
use crate::report::figures::Step;
use crate::report::plot::{Figure, Origin, count, fixed, plain, runs, without_font};
use crate::report::tables::{Cell, Kind, Table};

/// A section.
pub struct Section {
    /// Anchor.
    pub id: &'static str,
    /// Heading.
    pub title: &'static str,
    /// The same in a word, for the row of links.
    pub short: &'static str,
    /// What it shows.
    pub body: Markup,
}

/// All sections in order. A section without content says so.
pub fn all(report: &Report<'_>) -> Vec<Section> {
    let titled = |id, title, short, body| Section { id, title, short, body };
    let section = |id, title, body| titled(id, title, title, body);
    vec![
        section("claims", "Claims", slot("claims")),
        section("figures", "Figures", figures(report.figures, "No figure was drawn.")),
        section("tables", "Tables", tables(report.tables)),
        section("stars", "Stars", stars::body(report.stars)),
        section(
            "diagnostics",
            "Diagnostics",
            figures(report.diagnostics, "No diagnostic was drawn."),
        ),
        section("attrition", "Attrition", attrition(report.attrition)),
        section("models", "Models", models(report.cards)),
        section("flags", "Flags", slot("flags")),
        section("columns", "Columns", slot("columns")),
        section("contradictions", "Contradictions", slot("contradictions")),
        titled("simulated", "What is simulated", "Simulated", simulated(report)),
        titled("record", "Run record", "Record", slot("record")),
        titled("acknowledgements", "Acknowledgements", "Cite", slot("acknowledgements")),
    ]
}

fn figures(figures: &[Figure], none: &str) -> Markup {
    html! {
        @if figures.is_empty() { p { (none) } }
        div .figures { @for figure in figures { (one(figure)) } }
    }
}

fn one(figure: &Figure) -> Markup {
    let wide = figure.svg.contains("width=\"178mm\"");
    html! {
        figure class=[wide.then_some("wide")] id=(figure.name) {
            div .sheet role="button" tabindex="0" aria-label={ "Enlarge: " (figure.alt) } { (PreEscaped(inline(&figure.svg))) }
            figcaption {
                (figure.caption)
                span .tools {
                    button type="button" data-svg=(figure.name) { "SVG" }
                    button type="button" data-json=(figure.name) { "numbers (JSON)" }
                }
            }
        }
    }
}

/// A figure's drawing inside the page, which has the font.
fn inline(svg: &str) -> String {
    without_font(svg).replacen(" xmlns=\"http://www.w3.org/2000/svg\"", "", 1)
}

fn tables(tables: &[Table]) -> Markup {
    html! {
        @if tables.is_empty() { p { "No table was made." } }
        @for table in tables { h3 { (rich(&table.title)) } (table_markup(table)) }
    }
}

/// Marked text with its subscripts and superscripts.
fn rich(text: &str) -> Markup {
    html! {
        @for run in runs(text) {
            @if run.drop > 0.0 { sub { (run.text) } }
            @else if run.drop < 0.0 { sup { (run.text) } }
            @else { (run.text) }
        }
    }
}

/// A sortable table with its notes.
pub fn table_markup(table: &Table) -> Markup {
    anchored(table, |_| None)
}

/// A table whose rows can be led to, by the anchors that `anchor` gives them.
pub fn anchored(table: &Table, anchor: impl Fn(usize) -> Option<String>) -> Markup {
    let printed = table.printed();
    html! {
        div .scroll { table .sortable {
            thead { tr {
                @for &(i, _) in &printed {
                    th scope="col" class=[(table.columns[i].kind != Kind::Text).then_some("number")] title=(plain(&table.columns[i].about)) {
                        (rich(table.columns[i].title()))
                        @if !table.columns[i].unit.is_empty() { " (" (table.columns[i].unit) ")" }
                    }
                }
            } }
            tbody {
                @for row in 0..table.rows.len() { tr id=[anchor(row)] { @for &place in &printed { (cell(table, row, place)) } } }
            }
        } }
        @for note in &table.notes { p .note { (note) } }
    }
}

/// As the table shows it; but kelvins and dex may share a column, whose decimals are those of its largest number: what
/// is below one has three there.
fn shown(table: &Table, row: usize, place: (usize, Option<usize>)) -> (String, String) {
    match (table.cell(row, place.0), table.columns[place.0].kind) {
        (Cell::Real(value), Kind::Real(0 | 1)) if place.1.is_none() && value.abs() < 1.0 => {
            (fixed(*value, 3), String::new())
        }
        _ => table.shown(row, place),
    }
}

fn cell(table: &Table, row: usize, place: (usize, Option<usize>)) -> Markup {
    let (value, error) = shown(table, row, place);
    let sort = match table.cell(row, place.0) {
        Cell::Real(value) if value.is_finite() => Some(value.to_string()),
        Cell::Integer(n) => Some(n.to_string()),
        _ => None,
    };
    let number = table.columns[place.0].kind != Kind::Text;
    html! {
        td class=[number.then_some("number")] data-v=[sort] { (value) @if !error.is_empty() { " ± " (error) } }
    }
}

fn attrition(steps: &[Step]) -> Markup {
    let most = steps.iter().map(|s| s.n_in).max().unwrap_or(1).max(1) as f64;
    html! {
        @if steps.is_empty() { p { "No cut was made." } }
        @else {
            div .scroll { table .sortable {
                thead { tr { @for head in ["Cut", "In", "Left", "Removed", "Left of these, %", "Paper", ""] { th scope="col" class=[(head != "Cut").then_some("number")] { (head) } } } }
                tbody { @for step in steps { (step_row(step, most)) } }
            } }
        }
    }
}

fn step_row(step: &Step, most: f64) -> Markup {
    let percent = 100.0 * step.n_out as f64 / step.n_in.max(1) as f64;
    let width = 100.0 * step.n_out as f64 / most;
    let removed = step.n_in.saturating_sub(step.n_out);
    html! {
        tr {
            td { (step.name) }
            td .number data-v=(step.n_in) { (count(step.n_in)) }
            td .number data-v=(step.n_out) { (count(step.n_out)) }
            td .number data-v=(removed) { (count(removed)) }
            td .number data-v=(percent) { (format!("{percent:.1}")) }
            td .number data-v=[step.paper] { @if let Some(paper) = step.paper { (count(paper)) } }
            td .gauge { div style={ "width:" (format!("{width:.1}")) "%" } {} }
        }
    }
}

fn simulated(report: &Report<'_>) -> Markup {
    html! {
        @if report.simulated.is_empty() {
            p {
                @if report.origin == Origin::Simulated { "All data of this run are simulated." } @else { "Nothing: all data of this run are observed." }
            }
        }
        @else { ul { @for sentence in report.simulated { li { (sentence) } } } }
    }
}

fn models(cards: &[ModelCard]) -> Markup {
    html! {
        @if cards.is_empty() { p { "No model is described on this page." } }
        @for card in cards {
            details open[cards.len() == 1] id={ "model-" (card.name) } {
                summary { code { (card.name) } " " (card.title) }
                p { (card.purpose) }
                @for part in &card.parts {
                    h3 { (part.heading) }
                    @if !part.facts.is_empty() { dl { @for (name, value) in &part.facts { dt { (name) } dd { (value) } } } }
                    @for table in &part.tables { (table_markup(table)) }
                    @if !part.sentences.is_empty() { ul { @for sentence in &part.sentences { li { (sentence) } } } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tables::Column;

    #[test]
    fn dex_beside_kelvins_keep_their_digits() {
        let table = Table {
            name: "t".into(),
            title: String::new(),
            columns: vec![Column::new("mean", "", "", Kind::Real(1))],
            rows: [183.612, -0.1581, f64::NAN].map(|v| vec![Cell::Real(v)]).to_vec(),
            notes: Vec::new(),
        };
        let texts: Vec<String> = (0..3).map(|row| shown(&table, row, (0, None)).0).collect();
        assert_eq!(texts, ["183.6", "\u{2212}0.158", ""]);
    }
}
