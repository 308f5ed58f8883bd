//! The verb `runs`: the ledger, a line a run.

use serde_json::{Value, json};

use super::args::Cli;
use super::failure::Failure;
use super::past::open_store;
use super::table::table;
use super::talk::Talk;
use crate::engine::claims::Status;
use crate::engine::ledger::RunEntry;
use crate::engine::run::Outcome;

/// Lists all runs of the store, of whatever profile and method.
pub fn runs(cli: &Cli, talk: &Talk) -> Result<u8, Failure> {
    let (_, ledger) = open_store(&cli.common)?;
    let ids = ledger.ids()?;
    let entries: Vec<RunEntry> = ids.iter().filter_map(|id| ledger.run(id).ok()).collect();
    if cli.common.json {
        talk.json(&entries.iter().map(summary).collect::<Vec<_>>());
        return Ok(0);
    }
    if entries.is_empty() {
        talk.note("no runs yet");
        return Ok(0);
    }
    let header =
        ["RUN", "PROFILE", "METHOD", "RAN", "REUSED", "FAILED", "SECONDS", "MISSED", "SET"];
    let right = ["RAN", "REUSED", "FAILED", "SECONDS", "MISSED"];
    talk.out(&table(&header, &right, entries.iter().map(row).collect()));
    Ok(0)
}

/// Nodes that ran, were reused, failed; claims missed.
fn counts(entry: &RunEntry) -> [usize; 4] {
    let nodes = |wanted: fn(&Outcome) -> bool| {
        entry.nodes.iter().filter(|node| wanted(&node.outcome)).count()
    };
    [
        nodes(|o| matches!(o, Outcome::Ran { .. })),
        nodes(|o| matches!(o, Outcome::Reused)),
        nodes(|o| matches!(o, Outcome::Failed { .. })),
        entry.claims.iter().filter(|claim| claim.status == Status::Miss).count(),
    ]
}

fn row(entry: &RunEntry) -> Vec<String> {
    let [ran, reused, failed, missed] = counts(entry);
    vec![
        entry.id.clone(),
        entry.profile.clone(),
        entry.method.clone(),
        ran.to_string(),
        reused.to_string(),
        failed.to_string(),
        format!("{:.2}", entry.seconds),
        missed.to_string(),
        entry.sets.join(" "),
    ]
}

fn summary(entry: &RunEntry) -> Value {
    let [ran, reused, failed, missed] = counts(entry);
    json!({
        "run": entry.id,
        "profile": entry.profile,
        "method": entry.method,
        "set": entry.sets,
        "code": entry.code,
        "started": entry.started,
        "seconds": entry.seconds,
        "ran": ran,
        "reused": reused,
        "failed": failed,
        "claims_missed": missed,
    })
}
