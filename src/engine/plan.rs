//! The plan: each node fresh, stale with reasons, waiting or absent, before anything is done.

use serde::Serialize;

use super::error::Result;
use super::evaluate::{Engine, Evaluation, Outputs};
use super::ledger::Ledger;
use super::pipeline::Node;

/// What a run would do with a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum State {
    /// Its record is there.
    Fresh,
    /// It must run.
    Stale {
        /// Why, old -> new where a former run is known.
        reasons: Vec<String>,
    },
    /// Its inputs must be made first; it may turn out fresh.
    Waiting {
        /// The nodes waited for.
        on: Vec<String>,
    },
    /// A dataset that it needs is not bound.
    Absent {
        /// The slot.
        dataset: String,
    },
    /// Its sources cannot be had.
    Broken {
        /// The error.
        error: String,
    },
}

/// A node and its state.
#[derive(Clone, Debug)]
pub struct NodePlan {
    /// The node.
    pub node: String,
    /// Its state.
    pub state: State,
    /// Jobs in all, and of these to run, where they are known.
    pub jobs: Option<(usize, usize)>,
}

/// The plan, and the outputs of all fresh nodes.
pub struct Plan {
    /// Nodes in topological order.
    pub nodes: Vec<NodePlan>,
    /// Outputs of fresh nodes.
    pub done: Vec<Option<Outputs>>,
}

impl Plan {
    /// Whether a run would have nothing to do.
    pub fn is_fresh(&self) -> bool {
        self.nodes.iter().all(|n| matches!(n.state, State::Fresh | State::Absent { .. }))
    }
}

/// What a node needs to count as done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rests {
    /// Its record, and all objects that this names.
    OnData,
    /// Its record.
    OnRecords,
}

impl Engine<'_> {
    /// Makes the plan.
    pub fn plan(&self, ledger: &Ledger) -> Result<Plan> {
        self.plan_by(ledger, Rests::OnData)
    }

    /// What the records alone know: a node counts as done though its data were swept.
    pub fn plan_of_records(&self, ledger: &Ledger) -> Result<Plan> {
        self.plan_by(ledger, Rests::OnRecords)
    }

    fn plan_by(&self, ledger: &Ledger, rests: Rests) -> Result<Plan> {
        let mut plan = Plan { nodes: Vec::new(), done: Vec::new() };
        for node in &self.pipeline.nodes {
            let (state, jobs, outputs) = self.plan_node(node, &plan, ledger, rests)?;
            plan.nodes.push(NodePlan { node: node.name.clone(), state, jobs });
            plan.done.push(outputs);
        }
        Ok(plan)
    }

    #[allow(clippy::type_complexity)]
    fn plan_node(
        &self,
        node: &Node,
        plan: &Plan,
        ledger: &Ledger,
        rests: Rests,
    ) -> Result<(State, Option<(usize, usize)>, Option<Outputs>)> {
        if let Some(dataset) = &node.absent {
            return Ok((State::Absent { dataset: dataset.clone() }, None, None));
        }
        let on = self.waits_for(node, &plan.done);
        if !on.is_empty() {
            return Ok((State::Waiting { on }, None, None));
        }
        let evaluation = match self.evaluate(node, &plan.done) {
            Ok(evaluation) => evaluation,
            Err(why) => return Ok((State::Broken { error: why.to_string() }, None, None)),
        };
        let record = match rests {
            Rests::OnData => self.fresh(&evaluation)?,
            Rests::OnRecords => self.store.record(evaluation.digest)?,
        };
        if let Some(record) = record {
            let jobs = Some((evaluation.jobs(), 0));
            return Ok((State::Fresh, jobs, Some(self.outputs(node, evaluation, record))));
        }
        let reasons = self.reasons(node, &evaluation, ledger)?;
        let mut stale = 0;
        for job in 0..evaluation.jobs() {
            if self.fresh_record(evaluation.job_key(job).digest())?.is_none() {
                stale += 1;
            }
        }
        Ok((State::Stale { reasons }, Some((evaluation.jobs(), stale)), None))
    }

    /// The inputs that do not exist yet, without those that are absent for good.
    pub fn waits_for(&self, node: &Node, done: &[Option<Outputs>]) -> Vec<String> {
        let mut on: Vec<String> = node
            .ports
            .iter()
            .filter_map(|bound| bound.source)
            .filter(|(source, _)| done[*source].is_none())
            .map(|(source, _)| self.pipeline.nodes[source].name.clone())
            .collect();
        on.dedup();
        on
    }

    /// Why an evaluated node is not fresh.
    pub fn reasons(
        &self,
        node: &Node,
        evaluation: &Evaluation,
        ledger: &Ledger,
    ) -> Result<Vec<String>> {
        let Some(key) = ledger.last_key(&node.name) else {
            return Ok(vec!["never ran in this store".into()]);
        };
        if key == evaluation.digest {
            return Ok(vec!["its record or objects are missing from the store".into()]);
        }
        let Some(old) = self.store.record(key)? else {
            return Ok(vec!["the record of its last run is missing from the store".into()]);
        };
        Ok(self.name_roots(node, evaluation.key.changes(&old.key)))
    }

    /// Adds to a changed column the node that it comes from.
    fn name_roots(&self, node: &Node, changes: Vec<String>) -> Vec<String> {
        changes
            .into_iter()
            .map(|change| {
                let from = node.ports.iter().find_map(|bound| {
                    let (source, output) = bound.source?;
                    let port = &bound.port.name;
                    let named = change.starts_with(&format!("`{port}."))
                        || change.starts_with(&format!("port `{port}`"));
                    let source = &self.pipeline.nodes[source];
                    named.then(|| format!("{}.{}", source.name, source.outputs[output].name))
                });
                match from {
                    Some(from) => format!("{change} (from {from})"),
                    None => change,
                }
            })
            .collect()
    }
}
