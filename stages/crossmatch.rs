//! Crossmatch (§3.1, §3.2.1): rows of a table with their counterparts in a catalog.
//!
//! By id where both sides have one, else by position. The paper prints neither radius nor epoch;
//! by default the targets' catalog positions (J2000, not those of the deliberately offset fiber)
//! are compared with the catalog carried to J2000 by its proper motion, within 3 arcsec.
//!
//! | port | reads |
//! |---|---|
//! | `targets` (driving) | id, position, optionally id in the catalog and date of observation |
//! | `catalog` (whole) | id, position, optionally proper motion, parallax, rank, radius |
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `matched` | targets with a counterpart (all, with `keep_unmatched`) | all of `targets`, those carried from `catalog`, separations at three epochs, number of candidates, ambiguous |
//! | `candidates` | every pair within the radius | ids, separations, whether it is the best, rank |
//! | `rejects` | targets without | id, reason, distance to the nearest source within an arcminute |
//!
//! The best candidate has the lowest rank, then the smallest separation.

mod sky;

use std::collections::BTreeMap;

use arrow::array::UInt32Array;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::sky::{Candidate, Sky};
use super::columns::{bool_array, finite_array, i32_array, i64_array, ids, text_array, u32_array};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Accounts, Carried, Job, Need, NewColumn, Output, Port, Product, Rows, Schemas, Stage,
    StageError,
};
use crate::engine::types::{ColumnMeta, F64, I32, I64, Type, U32};
use crate::science::sky::is_position;

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<Crossmatch>("crossmatch", 1, "joins a table with its counterparts in a catalog");

/// How far a rejected target's nearest source is looked for.
const NEAREST_ARCSEC: f64 = 60.0;

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Crossmatch {
    /// Targets' row id.
    id: String,
    #[serde(default = "ra_deg")]
    ra: String,
    #[serde(default = "dec_deg")]
    dec: String,
    /// Modified Julian date of the observation, for the third separation.
    #[serde(default)]
    observed_mjd: Option<String>,
    /// Column that holds the catalog's id in the targets: these rows are matched by it.
    #[serde(default)]
    target_catalog_id: Option<String>,
    /// Catalog's id.
    catalog_id: String,
    #[serde(default = "ra_deg")]
    catalog_ra: String,
    #[serde(default = "dec_deg")]
    catalog_dec: String,
    /// Proper motion columns (mas/yr, the first times cos dec); without them nothing is carried.
    #[serde(default)]
    proper_motion: Option<[String; 2]>,
    /// Parallax column (mas).
    #[serde(default)]
    parallax: Option<String>,
    /// Epoch of the targets' positions, Julian year.
    #[serde(default = "j2000")]
    epoch_yr: f64,
    /// Epoch of the catalog's positions, Julian year.
    #[serde(default = "j2000")]
    catalog_epoch_yr: f64,
    /// Match radius, arcsec.
    #[serde(default = "three")]
    radius_arcsec: f64,
    /// Catalog column with a radius of its own for each row, arcsec; never more than the above.
    #[serde(default)]
    radius_column: Option<String>,
    /// Catalog column with a rank: a lower one wins whatever the separation.
    #[serde(default)]
    rank_column: Option<String>,
    /// Catalog columns handed through: `name there = "name here"`; all, by their names, if empty.
    #[serde(default)]
    carry: BTreeMap<String, String>,
    /// Put before the names of the new columns, so that several matches can follow each other.
    #[serde(default)]
    prefix: String,
    /// Keeps targets without a counterpart, with nulls.
    #[serde(default)]
    keep_unmatched: bool,
}

fn ra_deg() -> String {
    "ra_deg".into()
}

fn dec_deg() -> String {
    "dec_deg".into()
}

fn j2000() -> f64 {
    2000.0
}

fn three() -> f64 {
    3.0
}

impl Stage for Crossmatch {
    fn ports(&self) -> Vec<Port> {
        let date = "join: date of observation";
        let mut targets = vec![
            Need::of(&self.id, I64).role("row id of candidates and rejects"),
            degrees(&self.ra),
            degrees(&self.dec),
        ];
        targets.extend(self.observed_mjd.iter().map(|c| Need::in_unit(c, "d").role(date)));
        let by_id = self.target_catalog_id.iter();
        targets.extend(by_id.map(|c| Need::any(c).role("join: id")));
        let mut catalog = vec![
            Need::any(&self.catalog_id).role("join: id"),
            degrees(&self.catalog_ra),
            degrees(&self.catalog_dec),
        ];
        let motion = self.proper_motion.iter().flatten();
        catalog.extend(motion.map(|c| Need::in_unit(c, "mas/yr").role("join: proper motion")));
        let parallax = self.parallax.iter();
        catalog.extend(parallax.map(|c| Need::in_unit(c, "mas").role("join: parallax")));
        let radius = self.radius_column.iter();
        catalog.extend(radius.map(|c| Need::in_unit(c, "arcsec").role("join: radius")));
        catalog.extend(self.rank_column.iter().map(|c| Need::of(c, I32).role("join: rank")));
        vec![Port::driving("targets", targets), Port::whole("catalog", catalog)]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        if !(self.radius_arcsec > 0.0 && self.radius_arcsec <= 3600.0) {
            return Err(StageError::new("`radius_arcsec` must lie between 0 and 3600"));
        }
        let targets = &inputs["targets"];
        let mut matched = Output::widened("matched", "targets", targets, self.new_columns());
        if !self.keep_unmatched {
            matched.rows = Rows::Select("targets".into());
        }
        matched.row_id = Some(self.id.clone());
        matched.carried.extend(self.carried(inputs)?);
        let matched = matched.untouched_by("targets", &self.id);
        let mut candidates = Output::table("candidates", self.candidate_columns()).id(&self.id);
        candidates.carried.push(carried(&self.catalog_id, &self.catalog_id));
        let rejects = vec![
            self.target_id(),
            NewColumn::new(ColumnMeta::new("reason", Type::Text).about("why it has no match")),
            NewColumn::new(
                ColumnMeta::new("nearest_arcsec", F64)
                    .unit("arcsec")
                    .about("distance to the nearest source, if within 60 arcsec"),
            ),
        ];
        Ok(vec![matched, candidates, Output::table("rejects", rejects).id(&self.id)])
    }

    fn accounts(&self) -> Option<Accounts> {
        let accounts =
            Accounts { port: "targets".into(), kept: "matched".into(), rejects: "rejects".into() };
        (!self.keep_unmatched).then_some(accounts)
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let target_ids = ids(job, "targets", &self.id)?;
        let sky = Sky::read(self, job)?;
        let mut candidates = Vec::new();
        let mut best: Vec<Option<usize>> = vec![None; target_ids.len()];
        for (target, best) in best.iter_mut().enumerate() {
            let mut found = sky.candidates(self, target)?;
            found.sort_by(|a, b| {
                (!a.by_id, a.rank)
                    .cmp(&(!b.by_id, b.rank))
                    .then(a.separations[0].total_cmp(&b.separations[0]))
                    .then(a.row.cmp(&b.row))
            });
            *best = (!found.is_empty()).then_some(candidates.len());
            candidates.extend(found);
        }
        let mut counts = vec![0u32; target_ids.len()];
        candidates.iter().for_each(|c: &Candidate| counts[c.target] += 1);
        Ok(vec![
            self.matched(&candidates, &best, &counts),
            self.candidates(&target_ids, &candidates, &best),
            self.rejects(&target_ids, &sky, &best)?,
        ])
    }
}

fn degrees(column: &str) -> Need {
    Need::in_unit(column, "deg").role("join: position")
}

fn carried(name: &str, column: &str) -> Carried {
    Carried { name: name.into(), port: "catalog".into(), column: column.into() }
}

impl Crossmatch {
    fn target_id(&self) -> NewColumn {
        NewColumn::new(ColumnMeta::new(&self.id, I64).about("row id of the target"))
            .from("targets", &self.id, "identity")
    }

    fn separation_columns(&self, prefix: &str) -> Vec<NewColumn> {
        let new = |name: &str, about: String| {
            let meta = ColumnMeta::new(format!("{prefix}{name}"), F64);
            let mut column =
                NewColumn::new(meta.unit("arcsec").ucd("pos.angDistance").about(about));
            for (port, read) in [
                ("targets", &self.ra),
                ("targets", &self.dec),
                ("catalog", &self.catalog_ra),
                ("catalog", &self.catalog_dec),
            ] {
                column = column.from(port, read, "derived: angular separation");
            }
            column
        };
        vec![
            new("separation_arcsec", format!("separation at J{}", self.epoch_yr)),
            new(
                "separation_catalog_arcsec",
                format!("separation at the catalog's epoch J{}", self.catalog_epoch_yr),
            ),
            new("separation_observed_arcsec", "separation at the date of observation".into()),
        ]
    }

    fn new_columns(&self) -> Vec<NewColumn> {
        let mut columns = self.separation_columns(&self.prefix);
        let name = |name: &str| format!("{}{name}", self.prefix);
        columns.push(NewColumn::new(
            ColumnMeta::new(name("n_candidates"), U32).about("sources within the radius"),
        ));
        columns.push(NewColumn::new(
            ColumnMeta::new(name("ambiguous"), Type::Bool)
                .about("whether more than one source lies within the radius"),
        ));
        columns
    }

    fn candidate_columns(&self) -> Vec<NewColumn> {
        let mut columns = vec![self.target_id()];
        columns.extend(self.separation_columns(""));
        let plain = |name: &str, kind: Type, about: &str| {
            NewColumn::new(ColumnMeta::new(name, kind).about(about))
        };
        columns.push(plain("rank", I32, "rank of the source, lower wins"));
        columns.push(plain("best", Type::Bool, "whether it is the counterpart"));
        columns.push(plain("by_id", Type::Bool, "whether it was found by id"));
        columns
    }

    fn carried(&self, inputs: &Schemas) -> Result<Vec<Carried>, StageError> {
        let (targets, catalog) = (&inputs["targets"], &inputs["catalog"]);
        if self.carry.is_empty() {
            return Ok(catalog
                .columns
                .iter()
                .filter(|c| targets.column(&c.name).is_none())
                .map(|c| carried(&c.name, &c.name))
                .collect());
        }
        if let Some(there) = self.carry.keys().find(|there| catalog.column(there).is_none()) {
            let names: Vec<&str> = catalog.columns.iter().map(|c| c.name.as_str()).collect();
            let what = format!(
                "`carry` names the column `{there}`, which the catalog lacks; it has {}",
                names.join(", ")
            );
            return Err(StageError::new(what));
        }
        Ok(self.carry.iter().map(|(there, here)| carried(here, there)).collect())
    }

    fn matched(&self, candidates: &[Candidate], best: &[Option<usize>], counts: &[u32]) -> Product {
        let kept: Vec<usize> = (0..best.len())
            .filter(|target| self.keep_unmatched || best[*target].is_some())
            .collect();
        let separation = |at: usize| {
            let of =
                |target: &usize| best[*target].map_or(f64::NAN, |b| candidates[b].separations[at]);
            finite_array(kept.iter().map(of).collect())
        };
        let columns = vec![
            separation(0),
            separation(1),
            separation(2),
            u32_array(kept.iter().map(|t| counts[*t]).collect()),
            bool_array(kept.iter().map(|t| counts[*t] > 1).collect()),
        ];
        let targets = UInt32Array::from_iter_values(kept.iter().map(|t| *t as u32));
        let rows: UInt32Array =
            kept.iter().map(|t| best[*t].map(|b| candidates[b].row as u32)).collect();
        Product::new("matched", columns).rows("targets", targets).rows("catalog", rows)
    }

    fn candidates(
        &self,
        target_ids: &[i64],
        candidates: &[Candidate],
        best: &[Option<usize>],
    ) -> Product {
        let separation =
            |at: usize| finite_array(candidates.iter().map(|c| c.separations[at]).collect());
        let is_best = |(i, c): (usize, &Candidate)| best[c.target] == Some(i);
        let columns = vec![
            i64_array(candidates.iter().map(|c| target_ids[c.target]).collect()),
            separation(0),
            separation(1),
            separation(2),
            i32_array(candidates.iter().map(|c| c.rank).collect()),
            bool_array(candidates.iter().enumerate().map(is_best).collect()),
            bool_array(candidates.iter().map(|c| c.by_id).collect()),
        ];
        let rows = UInt32Array::from_iter_values(candidates.iter().map(|c| c.row as u32));
        Product::new("candidates", columns).rows("catalog", rows)
    }

    fn rejects(
        &self,
        target_ids: &[i64],
        sky: &Sky,
        best: &[Option<usize>],
    ) -> Result<Product, StageError> {
        let (mut who, mut why, mut nearest) = (Vec::new(), Vec::new(), Vec::new());
        let unmatched =
            (0..best.len()).filter(|target| best[*target].is_none() && !self.keep_unmatched);
        for target in unmatched {
            let (ra, dec) = sky.target(target);
            who.push(target_ids[target]);
            if !is_position(ra, dec) {
                why.push("the target has no position".to_owned());
                nearest.push(f64::NAN);
                continue;
            }
            why.push(format!("no source within {} arcsec", self.radius_arcsec));
            let near = sky.catalog.index.within(ra, dec, NEAREST_ARCSEC)?;
            nearest.push(near.first().map_or(f64::NAN, |n| n.separation_arcsec));
        }
        let columns = vec![i64_array(who), text_array(why.iter().map(Some)), finite_array(nearest)];
        Ok(Product::new("rejects", columns))
    }
}
