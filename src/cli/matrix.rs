//! `run --matrix NAME`: several runs in one go, and their claims side by side.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt64Array};
use serde_json::{Value, json};

use super::args::{Cli, Common, RunArgs};
use super::failure::Failure;
use super::project::load_spec;
use super::run::{Done, exit_code, limit_pools, one, threads};
use super::signals;
use super::table::{number, table};
use super::talk::Talk;
use crate::engine::claims::Verdict;
use crate::engine::error::EngineError;
use crate::engine::run::Outcome;
use crate::engine::spec::{Matrix, Spec, did_you_mean};
use crate::formats::csv::write_csv;

/// Significant digits of a measured value.
const DIGITS: usize = 4;

/// Does all runs of a matrix, then compares them. The cache makes common work be done once.
pub fn matrix(cli: &Cli, args: &RunArgs, name: &str, talk: &Talk) -> Result<u8, Failure> {
    let (spec, _) = load_spec(&cli.common)?;
    let matrix = find(&spec, name)?;
    limit_pools(threads(args)?);
    let stop = signals::listen(talk);
    let mut runs = Vec::new();
    let mut worst = 0;
    for (at, run) in matrix.runs.iter().enumerate() {
        talk.note(&format!("{name}, run {} of {}: {}", at + 1, matrix.runs.len(), run.name));
        let mut common: Common = cli.common.clone();
        common.method = run.method_or(&cli.common.method).to_owned();
        common.set.extend(run.sets.iter().cloned());
        let done = one(&common, args, &stop, talk)?;
        worst = worst.max(exit_code(&done.entry, args.strict));
        runs.push((run.name.clone(), done));
        if worst != 0 && !args.keep_going {
            break;
        }
    }
    let comparison = Comparison { matrix, runs };
    let file = cli
        .common
        .directory
        .join("results")
        .join(format!("{}/matrix_{}.csv", spec.profile.name.value, matrix.name));
    write(&file, &comparison.csv()?)?;
    match cli.common.json {
        true => talk.json(&comparison.json()),
        false => talk.out(&comparison.text()),
    }
    talk.note(&format!("wrote {}", file.display()));
    Ok(worst)
}

fn find<'a>(spec: &'a Spec, name: &str) -> Result<&'a Matrix, Failure> {
    spec.matrices.iter().find(|matrix| matrix.name == name).ok_or_else(|| {
        let names = || spec.matrices.iter().map(|matrix| matrix.name.as_str());
        let hint = match did_you_mean(name, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if spec.matrices.is_empty() => "declare it: [matrix.NAME]".to_owned(),
            None => format!("matrices are: {}", names().collect::<Vec<_>>().join(", ")),
        };
        Failure::usage(format!("there is no matrix `{name}`")).hint(hint)
    })
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| tempfile::NamedTempFile::new_in(folder))
        .and_then(|mut temporary| {
            std::io::Write::write_all(&mut temporary, bytes)?;
            temporary.persist(file).map_err(|why| why.error)
        });
    written.map(drop).map_err(|why| {
        Failure::usage(format!("cannot write `{}`: {why}", file.display()))
            .hint("make room, or make the folder writable; the runs themselves are kept")
    })
}

/// A claim in a run of a name.
type Line<'a> = (&'a str, &'a Done, &'a Verdict);

/// Runs side by side.
struct Comparison<'a> {
    matrix: &'a Matrix,
    runs: Vec<(String, Done)>,
}

impl Comparison<'_> {
    /// The claims that a run could measure, in the order of the first run.
    fn claims(&self) -> Vec<&Verdict> {
        let mut claims: Vec<&Verdict> = Vec::new();
        for verdict in self.runs.iter().flat_map(|(_, done)| &done.entry.claims) {
            if verdict.value.is_some() && !claims.iter().any(|known| known.id == verdict.id) {
                claims.push(verdict);
            }
        }
        claims
    }

    fn of(&self, run: usize, claim: &str) -> Option<&Verdict> {
        self.runs[run].1.entry.claims.iter().find(|verdict| verdict.id == claim)
    }

    fn text(&self) -> String {
        let mut header = vec!["ID", "PAPER", "ACCEPT"];
        header.extend(self.runs.iter().map(|(name, _)| name.as_str()));
        header.push("ABOUT");
        let rows = self.claims().into_iter().map(|claim| {
            let [low, high] = claim.accept;
            let mut row = vec![claim.id.clone(), claim.paper.clone(), format!("{low} to {high}")];
            row.extend((0..self.runs.len()).map(|run| match self.of(run, &claim.id) {
                Some(Verdict { value: Some(value), status, .. }) => {
                    format!("{} {status}", number(*value, DIGITS))
                }
                _ => "-".to_owned(),
            }));
            row.push(claim.about.clone());
            row
        });
        let runs = self.runs.iter().map(|(name, done)| {
            vec![
                name.clone(),
                done.entry.id.clone(),
                ran(done).to_string(),
                format!("{:.1}", done.entry.seconds),
                done.folder.display().to_string(),
            ]
        });
        format!(
            "{}: {}\n\n{}\n\n{}",
            self.matrix.name,
            self.matrix.about,
            table(
                &["NAME", "RUN", "RAN", "SECONDS", "RESULTS"],
                &["RAN", "SECONDS"],
                runs.collect()
            ),
            table(&header, &[], rows.collect())
        )
    }

    fn csv(&self) -> Result<Vec<u8>, Failure> {
        let lines: Vec<Line<'_>> = self
            .runs
            .iter()
            .flat_map(|(name, done)| {
                done.entry.claims.iter().map(move |c| (name.as_str(), done, c))
            })
            .collect();
        let text = |of: &dyn Fn(&Line<'_>) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(lines.iter().map(of)))
        };
        let float = |of: &dyn Fn(&Line<'_>) -> Option<f64>| -> ArrayRef {
            Arc::new(lines.iter().map(of).collect::<Float64Array>())
        };
        let rows: UInt64Array = lines.iter().map(|(.., claim)| claim.n).collect();
        let table = RecordBatch::try_from_iter([
            ("name", text(&|(name, ..)| (*name).to_owned())),
            ("run", text(&|(_, done, _)| done.entry.id.clone())),
            ("method", text(&|(_, done, _)| done.entry.method.clone())),
            ("claim", text(&|(.., claim)| claim.id.clone())),
            ("section", text(&|(.., claim)| claim.section.clone())),
            ("paper", text(&|(.., claim)| claim.paper.clone())),
            ("accept_low", float(&|(.., claim)| Some(claim.accept[0]))),
            ("accept_high", float(&|(.., claim)| Some(claim.accept[1]))),
            ("value", float(&|(.., claim)| claim.value)),
            ("n", Arc::new(rows)),
            ("status", text(&|(.., claim)| claim.status.to_string())),
        ]);
        let mut bytes = Vec::new();
        let table = table.map_err(|why| why.to_string());
        let written =
            table.and_then(|table| write_csv(&table, &mut bytes).map_err(|why| why.to_string()));
        written.map_err(|why| EngineError::Table { place: self.matrix.name.clone(), why })?;
        Ok(bytes)
    }

    fn json(&self) -> Value {
        let runs = self.runs.iter().map(|(name, done)| {
            json!({
                "name": name,
                "run": done.entry.id,
                "method": done.entry.method,
                "set": done.entry.sets,
                "ran": ran(done),
                "seconds": done.entry.seconds,
                "results": done.folder,
                "claims": done.entry.claims,
            })
        });
        json!({ "matrix": self.matrix.name, "runs": runs.collect::<Vec<_>>() })
    }
}

/// Nodes that a run did.
fn ran(done: &Done) -> usize {
    done.entry.nodes.iter().filter(|node| matches!(node.outcome, Outcome::Ran { .. })).count()
}
