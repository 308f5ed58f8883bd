//! Keys against records: what a node would do, given inputs that exist.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::artifact::{Artifact, Inputs};
use super::cost::Cost;
use super::digest::Digest;
use super::error::{EngineError, Result};
use super::events::Observer;
use super::key::{Key, KeyColumn, KeyPort};
use super::part_digests::{Known, ReadDigests};
use super::pipeline::{Node, Pipeline, bucket};
use super::record::{OutputRecord, Record};
use super::source::{Binding, BoundFile, FILES, Sources};
use super::stage::Scope;
use super::store::Store;
use super::types::Type;

/// All that planning and running work with.
#[derive(Clone, Copy)]
pub struct Engine<'a> {
    /// What to do.
    pub pipeline: &'a Pipeline,
    /// Where results are kept.
    pub store: &'a Store,
    /// Where source bytes come from.
    pub sources: &'a Sources,
    /// Who listens.
    pub observer: &'a dyn Observer,
}

/// A node's outputs, once they exist.
pub type Outputs = Vec<Artifact>;

/// The files of one job of a source, each with the row id found inside.
pub type JobFiles = Vec<(BoundFile, Option<i64>)>;

/// What is known of a node whose inputs exist.
pub struct Evaluation {
    /// What decides the node's result.
    pub key: Key,
    /// Its digest.
    pub digest: Digest,
    /// The bound inputs by port.
    pub inputs: Inputs,
    reads: BTreeMap<String, (Scope, ReadDigests)>,
    /// A source's files by job.
    pub files: Vec<JobFiles>,
    jobs: usize,
    reads_names: bool,
}

impl Evaluation {
    /// Number of jobs.
    pub fn jobs(&self) -> usize {
        self.jobs
    }

    /// What decides the result of one job.
    pub fn job_key(&self, job: usize) -> Key {
        let mut ports: BTreeMap<String, KeyPort> = self
            .reads
            .iter()
            .map(|(name, (scope, digests))| {
                let port = match scope {
                    Scope::Driving => digests.part(job),
                    Scope::Whole => digests.whole(),
                };
                (name.clone(), port)
            })
            .collect();
        if let Some(files) = self.files.get(job) {
            ports.insert(FILES.into(), files_port(std::slice::from_ref(files), self.reads_names));
        }
        Key { ports, ..self.key.clone() }
    }

    /// Rows that a job is handed, by port.
    pub fn handed(&self, job: usize) -> BTreeMap<String, u64> {
        let mut rows: BTreeMap<String, u64> = self
            .inputs
            .iter()
            .map(|(name, (artifact, scope))| {
                let rows = match scope {
                    Scope::Driving => artifact.parts()[job].rows,
                    Scope::Whole => artifact.rows(),
                };
                (name.clone(), rows)
            })
            .collect();
        if let Some(files) = self.files.get(job) {
            rows.insert(FILES.into(), files.len() as u64);
        }
        rows
    }

    /// Rows of the driving port, or files of a source.
    pub fn driving_rows(&self) -> Option<u64> {
        if !self.files.is_empty() {
            return Some(self.files.iter().map(|f| f.len() as u64).sum());
        }
        self.inputs.values().find(|(_, s)| *s == Scope::Driving).map(|(a, _)| a.rows())
    }
}

/// The file's name without its folders: where it lies decides nothing.
fn base_name(file: &BoundFile) -> &str {
    file.name.rsplit('/').next().unwrap_or(&file.name)
}

fn files_port(jobs: &[JobFiles], names: bool) -> KeyPort {
    let column = |of: &dyn Fn(&BoundFile) -> Digest| {
        let of_job = |files: &JobFiles| {
            let digests: Vec<Digest> = files.iter().map(|(file, _)| of(file)).collect();
            Digest::of_sequence(&digests)
        };
        let digests: Vec<Digest> = jobs.iter().map(of_job).collect();
        KeyColumn {
            kind: Type::Text,
            unit: String::new(),
            scale: String::new(),
            digest: Digest::of_sequence(&digests),
        }
    };
    let mut columns = BTreeMap::from([("blake3".to_owned(), column(&|file| file.digest))]);
    if names {
        let name = |file: &BoundFile| Digest::of_bytes(base_name(file).as_bytes());
        columns.insert("name".to_owned(), column(&name));
    }
    KeyPort { rows: jobs.iter().map(|files| files.len() as u64).collect(), columns, layout: None }
}

impl Engine<'_> {
    /// Evaluates a node whose required inputs exist.
    ///
    /// `done`: outputs by node, for those that exist.
    pub fn evaluate(&self, node: &Node, done: &[Option<Outputs>]) -> Result<Evaluation> {
        let inputs = bound_inputs(node, done);
        let mut reads = BTreeMap::new();
        for bound in &node.ports {
            if let Some((artifact, scope)) = inputs.get(&bound.port.name) {
                let mut columns: Vec<String> =
                    bound.port.needs.iter().map(|n| n.column.clone()).collect();
                let layout = match bound.port.layout {
                    true => Some(artifact.layout(&columns)?),
                    false => None,
                };
                columns.sort();
                columns.dedup();
                let digests = artifact.read_digests(self.store, &columns)?.with_layout(layout);
                reads.insert(bound.port.name.clone(), (*scope, digests));
            }
        }
        let files = self.files(node)?;
        let mut ports: BTreeMap<String, KeyPort> =
            reads.iter().map(|(name, (_, d))| (name.clone(), d.whole())).collect();
        if matches!(node.dataset, Some((_, Binding::Files(_)))) {
            ports.insert(FILES.into(), files_port(&files, node.work.reads_names()));
        }
        let driving = inputs.values().find(|(_, scope)| *scope == Scope::Driving);
        let jobs = match driving {
            Some((artifact, _)) => artifact.parts().len(),
            None => files.len().max(1),
        };
        let key = Key {
            stage: node.stage.name.to_owned(),
            revision: node.stage.revision,
            params: node.params.clone(),
            seed: node.seed,
            ports,
        };
        let reads_names = node.work.reads_names();
        Ok(Evaluation { digest: key.digest(), key, inputs, reads, files, jobs, reads_names })
    }

    /// A source's files by job: by the hash of the row id inside, else of the digest; in a bucket
    /// by id and digest. Names decide nothing.
    fn files(&self, node: &Node) -> Result<Vec<JobFiles>> {
        let files = match &node.dataset {
            Some((_, Binding::Files(files))) => files,
            Some((slot, Binding::Broken(what))) => {
                return Err(EngineError::Source { dataset: slot.clone(), what: what.clone() });
            }
            _ => return Ok(Vec::new()),
        };
        let Some(buckets) = node.work.file_buckets() else {
            let mut all: Vec<_> = files.iter().map(|file| (file.clone(), None)).collect();
            all.sort_by(|(a, _), (b, _)| (a.digest, &a.name).cmp(&(b.digest, &b.name)));
            return Ok(vec![all]);
        };
        let reader = format!("{} {}", node.stage.name, node.stage.revision);
        let mut jobs = vec![Vec::new(); buckets.max(1) as usize];
        for file in files {
            let id =
                self.sources.probe(&reader, file, self.observer, |bytes| node.work.probe(bytes))?;
            let hashed = id.unwrap_or(file.digest.low_u64() as i64);
            jobs[bucket(hashed, buckets) as usize].push((file.clone(), id));
        }
        for files in &mut jobs {
            files.sort_by(|(a, i), (b, j)| (i, a.digest, &a.name).cmp(&(j, b.digest, &b.name)));
        }
        Ok(jobs)
    }

    /// The record of an evaluated node, if it and all its objects are there.
    pub fn fresh(&self, evaluation: &Evaluation) -> Result<Option<Record>> {
        self.fresh_record(evaluation.digest)
    }

    /// The record of a key, if it and all its objects are there.
    pub fn fresh_record(&self, key: Digest) -> Result<Option<Record>> {
        let Some(record) = self.store.record(key)? else { return Ok(None) };
        let mut last = None;
        let whole = record.outputs.iter().all(|output| {
            output.parts.iter().all(|part| {
                // Parts of one pack lie beside each other: one look serves them all.
                let same = last == part.object;
                last = part.object;
                same || part.object.is_none_or(|o| self.store.has_object(o, part.bytes))
            })
        });
        Ok(whole.then_some(record))
    }

    /// The outputs of a node from its record.
    pub fn outputs(&self, node: &Node, evaluation: Evaluation, record: Record) -> Outputs {
        let record = Arc::new(record);
        node.outputs
            .iter()
            .zip(&node.schemas)
            .enumerate()
            .map(|(index, (output, schema))| Artifact {
                name: format!("{}.{}", node.name, output.name),
                output: output.clone(),
                schema: schema.clone(),
                record: record.clone(),
                index,
                inputs: evaluation.inputs.clone(),
                contents: Known::default(),
                recipes: Known::default(),
            })
            .collect()
    }
}

fn bound_inputs(node: &Node, done: &[Option<Outputs>]) -> Inputs {
    let mut inputs = BTreeMap::new();
    for bound in &node.ports {
        if let Some((source, output)) = bound.source
            && let Some(outputs) = &done[source]
        {
            inputs.insert(bound.port.name.clone(), (outputs[output].clone(), bound.port.scope));
        }
    }
    Arc::new(inputs)
}

/// Joins the records of a node's jobs into the node's own.
pub fn join_records(key: Key, jobs: Vec<Record>) -> Result<Record> {
    let mut jobs = jobs.into_iter();
    let first = jobs.next().ok_or_else(|| EngineError::Contract {
        stage: key.stage.clone(),
        what: "no jobs".into(),
    })?;
    let mut joined = Record { name: key.digest(), key, ..first };
    for record in jobs {
        joined.seconds += record.seconds;
        joined.cost = Cost::of_both(joined.cost, record.cost);
        joined.log.extend(record.log);
        for (output, more) in joined.outputs.iter_mut().zip(record.outputs) {
            let OutputRecord { parts, .. } = more;
            output.parts.extend(parts);
        }
    }
    Ok(joined)
}
