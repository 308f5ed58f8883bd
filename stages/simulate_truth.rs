//! Simulate truth: what the simulated objects really are, for the scorer alone.
//!
//! Port `objects` (driving): their numbers. Port `survey` follows it.
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `stars` | an object | its nature, its planted fault, which catalogs have it |
//! | `spectra` | a spectrum | whose it is, its planted fault |
//! | `wide_pairs` | a wide pair | its stars and separation |
//!
//! Only stage `score` may read these outputs: a test refuses any other reader.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::simulated::{arrays, columns, object_ids, ports, survey};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{Job, Output, Port, Product, Schemas, Stage, StageError};
use crate::simulation::archives::{Shard, truth};
use crate::simulation::size::Size;
use crate::simulation::survey::Survey;

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<SimulateTruth>("simulate_truth", 1, "tells the truth about simulated objects");

/// Parameters: none.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SimulateTruth {}

impl Stage for SimulateTruth {
    fn ports(&self) -> Vec<Port> {
        ports(true)
    }

    fn outputs(&self, _inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        let none = Shard::new(&Survey::new(0, Size::Tiny), &[]);
        Ok(vec![
            Output::table("stars", columns(&truth::stars(&none))).id("star_id"),
            Output::table("spectra", columns(&truth::spectra(&none))).id("obsid"),
            Output::table("wide_pairs", columns(&truth::wide_pairs(&none))).id("wide_pair"),
        ])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let shard = Shard::new(&survey(job)?, &object_ids(job)?);
        Ok(vec![
            Product::new("stars", arrays(truth::stars(&shard))),
            Product::new("spectra", arrays(truth::spectra(&shard))),
            Product::new("wide_pairs", arrays(truth::wide_pairs(&shard))),
        ])
    }
}
