//! Lineage that is sound and tight.

use std::collections::{BTreeMap, BTreeSet};

use super::{place, project, tables};
use crate::project::Project;
use crate::tally::trials;

/// Digests of all columns of all tables, by `node.output.column`, and rows by `node.output`.
fn digests(project: &Project) -> BTreeMap<String, String> {
    let answer = project.mdwarf(&["lock", "--profile", "test", "--json"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let lock = answer.json();
    let mut found = BTreeMap::new();
    for (node, facts) in lock["node"].as_object().expect("nodes") {
        for (output, table) in facts["output"].as_object().into_iter().flatten() {
            for (column, digest) in table["columns"].as_object().into_iter().flatten() {
                let digest = digest.as_str().expect("a digest").to_owned();
                found.insert(format!("{node}.{output}.{column}"), digest);
            }
        }
    }
    found
}

/// Identifiers of all that lineage says a thing touches.
fn touched(project: &Project, what: &str) -> BTreeSet<String> {
    let answer = project.mdwarf(&["lineage", "--impact", what, "--profile", "test", "--json"]);
    if answer.code != 0 {
        // A column that nothing reads.
        assert!(answer.stderr.contains("there is no"), "{}", answer.stderr);
        return BTreeSet::new();
    }
    let nodes = answer.json()["nodes"].as_array().expect("nodes").clone();
    nodes.iter().map(|n| n["id"].as_str().expect("an id").to_owned()).collect()
}

/// Ways to change a column's texts.
type Change = (&'static str, fn(&mut Vec<Vec<String>>, usize));

fn nudge(text: &str, by: f64) -> String {
    match (text.parse::<i64>(), text.parse::<f64>()) {
        (Ok(n), _) => (n + (by * 1e3).round().max(1.0) as i64).to_string(),
        (_, Ok(x)) => format!("{:.7}", x * (1.0 + by)),
        _ => format!("{text}x"),
    }
}

const CHANGES: [Change; 5] = [
    ("one value a little", |rows, c| rows[2][c] = nudge(&rows[2][c], 1e-6)),
    ("one value a lot", |rows, c| rows[6][c] = nudge(&rows[6][c], 0.8)),
    ("all values a lot", |rows, c| rows.iter_mut().for_each(|r| r[c] = nudge(&r[c], 0.2))),
    ("one value missing", |rows, c| rows[4][c] = String::new()),
    ("values of two rows swapped", |rows, c| {
        let (one, other) = (rows[1][c].clone(), rows[8][c].clone());
        (rows[1][c], rows[8][c]) = (other, one);
    }),
];

/// What came of perturbing one source column.
#[derive(Default)]
struct Tried {
    changes: u64,
    refused: u64,
    moved: BTreeSet<String>,
}

#[test]
fn nothing_moves_outside_of_a_lineage() {
    let project = project();
    project.run();
    let before = digests(&project);
    let long = std::env::var_os("MDWARF_LONG").is_some();
    let changes = if long { &CHANGES[..] } else { &CHANGES[..2] };
    let (mut unsound, mut without_effect) = (Vec::new(), Vec::new());
    let (mut tried, mut moved_in_all, mut inside) = (0, 0, 0);
    for (slot, table) in tables() {
        for (index, column) in table.0.iter().enumerate() {
            let name = format!("dataset:{slot}.{column}");
            let touched = touched(&project, &name);
            let mut outcome = Tried::default();
            for (_, change) in changes {
                let mut changed = table.clone();
                change(&mut changed.1, index);
                project.write(&place(slot), changed.text());
                outcome.changes += 1;
                if project.mdwarf(&["run", "--profile", "test"]).code != 0 {
                    // Two rows of one id, or no spectrum left: an error, and no result.
                    outcome.refused += 1;
                    continue;
                }
                let after = digests(&project);
                let differs = |id: &&String| after.get(*id) != before.get(*id);
                outcome.moved.extend(before.keys().filter(differs).cloned());
            }
            project.write(&place(slot), table.text());
            let outside: Vec<&String> =
                outcome.moved.iter().filter(|id| !touched.contains(*id)).collect();
            unsound.extend(outside.into_iter().map(|id| format!("{name} moved {id}")));
            if outcome.moved.is_empty() {
                without_effect.push(name.clone());
            }
            let columns = before.keys().filter(|id| touched.contains(*id)).count();
            eprintln!(
                "{name}: {columns} columns in its lineage, {} moved, {} of {} changes refused",
                outcome.moved.len(),
                outcome.refused,
                outcome.changes
            );
            tried += outcome.changes;
            moved_in_all += outcome.moved.len();
            inside += columns;
        }
    }
    let note = format!(
        "{} columns of tables; {inside} dependences said, {moved_in_all} seen; without effect: {}",
        before.len(),
        without_effect.join(", ")
    );
    trials(8, "source columns perturbed", tried, unsound.len() as u64, &note);
    assert!(unsound.is_empty(), "{}", unsound.join("\n"));
    // Columns that a test of every kind moved, and one that nothing reads.
    assert!(!without_effect.iter().any(|c| c.ends_with("teff") || c.ends_with("ruwe")));
    assert!(moved_in_all > 200, "{moved_in_all}");
    project.run().ran(&[]);
}

#[test]
fn lineage_is_tight_where_stages_say_so() {
    let project = project();
    project.run();
    let names = |ids: BTreeSet<String>| -> BTreeSet<String> {
        let catalog = ids.iter().filter_map(|id| id.strip_prefix("catalog.catalog."));
        catalog.map(str::to_owned).collect()
    };
    // What nothing reads touches its own column only.
    let note = touched(&project, "dataset:gaia.epoch_note");
    assert!(names(note.clone()).is_empty(), "{note:?}");
    let visits = touched(&project, "dataset:quality.n_visits");
    assert!(names(visits).is_empty());
    // A color that is no criterion touches itself and what is derived of it.
    assert_eq!(
        names(touched(&project, "dataset:gaia.bp_rp")),
        BTreeSet::from(["bp_rp".to_owned()])
    );
    // The error of a label decides who trains, and so the labels, but not who is in the catalog.
    let error = names(touched(&project, "dataset:labels.e_teff"));
    assert!(error.contains("TEFF_LIT") && !error.contains("M_G") && !error.contains("obsid"));
    // A criterion decides on the rows of all.
    let ruwe = touched(&project, "dataset:quality.ruwe");
    assert!(ruwe.contains("catalog.catalog.#rows") && names(ruwe).contains("bp_rp"));
}
