//! Simulate: the objects of a survey with known truth (in place of the archives of §3).
//!
//! Which objects there are, and which survey they belong to; what they are and look like follows from their numbers,
//! in the stages `simulate_spectra`, `simulate_archive`, `simulate_truth`.
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `objects` | an object | `object_id` |
//! | `survey` | one | `seed`, `size`, `variant` |

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{i64_array, text_array};
use super::simulated::{OBJECT_ID, OBJECTS, SURVEY, variant_named};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Job, NewColumn, Output, Port, Product, Schemas, Split, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, I64, Type};
use crate::simulation::size::Size;
use crate::simulation::survey::{PAIR_BASE, Survey};

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<Simulate>("simulate", 1, "lists the objects of a simulated survey");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Simulate {
    /// `tiny`, `demo`, `full` or `paper`.
    #[serde(default = "demo")]
    size: String,
    /// `standard`, or `blind`: another dust law, distance prior and isochrones.
    #[serde(default = "standard")]
    variant: String,
    /// Objects of the field, if not as many as the size says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    n_field: Option<u64>,
    /// Parts that the objects are worked on in; by the size if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    buckets: Option<u32>,
}

fn demo() -> String {
    "demo".into()
}

fn standard() -> String {
    "standard".into()
}

impl Simulate {
    fn size(&self) -> Result<Size, StageError> {
        Size::named(&self.size).ok_or_else(|| {
            let names = Size::ALL.map(Size::name).join(", ");
            StageError::new(format!("`size = \"{}\"`: there are {names}", self.size))
        })
    }

    /// Some hundred spectra a part: a part is what a killed run loses.
    fn buckets(&self) -> Result<u32, StageError> {
        let by_size = match self.size()? {
            Size::Tiny => 4,
            Size::Demo => 16,
            Size::Full => 128,
            Size::Paper => 1024,
        };
        match self.buckets.unwrap_or(by_size) {
            0 => {
                Err(StageError::new("`buckets = 0` leaves no place for an object; give 1 or more"))
            }
            buckets => Ok(buckets),
        }
    }

    fn check_field(&self) -> Result<(), StageError> {
        match self.n_field {
            Some(n) if n > PAIR_BASE => {
                Err(StageError::new(format!("`n_field = {n}`: at most {PAIR_BASE}")))
            }
            _ => Ok(()),
        }
    }
}

impl Stage for Simulate {
    fn ports(&self) -> Vec<Port> {
        Vec::new()
    }

    fn seed_purpose(&self) -> Option<&str> {
        Some("simulated survey")
    }

    fn outputs(&self, _inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        self.check_field()?;
        variant_named(&self.variant).ok_or_else(|| {
            let what = format!("`variant = \"{}\"`: there are standard, blind", self.variant);
            StageError::new(what)
        })?;
        let text = |name: &str, about: &str| {
            NewColumn::new(ColumnMeta::new(name, Type::Text).about(about))
        };
        let id = ColumnMeta::new(OBJECT_ID, I64).about("number of the object");
        let seed = ColumnMeta::new("seed", I64).about("seed of the survey");
        Ok(vec![
            Output::table(OBJECTS, vec![NewColumn::new(id)])
                .id(OBJECT_ID)
                .split(Split::Buckets(self.buckets()?)),
            Output::table(
                SURVEY,
                vec![
                    NewColumn::new(seed),
                    text("size", "how large the survey is"),
                    text("variant", "which Galaxy it is in"),
                ],
            ),
        ])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let mut survey = Survey::new(job.seed()?, self.size()?);
        survey.extent.n_field = self.n_field.unwrap_or(survey.extent.n_field);
        let ranges = survey.spectra_ranges().into_iter().chain(survey.other_ranges());
        let ids: Vec<i64> = ranges.flatten().map(|id| id as i64).collect();
        job.note(format!("{} objects of size {}", ids.len(), self.size));
        let survey = vec![
            i64_array(vec![job.seed()? as i64]),
            text_array([Some(&self.size)]),
            text_array([Some(&self.variant)]),
        ];
        Ok(vec![Product::new(OBJECTS, vec![i64_array(ids)]), Product::new(SURVEY, survey)])
    }
}
