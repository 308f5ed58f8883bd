//! A run of the past, asked without its pipeline: what the ledger and the records still know.

use serde_json::{Value, json};

use super::args::Common;
use super::failure::{Failure, split_hint, without_node};
use super::show::meanings;
use super::table::{cell, count, table};
use super::talk::Talk;
use super::{claims, status, why};
use crate::engine::cells::value;
use crate::engine::claims::Status;
use crate::engine::error::EngineError;
use crate::engine::ledger::{Ledger, NodeEntry, RunEntry};
use crate::engine::record::{OutputRecord, Record};
use crate::engine::run::Outcome;
use crate::engine::store::Store;

/// The store and its ledger.
pub fn open_store(common: &Common) -> Result<(Store, Ledger), Failure> {
    let store = Store::with_files(&common.cache_folder(), common.files.clone())?;
    let ledger = Ledger::open(&store, &common.profile, &common.method)?;
    Ok((store, ledger))
}

/// Finds a run by its name, the beginning of it, `latest`, or `latest~1` for the one before.
pub fn find_run(ledger: &Ledger, run: &str) -> Result<RunEntry, Failure> {
    let ids = ledger.ids()?;
    let back = match run.strip_prefix("latest") {
        Some("") => Some(0),
        Some(back) => back.strip_prefix('~').and_then(|n| n.parse::<usize>().ok()),
        None => None,
    };
    if let Some(back) = back {
        let Some(at) = ids.len().checked_sub(back.saturating_add(1)) else {
            return Err(Failure::usage(format!(
                "there is no run `{run}`, only {}",
                count(ids.len(), "run")
            ))
            .hint("`mdwarf runs` lists all runs"));
        };
        return Ok(ledger.run(&ids[at])?);
    }
    let mut fitting = ids.iter().filter(|id| id.starts_with(run));
    let id = match (fitting.next(), fitting.next()) {
        (Some(only), None) => only,
        (Some(_), Some(_)) if !ids.iter().any(|id| id == run) => {
            return Err(Failure::usage(format!("several runs begin with `{run}`"))
                .hint("`mdwarf runs` lists all runs"));
        }
        _ => run,
    };
    Ok(ledger.run(id)?)
}

/// A run of the ledger.
pub struct Past {
    store: Store,
    ledger: Ledger,
    entry: RunEntry,
}

impl Past {
    /// Finds a run by its name, the beginning of it, `latest`, or `latest~1` for the one before.
    pub fn open(common: &Common, run: &str) -> Result<Self, Failure> {
        let (store, ledger) = open_store(common)?;
        let entry = find_run(&ledger, run)?;
        Ok(Past { entry, store, ledger })
    }

    fn node(&self, name: &str) -> Result<&NodeEntry, Failure> {
        let names = self.entry.nodes.iter().map(|node| node.node.as_str());
        let found = self.entry.nodes.iter().find(|node| node.node == name);
        Ok(found.ok_or_else(|| EngineError::unknown("node", name, names))?)
    }

    /// What came out of a node; `None` where nothing did or a sweep has taken it.
    fn record(&self, node: &NodeEntry) -> Result<Option<Record>, Failure> {
        Ok(node.record(&self.store)?)
    }

    /// `claims --run`.
    pub fn claims(&self, json: bool, check: bool, talk: &Talk) -> u8 {
        claims::tell(&self.entry.claims, json, talk);
        claims::code(self.entry.claims.iter().any(|c| c.status == Status::Miss), check)
    }

    /// `status --run`.
    pub fn status(&self, json: bool, talk: &Talk) -> u8 {
        if json {
            talk.json(&status::json(&self.store, &self.entry, None));
            return 0;
        }
        status::tell(&self.store, &self.entry, talk);
        0
    }

    /// `why NODE --run`.
    pub fn why(&self, node: &str, json: bool, talk: &Talk) -> Result<u8, Failure> {
        let entry = self.node(node)?;
        let outcome = status::word(&entry.outcome);
        // What was reused was made in a run before, if the ledger still has that.
        let made = match entry.outcome {
            Outcome::Reused => self.made_before(node)?,
            _ => None,
        };
        let run = made.as_ref().unwrap_or(&self.entry);
        let links = why::chain(node, &why::moved_then(run));
        if json {
            talk.json(&json!({
                "node": node, "run": self.entry.id, "state": outcome, "made_in": run.id,
                "chain": links, "because": status::why(&entry.outcome),
            }));
            return Ok(0);
        }
        talk.out(&format!("`{node}` {outcome} in {}", self.entry.id));
        if let Some(because) = status::why(&entry.outcome) {
            let (message, hint) = split_hint(&because);
            talk.out(&format!("  {}", without_node(message, node)));
            hint.into_iter().for_each(|hint| talk.hint(hint));
        }
        if let Some(made) = &made {
            talk.out(&format!("it was made in {}", made.id));
        }
        if !links.is_empty() {
            talk.out(&why::text(&links));
        }
        Ok(0)
    }

    /// The run, no later than this one, that made what this one reused of a node.
    fn made_before(&self, node: &str) -> Result<Option<RunEntry>, Failure> {
        let key = self.node(node)?.key;
        let ids = self.ledger.ids()?;
        let before = ids.iter().rev().filter(|id| **id <= self.entry.id);
        let mut runs = before.filter_map(|id| self.ledger.run(id).ok());
        Ok(runs.find(|run| {
            let mut nodes = run.nodes.iter();
            nodes.any(|n| n.key == key && matches!(n.outcome, Outcome::Ran { .. }))
        }))
    }

    /// `log NODE --run`.
    pub fn log(&self, node: &str, json: bool, talk: &Talk) -> Result<u8, Failure> {
        let entry = self.node(node)?;
        let notes = self.record(entry)?.map(|record| record.log).unwrap_or_default();
        let because = status::why(&entry.outcome);
        if json {
            talk.json(&json!({
                "node": node, "run": self.entry.id, "notes": notes, "error": because,
            }));
            return Ok(0);
        }
        if !notes.is_empty() {
            talk.out(&notes.join("\n"));
        }
        match because {
            Some(because) => talk.out(&because),
            None if notes.is_empty() => talk.note(&format!("`{node}` left no notes")),
            None => {}
        }
        Ok(0)
    }

    /// `show NODE|NODE.OUTPUT --run`: columns that the node made; carried ones belong to others.
    pub fn show(&self, what: &str, rows: usize, json: bool, talk: &Talk) -> Result<u8, Failure> {
        let (node, output) = match what.split_once('.') {
            Some((node, output)) => (node, Some(output)),
            None => (what, None),
        };
        let entry = self.node(node)?;
        let Some(record) = self.record(entry)? else {
            let state = status::word(&entry.outcome);
            let run = &self.entry.id;
            return Err(Failure::usage(format!("the result of `{node}` is not in the store"))
                .hint(format!("it was {state} in {run}; `mdwarf why {node} --run {run}` tells")));
        };
        let mut outputs: Vec<&OutputRecord> = record.outputs.iter().collect();
        if let Some(wanted) = output {
            let names: Vec<&str> = outputs.iter().map(|o| o.name.as_str()).collect();
            outputs.retain(|output| output.name == wanted);
            if outputs.is_empty() {
                return Err(EngineError::unknown("output", what, names).into());
            }
        }
        if json {
            talk.json(&self.record_json(entry, &record, &outputs));
            return Ok(0);
        }
        talk.out(&self.head(entry, &record));
        for shown in outputs {
            talk.out(&format!("\noutput {node}.{}: {} rows", shown.name, shown.rows()));
            if shown.columns.is_empty() {
                talk.note("all its columns are carried from the node's inputs");
                continue;
            }
            talk.out(&meanings(&shown.columns));
            if output.is_some() {
                talk.out(&format!("\n{}", self.first_rows(shown, rows)?));
            }
        }
        Ok(0)
    }

    fn head(&self, entry: &NodeEntry, record: &Record) -> String {
        let state = status::word(&entry.outcome);
        let mut lines = vec![
            format!("{} ({state} in {})", entry.node, self.entry.id),
            format!("stage:    {}, revision {}", record.key.stage, record.key.revision),
            format!("key:      {}", record.name),
            format!("made by:  {} on {}", record.code, record.machine),
            format!("params:   {}", record.key.params),
        ];
        lines.extend(record.key.seed.map(|seed| format!("seed:     {seed}")));
        for (port, read) in &record.key.ports {
            let rows: u64 = read.rows.iter().sum();
            lines.push(format!("port {port}: {rows} rows"));
            let columns = read.columns.iter();
            lines.extend(columns.map(|(name, c)| format!("  {name} {}", c.digest.short())));
        }
        lines.join("\n")
    }

    fn first_rows(&self, output: &OutputRecord, wanted: usize) -> Result<String, Failure> {
        let names: Vec<&str> = output.columns.iter().map(|c| c.name.as_str()).collect();
        let mut lines: Vec<Vec<String>> = Vec::new();
        for part in &output.parts {
            let Some(object) = part.object else { continue };
            let arrays = self.store.read_columns(object, part.at, &names)?;
            for row in 0..(wanted.saturating_sub(lines.len())).min(part.rows as usize) {
                let cells = arrays.iter().map(|array| Ok(cell(&value(array, row)?)));
                lines.push(cells.collect::<Result<_, EngineError>>()?);
            }
        }
        Ok(table(&names, &[], lines))
    }

    fn record_json(&self, entry: &NodeEntry, record: &Record, outputs: &[&OutputRecord]) -> Value {
        let outputs: Vec<Value> = outputs
            .iter()
            .map(|output| {
                json!({"output": output.name, "rows": output.rows(), "columns": output.columns})
            })
            .collect();
        json!({
            "run": self.entry.id,
            "node": entry.node,
            "state": status::word(&entry.outcome),
            "stage": record.key.stage,
            "revision": record.key.revision,
            "params": record.key.params,
            "seed": record.key.seed,
            "ports": record.key.ports,
            "key": record.name,
            "code": record.code,
            "machine": record.machine,
            "outputs": outputs,
        })
    }
}
