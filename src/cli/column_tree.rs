//! A published column back to the data, along what entered its values: steps for the page's lineage.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

use super::origin::sources;
use crate::engine::lineage::{Kind, Lineage, LineageEdge};
use crate::engine::types::ColumnMeta;
use crate::formats::meaning::listed;
use crate::report::page::{ColumnOrigin, OriginStep};

/// How a column depends on the one that it is.
const IDENTITY: &str = "identity";
/// Digits of a digest that are shown.
const DIGITS: usize = 12;

/// What enters each column's values, by column.
pub struct Sources<'a>(BTreeMap<&'a str, Vec<&'a LineageEdge>>);

impl<'a> Sources<'a> {
    /// The DIRECT edges of a lineage.
    pub fn of(lineage: &'a Lineage) -> Self {
        let mut sources: BTreeMap<&str, Vec<&LineageEdge>> = BTreeMap::new();
        for edge in lineage.edges.iter().filter(|edge| edge.kind == Kind::Direct) {
            sources.entry(edge.to.as_str()).or_default().push(edge);
        }
        Self(sources)
    }

    fn entering(&self, id: &str) -> &[&'a LineageEdge] {
        self.0.get(id).map_or(&[], Vec::as_slice)
    }

    /// The column that a column is handed on from, itself if it is made where it stands.
    pub fn made_at<'b>(&self, id: &'b str) -> &'b str
    where
        'a: 'b,
    {
        let mut at = id;
        while let [only] = self.entering(at)
            && only.how == IDENTITY
        {
            at = &only.from;
        }
        at
    }
}

/// Where a column is from: its steps, tables that only hand it on left out.
pub fn column_origin(meta: &ColumnMeta, lineage: &Lineage) -> ColumnOrigin {
    let about = listed(&meta.description).map_or(meta.description.as_str(), |list| list.head);
    ColumnOrigin {
        name: meta.name.clone(),
        unit: meta.unit.clone(),
        about: about.to_owned(),
        steps: steps(lineage),
        decided_by: sources(lineage, Kind::Indirect).into_iter().map(str::to_owned).collect(),
    }
}

/// Breadth first from the column; `from` counts in the steps themselves.
fn steps(lineage: &Lineage) -> Vec<OriginStep> {
    let direct = Sources::of(lineage);
    let Some(root) = lineage.nodes.first().map(|node| direct.made_at(&node.id)) else {
        return Vec::new();
    };
    let mut order: Vec<&str> = Vec::new();
    let mut open = VecDeque::from([root]);
    let mut seen = BTreeSet::from([root]);
    while let Some(at) = open.pop_front() {
        order.push(at);
        let next = direct.entering(at).iter().map(|edge| direct.made_at(&edge.from));
        open.extend(next.filter(|from| seen.insert(*from)));
    }
    let places: BTreeMap<&str, usize> = order.iter().enumerate().map(|(i, id)| (*id, i)).collect();
    let step = |id: &str| {
        let mut from: Vec<(usize, String)> = Vec::new();
        for edge in direct.entering(id) {
            let one = (places[direct.made_at(&edge.from)], edge.how.clone());
            if !from.contains(&one) {
                from.push(one);
            }
        }
        OriginStep { id: id.to_owned(), from, ..told(lineage, id) }
    };
    order.iter().map(|id| step(id)).collect()
}

/// What the page says of a step by itself.
fn told(lineage: &Lineage, id: &str) -> OriginStep {
    let facts = lineage.nodes.iter().find(|node| node.id == id).map(|node| &node.facts);
    let facts = facts.unwrap_or(&Value::Null);
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let work = [word(&facts["stage"]), word(&facts["section"])];
    let work: Vec<String> = work.into_iter().filter(|word| !word.is_empty()).collect();
    OriginStep {
        node: word(&facts["node"]),
        unit: word(&facts["column"]["unit"]),
        about: if facts["kind"] == "dataset" { dataset(facts) } else { work.join(", ") },
        digest: word(&facts["digest"]).chars().take(DIGITS).collect(),
        ..OriginStep::default()
    }
}

/// `what it is; release; address; licence; file NAME blake3 0123…` of a dataset.
fn dataset(facts: &Value) -> String {
    let known = &facts["slot"];
    let mut parts: Vec<String> = ["about", "release", "url", "licence"]
        .iter()
        .filter_map(|key| known[*key].as_str().filter(|text| !text.is_empty()))
        .map(str::to_owned)
        .collect();
    let files = facts["files"].as_array().map(Vec::as_slice).unwrap_or_default();
    parts.extend(files.iter().take(FILES).map(file));
    if files.len() > FILES {
        parts.push(format!("and {} more files", files.len() - FILES));
    }
    let made = facts["made_by"].as_str().map(|by| format!("made by {by}"));
    let absent = facts["absent"].as_str().map(|why| format!("absent: {why}"));
    parts.extend(made.into_iter().chain(absent));
    parts.join("; ")
}

/// Files of a dataset that are named; `mdwarf lineage` names all.
const FILES: usize = 3;

fn file(file: &Value) -> String {
    let digest: String = file["blake3"].as_str().unwrap_or_default().chars().take(DIGITS).collect();
    let name = file["name"].as_str().unwrap_or_default();
    let address = file["origin"].as_str().filter(|origin| *origin != "path");
    let from = address.map(|url| format!(" from {url}")).unwrap_or_default();
    format!("file {name}, blake3 {digest}…{from}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::lineage::tests::sample;
    use crate::engine::types::F64;

    #[test]
    fn steps_leave_out_tables_that_hand_on_and_name_the_files() {
        let meta = ColumnMeta::new("teff", F64).unit("K").about("hot");
        let origin = column_origin(&meta, &sample());
        let ids: Vec<&str> = origin.steps.iter().map(|step| step.id.as_str()).collect();
        assert_eq!(ids, ["a.out.teff", "dataset:x"]);
        assert_eq!(origin.steps[0].from, [(1, "files".to_owned())]);
        assert_eq!(
            (origin.steps[0].node.as_str(), origin.steps[0].about.as_str()),
            ("a", "cuts, §3")
        );
        let about = &origin.steps[1].about;
        assert!(about.contains("file f0, blake3 00…") && about.ends_with("and 19 more files"));
        // The dataset enters the values: it is no mere decision.
        assert!(origin.decided_by.is_empty());
    }
}
