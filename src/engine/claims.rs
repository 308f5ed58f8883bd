//! Claims: published numbers, measured on this run's artifacts.

use std::collections::BTreeMap;

use arrow::array::ArrayRef;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cells::value;
use super::error::Result;
use super::evaluate::{Engine, Outputs};
use super::source::Binding;
use super::spec::{Claim, Measure, Scalar, WhenSimulated};

/// What a claim came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// The value lies in the accepted band.
    #[serde(rename = "PASS")]
    Pass,
    /// It does not.
    #[serde(rename = "MISS")]
    Miss,
    /// It was planted in a simulation: the value proves recovery alone.
    #[serde(rename = "INJECTED")]
    Injected,
    /// It could not be measured.
    #[serde(rename = "N/A")]
    NotAvailable,
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Status::Pass => "PASS",
            Status::Miss => "MISS",
            Status::Injected => "INJECTED",
            Status::NotAvailable => "N/A",
        })
    }
}

/// A claim with its measured value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The claim.
    pub id: String,
    /// Section of the paper.
    pub section: String,
    /// What is claimed.
    pub about: String,
    /// As printed.
    pub paper: String,
    /// Accepted band, ends included.
    pub accept: [f64; 2],
    /// The value measured.
    pub value: Option<f64>,
    /// Its 95 % interval, where the table has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
    /// Rows it rests on.
    pub n: Option<u64>,
    /// The verdict.
    pub status: Status,
    /// Sample and selection.
    pub sample: String,
    /// The statistic in words.
    pub statistic: String,
    /// Why there is no value.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// What was measured.
struct Found {
    value: f64,
    interval: Option<[f64; 2]>,
    n: Option<u64>,
}

impl Found {
    /// A number of rows, which is no estimate.
    fn count(n: u64) -> Self {
        Found { value: n as f64, interval: None, n: Some(n) }
    }
}

/// The data that a claim speaks of.
enum Data {
    Real,
    Simulated,
    /// And why.
    Lacking(String),
}

impl Engine<'_> {
    /// Measures all claims on what exists.
    pub fn claims(&self, done: &[Option<Outputs>]) -> Vec<Verdict> {
        self.pipeline.claims.iter().map(|claim| self.verdict(claim, done)).collect()
    }

    fn verdict(&self, claim: &Claim, done: &[Option<Outputs>]) -> Verdict {
        let data = self.data_of(claim);
        let measured = match &data {
            Data::Lacking(why) => Err(why.clone()),
            Data::Real | Data::Simulated => self.measure(claim, done),
        };
        let (value, interval, n, why) = match measured {
            Ok(found) => (Some(found.value), found.interval, found.n, String::new()),
            Err(why) => (None, None, None, why),
        };
        let [low, high] = claim.accept;
        let status = match value {
            Some(_)
                if matches!(data, Data::Simulated)
                    && claim.simulated == WhenSimulated::Injected =>
            {
                Status::Injected
            }
            Some(value) if (low..=high).contains(&value) => Status::Pass,
            Some(_) => Status::Miss,
            None => Status::NotAvailable,
        };
        Verdict {
            id: claim.id.value.clone(),
            section: claim.section.clone(),
            about: claim.about.clone(),
            paper: claim.paper.clone(),
            accept: claim.accept,
            value,
            interval,
            n,
            status,
            sample: claim.sample.clone(),
            statistic: claim.statistic.clone(),
            why,
        }
    }

    /// Whether the data that a claim speaks of are there.
    fn data_of(&self, claim: &Claim) -> Data {
        let mut found = Data::Real;
        for slot in &claim.data {
            let bound = self.pipeline.nodes.iter().filter_map(|node| node.dataset.as_ref());
            match bound.clone().find(|(name, _)| *name == slot.value).map(|(_, binding)| binding) {
                Some(Binding::Files(_)) => {}
                Some(Binding::Made) if claim.simulated == WhenSimulated::Meaningless => {
                    return Data::Lacking(format!("dataset `{}` is simulated", slot.value));
                }
                Some(Binding::Made) => found = Data::Simulated,
                Some(Binding::Absent(_) | Binding::Broken(_)) | None => {
                    return Data::Lacking(format!("dataset `{}` is absent", slot.value));
                }
            }
        }
        found
    }

    fn measure(
        &self,
        claim: &Claim,
        done: &[Option<Outputs>],
    ) -> std::result::Result<Found, String> {
        let from = &claim.value.from;
        let text = |why: super::error::EngineError| why.to_string();
        let node = self.pipeline.node(&from.node).map_err(text)?;
        let output = self.pipeline.nodes[node].output(from.port.as_deref()).map_err(text)?;
        let Some(outputs) = &done[node] else {
            return Err(match &self.pipeline.nodes[node].absent {
                Some(dataset) => format!("dataset `{dataset}` is absent"),
                None => format!("node `{}` has no result", from.node),
            });
        };
        let artifact = &outputs[output];
        let (column, filter, statistic) = match &claim.value.measure {
            Measure::Rows => return Ok(Found::count(artifact.rows())),
            Measure::Column { column, filter, statistic } => (column, filter, statistic),
        };
        let values = artifact.read(self.store, &column.value).map_err(text)?;
        let rows = self.matching(artifact, filter, values.len()).map_err(text)?;
        if statistic.as_ref().is_some_and(|s| s.value == "count") {
            return Ok(Found::count(rows.len() as u64));
        }
        let [row] = rows.as_slice() else {
            return Err(format!("{} rows of `{}` fit, not one", rows.len(), artifact.name));
        };
        let beside = |name: &str| {
            artifact.schema.column(name)?;
            artifact.read(self.store, name).ok().and_then(|values| cell(&values, *row))
        };
        let value = cell(&values, *row).ok_or("the value is null")?;
        let end = |which: &str| beside(&format!("{}_{which}", column.value));
        let interval = end("lo").zip(end("hi")).map(|(low, high)| [low, high]);
        Ok(Found { value, interval, n: beside("n").map(|n| n as u64) })
    }

    fn matching(
        &self,
        artifact: &super::artifact::Artifact,
        filter: &BTreeMap<String, Scalar>,
        rows: usize,
    ) -> Result<Vec<usize>> {
        let mut fit = vec![true; rows];
        for (column, wanted) in filter {
            let values = artifact.read(self.store, column)?;
            for (row, fits) in fit.iter_mut().enumerate() {
                *fits &= equals(&value(&values, row)?, wanted);
            }
        }
        Ok((0..rows).filter(|row| fit[*row]).collect())
    }
}

fn equals(value: &Value, wanted: &Scalar) -> bool {
    match wanted {
        Scalar::Boolean(wanted) => value.as_bool() == Some(*wanted),
        Scalar::Integer(wanted) => {
            value.as_i64() == Some(*wanted) || value.as_f64() == Some(*wanted as f64)
        }
        Scalar::Float(wanted) => value.as_f64() == Some(*wanted),
        Scalar::Text(wanted) => value.as_str() == Some(wanted),
    }
}

fn cell(array: &ArrayRef, row: usize) -> Option<f64> {
    value(array, row).ok()?.as_f64()
}
