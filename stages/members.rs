//! Members of a cluster (§5.1): stars within a circle on the sky whose proper motion and parallax pass windows.
//!
//! | port | reads |
//! |---|---|
//! | `stars` (driving) | row id, position, the columns of the windows |
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `members` | stars in the circle that pass all windows | all of `stars`, `separation_deg` |
//! | `rejects` | the others | id, first failing criterion, separation |
//! | `fields` | a field and part: the cluster's and those turned about the Galaxy's axis | center, stars within, stars that pass the windows too |
//!
//! Deviations: the printed window 0.04 < parallax < 0.05 is one of distance in kpc; read as parallax in arcsec it
//! selects no Hyad. The paper gives no count of stars that fall into the window by chance: `fields` does.

use std::collections::BTreeSet;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{
    f64_array, f64s, finite_array, i64_array, ids, text_array, u32_array, u64_array,
};
use super::figures::{check_filters, chosen};
use crate::engine::params::Formula;
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Accounts, Job, Need, NewColumn, Output, Port, Product, Schemas, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, F64, I64, Type, U32, U64};
use crate::science::validation::fields::Field;

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<Members>("members", 1, "selects the members of a cluster on the sky");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Members {
    /// Row id.
    id: String,
    #[serde(default = "ra_deg")]
    ra: String,
    #[serde(default = "dec_deg")]
    dec: String,
    /// Center of the circle: right ascension and declination, degrees.
    center_deg: [f64; 2],
    /// Its radius, degrees.
    radius_deg: f64,
    /// Windows in order: `[name, expression]`.
    windows: Vec<(String, Formula)>,
    /// Number of fields without the cluster, at its galactic latitude.
    #[serde(default = "twenty")]
    off_fields: usize,
}

fn ra_deg() -> String {
    "ra_deg".into()
}

fn dec_deg() -> String {
    "dec_deg".into()
}

fn twenty() -> usize {
    20
}

/// What a star outside the circle fails.
const CIRCLE: &str = "circle";

impl Stage for Members {
    fn ports(&self) -> Vec<Port> {
        let mut needs = vec![
            Need::of(&self.id, I64),
            Need::in_unit(&self.ra, "deg"),
            Need::in_unit(&self.dec, "deg"),
        ];
        let read: BTreeSet<String> =
            self.windows.iter().flat_map(|(_, window)| window.0.columns()).collect();
        needs.extend(read.into_iter().map(Need::any));
        vec![Port::driving("stars", needs)]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        let stars = &inputs["stars"];
        self.fields()?;
        check_filters(self.windows.iter().map(|(_, window)| window), stars)?;
        let mut rejects = vec![
            NewColumn::new(ColumnMeta::new(&self.id, I64).about("row id"))
                .from("stars", &self.id, "identity"),
            NewColumn::new(
                ColumnMeta::new("criterion", Type::Text).about("first criterion that fails"),
            ),
        ];
        rejects.push(self.separation_column());
        Ok(vec![
            Output::selected("members", "stars", stars, vec![self.separation_column()])
                .id(&self.id),
            Output::table("rejects", rejects).id(&self.id),
            Output::table("fields", self.field_columns()),
        ])
    }

    fn accounts(&self) -> Option<Accounts> {
        Some(Accounts { port: "stars".into(), kept: "members".into(), rejects: "rejects".into() })
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let ids = ids(job, "stars", &self.id)?;
        let sky = (f64s(job, "stars", &self.ra)?, f64s(job, "stars", &self.dec)?);
        let failed = self.failed(job.table("stars")?)?;
        let fields = self.fields()?;
        let inside = |field: &Field, row: usize| field.contains(sky.0[row], sky.1[row]);
        let (kept, rejected): (Vec<usize>, Vec<usize>) =
            (0..ids.len()).partition(|row| inside(&fields[0], *row) && failed[*row].is_none());
        let separations = |rows: &[usize]| {
            let of = |row: &usize| fields[0].separation_deg(sky.0[*row], sky.1[*row]);
            finite_array(rows.iter().map(of).collect())
        };
        let why = |row: &usize| {
            let window = failed[*row].map_or("", |window| self.windows[window].0.as_str());
            if inside(&fields[0], *row) { window } else { CIRCLE }
        };
        let rejects = vec![
            i64_array(rejected.iter().map(|row| ids[*row]).collect()),
            text_array(rejected.iter().map(|row| Some(why(row)))),
            separations(&rejected),
        ];
        let rows = UInt32Array::from_iter_values(kept.iter().map(|row| *row as u32));
        Ok(vec![
            Product::new("members", vec![separations(&kept)]).rows("stars", rows),
            Product::new("rejects", rejects),
            Product::new("fields", counts(&fields, &sky, &failed)),
        ])
    }
}

impl Members {
    /// The cluster's field and the others.
    fn fields(&self) -> Result<Vec<Field>, StageError> {
        let [ra, dec] = self.center_deg;
        let own = Field::new(ra, dec, self.radius_deg).ok_or_else(|| {
            StageError::new(format!(
                "a circle of {} degrees about {ra}, {dec} is none: give `center_deg` as right \
                 ascension and declination, and a radius up to 90 degrees",
                self.radius_deg
            ))
        })?;
        let mut fields = vec![own];
        fields.extend(own.turned(self.off_fields));
        Ok(fields)
    }

    /// The first window that each star fails; what is undecidable fails.
    fn failed(&self, table: &RecordBatch) -> Result<Vec<Option<usize>>, StageError> {
        let mut failed = vec![None; table.num_rows()];
        for (window, (_, formula)) in self.windows.iter().enumerate() {
            for (passes, failed) in chosen(Some(formula), table)?.into_iter().zip(&mut failed) {
                if !passes && failed.is_none() {
                    *failed = Some(window);
                }
            }
        }
        Ok(failed)
    }

    fn separation_column(&self) -> NewColumn {
        let separation = ColumnMeta::new("separation_deg", F64)
            .unit("deg")
            .ucd("pos.angDistance")
            .about("distance from the center of the cluster");
        NewColumn::new(separation).from("stars", &self.ra, "derived: angular separation").from(
            "stars",
            &self.dec,
            "derived: angular separation",
        )
    }

    fn field_columns(&self) -> Vec<NewColumn> {
        let column = |name: &str, kind: Type, unit: &str, about: &str| {
            NewColumn::new(ColumnMeta::new(name, kind).unit(unit).about(about))
        };
        let counted = |name: &str, about: &str| {
            column(name, U64, "", about).from("stars", &self.ra, "derived: count").from(
                "stars",
                &self.dec,
                "derived: count",
            )
        };
        vec![
            column("field", U32, "", "number of the field; 0 is the cluster's own"),
            column("field_ra_deg", F64, "deg", "right ascension of the center"),
            column("field_dec_deg", F64, "deg", "declination of the center"),
            column("field_l_deg", F64, "deg", "galactic longitude of the center"),
            column("field_b_deg", F64, "deg", "galactic latitude of the center"),
            counted("n_star", "stars in the field"),
            counted("n_window", "of these, stars that pass all windows"),
        ]
    }
}

fn counts(
    fields: &[Field],
    (ra, dec): &(Vec<f64>, Vec<f64>),
    failed: &[Option<usize>],
) -> Vec<ArrayRef> {
    let count = |field: &Field| {
        let inside = (0..failed.len()).filter(|row| field.contains(ra[*row], dec[*row]));
        inside.fold((0, 0), |(stars, window), row| {
            (stars + 1, window + u64::from(failed[row].is_none()))
        })
    };
    let found: Vec<(u64, u64)> = fields.iter().map(count).collect();
    let number = |of: fn(&Field) -> f64| f64_array(fields.iter().map(of).collect());
    vec![
        u32_array((0..fields.len() as u32).collect()),
        number(|f| f.ra_deg),
        number(|f| f.dec_deg),
        number(|f| f.l_deg),
        number(|f| f.b_deg),
        u64_array(found.iter().map(|f| f.0).collect()),
        u64_array(found.iter().map(|f| f.1).collect()),
    ]
}

#[cfg(test)]
#[path = "members_tests.rs"]
mod tests;
