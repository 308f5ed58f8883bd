//! Simulate spectra: what LAMOST delivers of the simulated objects (§3.1, §2.1).
//!
//! Port `objects` (driving): their numbers. Port `survey` follows it.
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `files` | a spectrum, `.fits.gz` in the layout of LAMOST's releases | `name`, `bytes` |
//! | `m_stars` | a spectrum | LAMOST's catalog of M stars |
//! | `temperature_errors` | a spectrum | what its noise does to a temperature measured on it |
//!
//! Deviations from the archive: every file says in its header that it is simulated.

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{f64_array, i64_array};
use super::simulated::{
    NamedFile, arrays, columns, files_output, files_product, object_ids, ports, survey,
};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{Job, NewColumn, Output, Port, Product, Schemas, Stage, StageError};
use crate::engine::types::{ColumnMeta, F64, I64};
use crate::simulation::archives::Shard;
use crate::simulation::label_scales::DR1_END_LMJD;
use crate::simulation::planted::SpectrumFault;
use crate::simulation::spectra::indices;
use crate::simulation::spectra::lamost_file;
use crate::simulation::spectra::m_star_row::{self, MStarRow};
use crate::simulation::spectra::m_star_table::m_star_table;
use crate::simulation::spectra::observe::{Observation, Observatory};
use crate::simulation::star::{Star, Visit};
use crate::simulation::survey::Survey;
use crate::simulation::visits;

/// The registry's entry.
pub const STAGE: StageDef = StageDef::of::<SimulateSpectra>(
    "simulate_spectra",
    1,
    "takes LAMOST spectra of the simulated objects",
);

/// Parameters: none.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SimulateSpectra {}

/// What one visit yields.
struct Taken {
    obsid: u64,
    files: Vec<NamedFile>,
    row: MStarRow,
    error_sigma: f64,
}

impl Stage for SimulateSpectra {
    fn ports(&self) -> Vec<Port> {
        ports(true)
    }

    fn outputs(&self, _inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        let errors = vec![
            NewColumn::new(ColumnMeta::new("obsid", I64).about("LAMOST spectrum")),
            NewColumn::new(
                ColumnMeta::new("error_sigma", F64)
                    .about("deviation of TiO5 from that without noise, over its error"),
            ),
        ];
        Ok(vec![
            files_output("files"),
            Output::table("m_stars", columns(&m_star_table(&[]))).id("obsid"),
            Output::table("temperature_errors", errors).id("obsid"),
        ])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let survey = survey(job)?;
        let shard = Shard::new(&survey, &object_ids(job)?);
        let observatory = Observatory::new(survey.seed);
        let taken = shard
            .spectra()
            .into_par_iter()
            .map(|(record, visit)| take(&survey, &observatory, record.star(), visit))
            .collect::<Result<Vec<_>, _>>()?;
        let errors = vec![
            i64_array(taken.iter().map(|t| t.obsid as i64).collect()),
            f64_array(taken.iter().map(|t| t.error_sigma).collect()),
        ];
        let (files, rows): (Vec<_>, Vec<_>) =
            taken.into_iter().map(|taken| (taken.files, taken.row)).unzip();
        let files: Vec<NamedFile> = files.into_iter().flatten().collect();
        Ok(vec![
            files_product("files", &files),
            Product::new("m_stars", arrays(m_star_table(&rows))),
            Product::new("temperature_errors", errors),
        ])
    }
}

fn take(
    survey: &Survey,
    observatory: &Observatory,
    star: &Star,
    visit: &Visit,
) -> Result<Taken, StageError> {
    let light = visits::light_source(survey, visit);
    let seen = observatory.observe(&light, visit);
    let name = format!("{}.gz", lamost_file::file_name(visit));
    let mut files = vec![(name, lamost_file::write(survey.seed, star, visit, &seen)?)];
    if visit.fault == Some(SpectrumFault::DuplicatedObsid) {
        files.push(second_copy(survey, observatory, star, visit)?);
    }
    let row = m_star_row::row(star, visit, &seen);
    let error_sigma = temperature_error(observatory, &light, visit, &seen);
    Ok(Taken { obsid: visit.obsid, files, row, error_sigma })
}

/// A second file under the same obsid, from another night.
fn second_copy(
    survey: &Survey,
    observatory: &Observatory,
    star: &Star,
    visit: &Visit,
) -> Result<NamedFile, StageError> {
    let again = Visit { lmjd: visit.lmjd + 1, fault: None, ..visit.clone() };
    let light = visits::light_source(survey, &again);
    let seen = observatory.observe(&light, &again);
    let name = format!("{}.gz", lamost_file::file_name(&again));
    Ok((name, lamost_file::write(survey.seed, star, &again, &seen)?))
}

/// How far the noise of a spectrum moves a temperature measured on it, in standard deviations: deeper TiO is cooler.
/// Only spectra of the first release are asked for, for Galgano et al. (2020) had no others; NaN elsewhere.
fn temperature_error(
    observatory: &Observatory,
    light: &Star,
    visit: &Visit,
    seen: &Observation,
) -> f64 {
    if visit.lmjd > DR1_END_LMJD {
        return f64::NAN;
    }
    const QUIET_SNR: f64 = 1e4;
    let quiet = Visit { snr_i: QUIET_SNR, fault: None, ..visit.clone() };
    let clean = observatory.observe(light, &quiet);
    let z = |seen: &Observation| seen.z.map_or(0.0, |(z, _)| z);
    let tio5 = |o: &Observation, z: f64| indices::measure(&o.flux, &o.ivar, z).tio[4];
    let (value, error) = tio5(seen, z(&clean));
    let sigma = (value - tio5(&clean, z(&clean)).0) / error;
    if sigma.is_finite() { sigma.clamp(-4.0, 4.0) } else { f64::NAN }
}
