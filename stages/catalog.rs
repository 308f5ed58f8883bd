//! The catalog (§4.5, Table 2): chosen columns under their published names, sorted by id, with the
//! spectra of a star counted, and what disqualifies a spectrum as bits.
//!
//! Port `rows` (whole): id, star id, signal-to-noise ratio, the columns of the demands, and those to publish. Output
//! `catalog`: these columns, `n_obs_star` (spectra of the star in the catalog), `is_best_snr`
//! (the one to use if one a star is wanted; of equals the smallest id) and, where there are demands, `flags` (a bit for
//! each demand that is not met, or of which a value is missing) and `recommended` (no bit is set).
//!
//! Deviation: the paper counts spectra and publishes none of the new columns; it recommends none.

use std::collections::BTreeMap;

use arrow::array::{RecordBatch, UInt32Array};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{bool_array, f64s, ids, optional_ids, u32_array};
use super::named::Named;
use crate::engine::expression::{Criteria, Criterion};
use crate::engine::params::Formula;
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Job, Need, NewColumn, Output, Port, Product, Rows, Schemas, Stage, StageError, TableSchema,
};
use crate::engine::types::{ColumnMeta, I64, Type, U32};
use crate::formats::meaning::with_list;

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<Catalog>("catalog", 2, "chooses, names and sorts what is published");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    /// The row id, by which the catalog is sorted.
    id: String,
    /// The star that a spectrum is of.
    star_id: String,
    /// The signal-to-noise ratio that decides on the best spectrum.
    snr: String,
    /// Columns in order: `"name"`, or `["published name", "name"]`; `{scale}` in a published name stands for the scale
    /// of the training labels, `?` after a name leaves the column out where there is none.
    columns: Vec<Named>,
    /// What a recommended spectrum has to meet: `[name, expression]`, bit by bit. A `?` after the name does without
    /// the demand where a column of it is missing; its bit is then never set.
    #[serde(default)]
    demands: Vec<(String, Formula)>,
}

/// The most demands: bits of `flags`.
const MOST_DEMANDS: usize = 32;

/// A demand, and whether it may be left out.
fn optional(name: &str) -> (&str, bool) {
    name.strip_suffix('?').map_or((name, false), |bare| (bare, true))
}

impl Catalog {
    /// The demands with their bits, without those whose columns are missing.
    fn demands(&self, has: &dyn Fn(&str) -> bool) -> Result<Vec<(u32, Criterion)>, StageError> {
        if self.demands.len() > MOST_DEMANDS {
            let n = self.demands.len();
            let what =
                format!("{n} `demands`, but `flags` has {MOST_DEMANDS} bits; join some by `and`");
            return Err(StageError::new(what));
        }
        let mut found = Vec::new();
        for (bit, (name, formula)) in self.demands.iter().enumerate() {
            let (name, may_lack) = optional(name);
            if may_lack && !formula.0.columns().iter().all(|column| has(column)) {
                continue;
            }
            let criterion = Criterion { name: name.to_owned(), expression: formula.0.clone() };
            found.push((bit as u32, criterion));
        }
        Ok(found)
    }

    /// `flags` and `recommended`; none without demands.
    fn verdict_columns(&self, rows: &TableSchema) -> Result<Vec<NewColumn>, StageError> {
        let demands = self.demands(&|name| rows.column(name).is_some())?;
        if demands.is_empty() {
            return Ok(Vec::new());
        }
        let fields: Vec<_> = rows.columns.iter().map(ColumnMeta::field).collect();
        let criteria = Criteria::new(demands.iter().map(|(_, c)| c.clone()).collect())?;
        criteria.check(&arrow::datatypes::Schema::new(fields))?;
        let entry = |(bit, demand): &(u32, Criterion)| {
            let rule = self.published(&demand.expression.canonical(), rows)?;
            Ok(((1_u64 << bit).to_string(), format!("{} not met ({rule})", demand.name)))
        };
        let entries: Vec<(String, String)> =
            demands.iter().map(entry).collect::<Result<_, StageError>>()?;
        let names: Vec<&str> = demands.iter().map(|(_, demand)| demand.name.as_str()).collect();
        let flags = ColumnMeta::new("flags", U32).ucd("meta.code.qual").about(with_list(
            "what disqualifies the labels, a sum of bits, 0 for nothing; a missing value fails its demand",
            &entries,
        ));
        let recommended = ColumnMeta::new("recommended", Type::Bool).ucd("meta.code.qual").about(
            format!("whether `flags` is 0: the labels meet every demand ({})", names.join(", ")),
        );
        let read = criteria.columns();
        let column = |meta: ColumnMeta| {
            read.iter().fold(NewColumn::new(meta), |column, name| {
                column.from("rows", name, "derived: demand")
            })
        };
        Ok(vec![column(flags), column(recommended)])
    }

    /// A rule with the columns under their published names.
    fn published(&self, rule: &str, rows: &TableSchema) -> Result<String, StageError> {
        let mut names = BTreeMap::new();
        for column in &self.columns {
            if let Some(carried) = column.carried("rows", rows)? {
                names.insert(carried.column, carried.name);
            }
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let piece = |piece: &str| {
            let (word, rest) = piece.split_at(piece.trim_end_matches(|c| !is_name(c)).len());
            format!("{}{rest}", names.get(word).map_or(word, String::as_str))
        };
        Ok(rule.split_inclusive(|c| !is_name(c)).map(piece).collect())
    }
}

impl Stage for Catalog {
    fn ports(&self) -> Vec<Port> {
        let mut needs = vec![
            Need::of(&self.id, I64).role("sort"),
            Need::of(&self.star_id, I64).role("group: star"),
            Need::any(&self.snr).role("order within a star"),
        ];
        for (name, formula) in &self.demands {
            let (_, may_lack) = optional(name);
            let need = |column| {
                let need = Need::any(column).role("rule: recommended");
                if may_lack { need.if_there() } else { need }
            };
            needs.extend(formula.0.columns().into_iter().map(need));
        }
        vec![Port::whole("rows", needs)]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        let rows = &inputs["rows"];
        let counted = ColumnMeta::new("n_obs_star", U32)
            .ucd("meta.number")
            .about("spectra of this star in the catalog");
        let best = ColumnMeta::new("is_best_snr", Type::Bool)
            .ucd("meta.code.qual")
            .about("whether it is the spectrum of the star with the highest signal-to-noise ratio");
        let mut columns = vec![
            NewColumn::new(counted).from("rows", &self.star_id, "derived: count"),
            NewColumn::new(best).from("rows", &self.snr, "derived: largest of the star"),
        ];
        columns.extend(self.verdict_columns(rows)?);
        let mut catalog = Output::table("catalog", columns);
        catalog.rows = Rows::Select("rows".into());
        for published in &self.columns {
            let Some(carried) = published.carried("rows", rows)? else { continue };
            if carried.column == self.id {
                catalog.row_id = Some(carried.name.clone());
            }
            catalog.carried.push(carried);
        }
        Ok(vec![catalog])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let row_ids = ids(job, "rows", &self.id)?;
        let stars = optional_ids(job, "rows", &self.star_id)?;
        let snr = f64s(job, "rows", &self.snr)?;
        let mut order: Vec<usize> = (0..row_ids.len()).collect();
        order.sort_by_key(|row| row_ids[*row]);
        let mut spectra: BTreeMap<i64, (u32, usize)> = BTreeMap::new();
        for &row in &order {
            let Some(star) = stars[row] else { continue };
            let (count, best) = spectra.entry(star).or_insert((0, row));
            *count += 1;
            // Without a ratio a spectrum never wins over one that has it.
            if snr[row] > snr[*best] || (snr[*best].is_nan() && !snr[row].is_nan()) {
                *best = row;
            }
        }
        let of = |row: &usize| stars[*row].and_then(|star| spectra.get(&star));
        let mut columns = vec![
            u32_array(order.iter().map(|row| of(row).map_or(1, |s| s.0)).collect()),
            bool_array(order.iter().map(|row| of(row).is_none_or(|s| s.1 == *row)).collect()),
        ];
        if let Some(flags) = self.flags(job.table("rows")?)? {
            columns.push(u32_array(order.iter().map(|row| flags[*row]).collect()));
            columns.push(bool_array(order.iter().map(|row| flags[*row] == 0).collect()));
        }
        let rows = UInt32Array::from_iter_values(order.iter().map(|row| *row as u32));
        Ok(vec![Product::new("catalog", columns).rows("rows", rows)])
    }
}

impl Catalog {
    /// The bits of each row; `None` without demands.
    fn flags(&self, rows: &RecordBatch) -> Result<Option<Vec<u32>>, StageError> {
        let demands = self.demands(&|name| rows.column_by_name(name).is_some())?;
        if demands.is_empty() {
            return Ok(None);
        }
        let (bits, criteria): (Vec<u32>, Vec<Criterion>) = demands.into_iter().unzip();
        let verdicts = Criteria::new(criteria)?.apply(rows)?;
        let flags = verdicts.rows.iter().map(|verdict| {
            let failed = |(place, _): &(usize, &u32)| verdict.failed >> place & 1 == 1;
            bits.iter().enumerate().filter(failed).map(|(_, bit)| 1 << bit).sum()
        });
        Ok(Some(flags.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::types::F64;
    use crate::formats::meaning::listed;
    use crate::stages::columns::{f64_array, i64_array, text_array};

    const PARAMETERS: &str = r#"{"id": "obsid", "star_id": "obsid", "snr": "snri",
        "columns": ["obsid", ["T", "ap_Teff"]],
        "demands": [["fit", "status == 'converged'"], ["alpha?", "alpha < 1"], ["range", "2800 < ap_Teff < 4500"]]}"#;

    fn stage() -> Catalog {
        serde_json::from_str(PARAMETERS).unwrap()
    }

    #[test]
    fn every_failed_demand_sets_its_bit() {
        let rows = RecordBatch::try_from_iter([
            ("obsid", i64_array(vec![1, 2, 3, 4])),
            ("snri", f64_array(vec![9.0; 4])),
            ("ap_Teff", f64_array(vec![3000.0, 5000.0, f64::NAN, 2000.0])),
            ("status", text_array([Some("converged"), Some("converged"), Some("converged"), None])),
        ])
        .unwrap();
        assert_eq!(stage().flags(&rows).unwrap(), Some(vec![0, 4, 4, 5]));
        let none = Catalog { demands: Vec::new(), ..stage() };
        assert_eq!(none.flags(&rows).unwrap(), None);
    }

    #[test]
    fn bits_are_listed_under_published_names() {
        let columns = vec![
            ColumnMeta::new("ap_Teff", F64),
            ColumnMeta::new("status", Type::Text),
            ColumnMeta::new("obsid", I64),
        ];
        let schema = TableSchema { columns, row_id: None };
        let made = stage().verdict_columns(&schema).unwrap();
        let list = listed(&made[0].meta.description).unwrap();
        assert_eq!(list.entries.len(), 2);
        assert_eq!(list.entries[0].0, "1");
        assert_eq!(list.entries[1], ("4", "range not met (2800 < T < 4500)"));
        assert!(made[1].meta.description.contains("(fit, range)"));
    }
}
