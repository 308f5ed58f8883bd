//! Simulate grid: files of a model grid like BT-Settl's, of other physics than the survey's (§3.2.2).
//!
//! Port `survey`: which survey, for the nodes that are missing on purpose.
//!
//! Output `files`: `name`, `bytes`; 49 x 7 x 3 nodes but for 3 percent.

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::simulated::{NamedFile, SURVEY, files_output, files_product, gzip, survey};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{Job, Need, Output, Port, Product, Schemas, Split, Stage, StageError};
use crate::simulation::planted::grid_node_missing;
use crate::simulation::spectra::model_grid::{file_text, nodes, synthesizer};

/// The registry's entry.
pub const STAGE: StageDef = StageDef::of::<SimulateGrid>(
    "simulate_grid",
    1,
    "writes the files of a model grid of other physics than the survey's",
);

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SimulateGrid {
    /// Files in a part.
    #[serde(default = "chunk")]
    chunk: u32,
}

fn chunk() -> u32 {
    128
}

impl Stage for SimulateGrid {
    fn ports(&self) -> Vec<Port> {
        vec![Port::whole(SURVEY, ["seed", "size", "variant"].map(Need::any).to_vec())]
    }

    fn outputs(&self, _inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        if self.chunk == 0 {
            return Err(StageError::new("`chunk = 0` leaves no place for a file; give 1 or more"));
        }
        Ok(vec![files_output("files").split(Split::Chunks(self.chunk))])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let survey = survey(job)?;
        let synthesizer = synthesizer();
        let numbered: Vec<_> = nodes().into_iter().enumerate().collect();
        let files = numbered
            .into_par_iter()
            .filter(|(number, _)| !grid_node_missing(survey.seed, *number as u64))
            .map(|(_, node)| {
                Ok((node.file_name(), gzip(file_text(&synthesizer, &node).as_bytes())?))
            })
            .collect::<Result<Vec<NamedFile>, StageError>>()?;
        Ok(vec![files_product("files", &files)])
    }
}
