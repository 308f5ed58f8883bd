//! The lineage of the catalog's columns, to be clicked through: node, its inputs, their inputs, down to the sources.
//!
//! A tree unfolds without a script. A step that enters in several ways is unfolded once in its tree; its other places
//! lead there. Names of nodes lead to their rows in the record.

use std::collections::BTreeSet;

use maud::{Markup, PreEscaped, html};

use super::slots::{ColumnOrigin, OriginStep};

/// The anchor of a node's row in the record.
pub fn node_anchor(node: &str) -> String {
    format!("node-{node}")
}

/// All columns, folded.
pub fn body(columns: &[ColumnOrigin]) -> Markup {
    html! {
        style { (PreEscaped(STYLE)) }
        p { "What each column of the catalog is made of, back to the data. Unfold a column, then what it is made of, and so on to files and their digests; a node's name leads to its row in the run's record. Tables that only hand a column on are left out. " code { "mdwarf lineage catalog.COLUMN" } " tells also how each cut and hyper-parameter decides." }
        @for column in columns { (tree(column)) }
        script { (PreEscaped(SCRIPT)) }
    }
}

/// It stands here and not in the page's own style: the page is drawn by a node, the lineage is filled in after it.
const STYLE: &str = ".tree details{margin:.1rem 0 .1rem .2rem;border-left:1px solid var(--line,#bbb);padding-left:.6rem}.tree .leaf{margin:.1rem 0 .1rem .2rem;padding-left:.6rem;border-left:1px solid var(--line,#bbb)}.tree{font-size:.82rem;overflow-wrap:anywhere;margin:.2rem 0 .6rem .6rem}.tree :target>summary,.tree .leaf:target,tr:target>td{outline:2px solid currentColor}";

/// Unfolds whatever hides the place that an address leads to; browsers differ in whether they do.
const SCRIPT: &str = r#"(()=>{const open=()=>{let at=document.getElementById(decodeURIComponent(location.hash.slice(1)));const goal=at;for(;at;at=at.parentElement)if(at.tagName==="DETAILS")at.open=true;if(goal&&(goal.closest("details")))goal.scrollIntoView({block:"center"})};addEventListener("hashchange",open);open()})();"#;

fn tree(column: &ColumnOrigin) -> Markup {
    let mut shown = BTreeSet::new();
    html! {
        details .column id={ "column-" (column.name) } {
            summary { code { (column.name) } @if !column.unit.is_empty() { " (" (column.unit) ")" } " " span .why { (column.about) } }
            div .tree {
                @if !column.steps.is_empty() { (step(column, 0, "", &mut shown)) }
                (decisions(column))
            }
        }
    }
}

fn step(column: &ColumnOrigin, place: usize, how: &str, shown: &mut BTreeSet<usize>) -> Markup {
    let Some(step) = column.steps.get(place) else { return html! {} };
    let anchor = format!("{}--{place}", column.name);
    if !shown.insert(place) {
        return html! { div .leaf { (way(how)) a href={ "#" (anchor) } { code { (step.id) } } " (unfolded above)" } };
    }
    if step.from.is_empty() {
        return html! { div .leaf id=(anchor) { (way(how)) (told(step)) } };
    }
    html! {
        details id=(anchor) open[place == 0] {
            summary { (way(how)) (told(step)) }
            @for (from, how) in &step.from { (self::step(column, *from, how, shown)) }
        }
    }
}

/// How a step enters the one above it.
fn way(how: &str) -> Markup {
    html! { @if !how.is_empty() { span .why { (how) ": " } } }
}

fn told(step: &OriginStep) -> Markup {
    let rest = step.id.strip_prefix(step.node.as_str()).unwrap_or(&step.id);
    html! {
        @if step.node.is_empty() { code { (step.id) } }
        @else { code { a href={ "#" (node_anchor(&step.node)) } { (step.node) } (rest) } }
        @if !step.unit.is_empty() { " (" (step.unit) ")" }
        @if !step.about.is_empty() { " " span .why { (step.about) } }
        @if !step.digest.is_empty() { " " span .why title="beginning of the digest of its content, blake3" { (step.digest) "…" } }
    }
}

/// Columns of sources that are judged or joined by, and do not enter the values.
fn decisions(column: &ColumnOrigin) -> Markup {
    html! {
        @if !column.decided_by.is_empty() {
            details {
                summary { span .why { "decided on, without entering the values, by " (column.decided_by.len()) " columns and sets of data" } }
                div .leaf { @for (at, id) in column.decided_by.iter().enumerate() { @if at > 0 { ", " } code { (id) } } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(id: &str, node: &str, from: &[usize]) -> OriginStep {
        let from = from.iter().map(|place| (*place, "flux".to_owned())).collect();
        OriginStep { id: id.into(), node: node.into(), from, ..OriginStep::default() }
    }

    #[test]
    fn what_enters_twice_is_unfolded_once() {
        let column = ColumnOrigin {
            name: "T".into(),
            steps: vec![
                step("fits.out.T", "fits", &[1, 2]),
                step("a.out.x", "a", &[3]),
                step("b.out.<y>", "b", &[3]),
                step("dataset:d", "", &[]),
            ],
            decided_by: vec!["dataset:d.ruwe".into()],
            ..ColumnOrigin::default()
        };
        let text = tree(&column).into_string();
        assert_eq!(text.matches("id=\"T--3\"").count(), 1, "{text}");
        assert_eq!(text.matches("href=\"#T--3\"").count(), 1, "{text}");
        assert!(text.contains("<a href=\"#node-b\">b</a>.out.&lt;y&gt;"), "{text}");
        assert!(text.contains("dataset:d.ruwe"), "{text}");
        assert_eq!(text.matches("<details").count(), text.matches("</details>").count());
    }

    #[test]
    fn steps_that_lead_back_to_themselves_end() {
        let steps = vec![step("a.o.x", "a", &[1]), step("b.o.x", "b", &[0, 9])];
        let column = ColumnOrigin { name: "x".into(), steps, ..ColumnOrigin::default() };
        assert!(tree(&column).into_string().contains("unfolded above"));
    }
}
