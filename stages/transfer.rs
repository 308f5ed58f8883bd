//! Transfer (§4.1): what becomes of labels when the training set is swapped.
//!
//! | port (whole) | reads |
//! |---|---|
//! | `old`, `new` | id, labels and optionally errors, columns of flags; of the two predictions |
//! | `old_training`, `new_training` (optional) | labels of the two training sets; those of the predictions' nodes where they are not bound |
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `summary` | a label | counts; offset, slope with errors in both labels, shift at the median, scatter, with intervals |
//! | `flags` | a flag | shares of fine stars before and after, stars that gained or lost it |
//! | `stars` | a star and label or flag that changed | id, what, before, after |
//! | `coverage` (with both training sets) | a label, and all together | range of both training sets, share of each within the other |
//!
//! Stars are matched by id. Differences are new - old; numbers are in the unit that `unit` names; what a
//! sample is too small for is null. Intervals are 95 % of a bootstrap, by star where `unit_id` names it.
//!
//! Deviations: the paper compares scales by their mean offset alone (§4.1).

mod changes;
mod coverage;
mod summary;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::changes::{Words, flag_arrays, flag_columns, star_arrays, star_columns};
use self::coverage::{coverage_arrays, coverage_columns};
use self::summary::{Compared, summary_arrays, summary_columns};
use super::columns::{f64s, ids, optional_ids};
use super::support::{label_names, read_training, training_port};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{Job, Need, Output, Port, Product, Schemas, Stage, StageError};
use crate::engine::types::I64;
use crate::science::statistics::{Bootstrap, Units, rms};
use crate::science::transfer::transfer;

/// The registry's entry.
pub const STAGE: StageDef = StageDef::of::<Transfer>(
    "transfer",
    2,
    "compares the label scales of two training sets, star by star",
);

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// Row id of both tables.
    id: String,
    /// Column of the star in `old`, which the bootstrap draws; rows without it.
    #[serde(default)]
    unit_id: Option<String>,
    /// What is compared.
    pairs: Vec<Pair>,
    /// Flags that are compared.
    #[serde(default)]
    flags: Vec<Flag>,
    /// Resamples of the bootstrap.
    #[serde(default = "two_thousand")]
    resamples: usize,
}

/// A label on both scales.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Pair {
    /// Name in the results.
    label: String,
    old: String,
    new: String,
    /// Unit of both columns.
    unit: String,
    /// Columns of the errors, old and new: their ratio decides on the slope; without, errors are taken as equal.
    #[serde(default)]
    errors: Option<[String; 2]>,
}

/// A column that tells fine rows from others.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Flag {
    /// Name in the results.
    name: String,
    old: String,
    new: String,
    /// Value of a fine row as text: `converged`, `true`, `0`.
    fine: String,
}

fn two_thousand() -> usize {
    2_000
}

impl Stage for Transfer {
    fn ports(&self) -> Vec<Port> {
        let side = |of: usize| {
            let mut needs = vec![Need::of(&self.id, I64)];
            for pair in &self.pairs {
                needs.push(Need::in_unit([&pair.old, &pair.new][of], &pair.unit));
                needs.extend(pair.errors.as_ref().map(|e| Need::in_unit(&e[of], &pair.unit)));
            }
            needs.extend(self.flags.iter().map(|flag| Need::any([&flag.old, &flag.new][of])));
            needs
        };
        let mut old = side(0);
        old.extend(self.unit_id.as_ref().map(Need::any));
        vec![
            Port::whole("old", old),
            Port::whole("new", side(1)),
            training_port("old_training").optional().through("old", "training"),
            training_port("new_training").optional().through("new", "training"),
        ]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        self.check()?;
        let sided = |columns, names: Vec<[&str; 2]>| summary::sided(columns, &names);
        let labels: Vec<[&str; 2]> = self.pairs.iter().map(|p| [p.old.as_str(), &p.new]).collect();
        let flags: Vec<[&str; 2]> = self.flags.iter().map(|f| [f.old.as_str(), &f.new]).collect();
        let changed = [labels.clone(), flags.clone()].concat();
        let mut outputs = vec![
            Output::table("summary", sided(summary_columns(), labels)),
            Output::table("flags", sided(flag_columns(), flags)),
            Output::table("stars", sided(star_columns(&self.id), changed)).id(&self.id),
        ];
        if let (Some(old), Some(new)) = (inputs.get("old_training"), inputs.get("new_training")) {
            common(&label_names(old)?, &label_names(new)?)?;
            outputs.push(Output::table("coverage", coverage_columns()));
        }
        Ok(outputs)
    }

    fn seed_purpose(&self) -> Option<&str> {
        Some("transfer")
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let joined = Joined::new(ids(job, "old", &self.id)?, ids(job, "new", &self.id)?)?;
        let units = self.units(job, &joined)?;
        let bootstrap = Bootstrap { n_resample: self.resamples, seed: job.seed()? };
        let mut compared = Vec::new();
        for pair in &self.pairs {
            compared.push(self.compare(job, &joined, pair, &units, &bootstrap)?);
        }
        let mut words = Vec::new();
        for flag in &self.flags {
            words.push(Words::of_flag(
                job,
                &joined,
                [&flag.old, &flag.new],
                &flag.name,
                &flag.fine,
            )?);
        }
        job.note(format!(
            "{} stars in both tables, {} only in the old, {} only in the new",
            joined.rows.len(),
            joined.n_old - joined.rows.len(),
            joined.n_new - joined.rows.len()
        ));
        let stars: Vec<&Words> = compared.iter().map(|c| &c.words).chain(&words).collect();
        let mut products = vec![
            Product::new("summary", summary_arrays(&compared)),
            Product::new("flags", flag_arrays(&words)),
            Product::new("stars", star_arrays(&joined.ids, &stars)),
        ];
        if job.optional("old_training").is_some() && job.optional("new_training").is_some() {
            let (old, _) = read_training(job, "old_training")?;
            let (new, _) = read_training(job, "new_training")?;
            let labels = common(&old.names, &new.names)?;
            products.push(Product::new("coverage", coverage_arrays(&labels, &old, &new)?));
        }
        Ok(products)
    }
}

/// Labels of both training sets.
fn common(old: &[String], new: &[String]) -> Result<Vec<String>, StageError> {
    let both: Vec<String> = old.iter().filter(|label| new.contains(label)).cloned().collect();
    if both.is_empty() {
        return Err(StageError::new(format!(
            "the training sets have no label in common: {} and {}; name their labels alike, or leave \
             the training ports unbound",
            old.join(", "),
            new.join(", ")
        )));
    }
    Ok(both)
}

/// Rows of one star in both tables.
struct Joined {
    /// Ids, ascending.
    ids: Vec<i64>,
    /// Row in `old` and in `new`.
    rows: Vec<[usize; 2]>,
    n_old: usize,
    n_new: usize,
}

impl Joined {
    fn new(old: Vec<i64>, new: Vec<i64>) -> Result<Self, StageError> {
        let (n_old, n_new) = (old.len(), new.len());
        let (old, new) = (by_id("old", old)?, by_id("new", new)?);
        let both = old.iter().filter_map(|(id, row)| Some((*id, [*row, *new.get(id)?])));
        let (ids, rows) = both.unzip();
        Ok(Joined { ids, rows, n_old, n_new })
    }

    /// Values of both sides at the common rows.
    fn both<T: Clone>(&self, old: &[T], new: &[T]) -> [Vec<T>; 2] {
        [
            self.rows.iter().map(|[row, _]| old[*row].clone()).collect(),
            self.rows.iter().map(|[_, row]| new[*row].clone()).collect(),
        ]
    }
}

fn by_id(port: &str, ids: Vec<i64>) -> Result<BTreeMap<i64, usize>, StageError> {
    let mut rows = BTreeMap::new();
    for (row, id) in ids.into_iter().enumerate() {
        if rows.insert(id, row).is_some() {
            return Err(StageError::new(format!("id {id} occurs twice at port `{port}`")));
        }
    }
    Ok(rows)
}

impl Transfer {
    fn check(&self) -> Result<(), StageError> {
        let names = self.pairs.iter().map(|p| &p.label).chain(self.flags.iter().map(|f| &f.name));
        let mut seen = std::collections::BTreeSet::new();
        for name in names {
            if !seen.insert(name) {
                return Err(StageError::new(format!("`{name}` is compared twice; rename one")));
            }
        }
        if self.pairs.is_empty() {
            return Err(StageError::new("`pairs` is empty: name the labels to compare"));
        }
        Ok(())
    }

    /// What the bootstrap draws: stars, those without id each by itself.
    fn units(&self, job: &Job, joined: &Joined) -> Result<Units, StageError> {
        let Some(unit) = &self.unit_id else { return Ok(Units::rows(joined.rows.len())) };
        let stars = optional_ids(job, "old", unit)?;
        let unit = |row: usize| (stars[row], if stars[row].is_some() { 0 } else { row });
        let of_rows: Vec<_> = joined.rows.iter().map(|[row, _]| unit(*row)).collect();
        Ok(Units::grouped(&of_rows))
    }

    fn compare(
        &self,
        job: &Job,
        joined: &Joined,
        pair: &Pair,
        units: &Units,
        bootstrap: &Bootstrap,
    ) -> Result<Compared, StageError> {
        let [old, new] = joined.both(&f64s(job, "old", &pair.old)?, &f64s(job, "new", &pair.new)?);
        let ratio = match &pair.errors {
            None => 1.0,
            Some([old, new]) => {
                let [old, new] = joined.both(&f64s(job, "old", old)?, &f64s(job, "new", new)?);
                error_ratio(&old, &new)
            }
        };
        Ok(Compared {
            label: pair.label.clone(),
            unit: pair.unit.clone(),
            only_old: joined.n_old - joined.rows.len(),
            only_new: joined.n_new - joined.rows.len(),
            error_ratio: ratio,
            transfer: transfer(&old, &new, ratio, units, bootstrap),
            words: Words::of_label(&pair.label, &old, &new),
            old,
            new,
        })
    }
}

/// Errors of new over those of old labels, root mean squares; 1 where either side has none.
fn error_ratio(old: &[f64], new: &[f64]) -> f64 {
    let size =
        |errors: &[f64]| rms(&errors.iter().copied().filter(|e| e.is_finite()).collect::<Vec<_>>());
    let ratio = size(old).zip(size(new)).map(|(old, new)| new / old);
    ratio.filter(|r| r.is_finite() && *r > 0.0).unwrap_or(1.0)
}

#[cfg(test)]
mod tests;
