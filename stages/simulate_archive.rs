//! Simulate archive: one archive's table of the simulated objects, as the files that it serves (§3, §4, §5).
//!
//! Ports `objects` (whole), `survey` (follows it), `temperature_errors` (for `galgano` alone).
//!
//! Output `files`: `name`, `bytes`; a dataset slot is bound to it by `simulated = "node.files"`.
//!
//! | archive | file |
//! |---|---|
//! | `gaia_dr2`, `gaia_ruwe`, `bailer_jones` | `.csv.gz`, as many as `files` says |
//! | `apogee`, `occam`, `galgano`, `tian` | FITS table |
//! | `birky`, `tess`, `zhong`, `activity` | `.csv.gz` |
//! | `parsec` | the text of the CMD web form |
//! | `bayestar` | HDF5 |

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{f64s, ids};
use super::simulated::{
    NamedFile, batch, csv_gz, files_output, files_product, object_ids, ports, survey, table_of,
};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{Job, Need, Output, Port, Product, Schemas, Stage, StageError};
use crate::engine::types::I64;
use crate::formats::fits_table::write_table;
use crate::formats::hdf5::{DustTables, MapPixel, write_dust};
use crate::simulation::archives as make;
use crate::simulation::survey::Survey;
use crate::simulation::table::{Table, Values};

/// The registry's entry.
pub const STAGE: StageDef = StageDef::of::<SimulateArchive>(
    "simulate_archive",
    1,
    "writes an archive's files about the simulated objects",
);

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SimulateArchive {
    /// Which archive.
    archive: Archive,
    /// Files that a large table is cut into.
    #[serde(default = "one")]
    files: usize,
}

fn one() -> usize {
    1
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Archive {
    GaiaDr2,
    GaiaRuwe,
    BailerJones,
    Apogee,
    Birky,
    Tess,
    Galgano,
    Occam,
    Tian,
    Zhong,
    Activity,
    Parsec,
    Bayestar,
}

impl Archive {
    /// Name of a file, its number put in where there are several.
    fn file_name(self, number: usize) -> String {
        match self {
            Self::GaiaDr2 => format!("GaiaSource_{number:03}.csv.gz"),
            Self::GaiaRuwe => format!("Ruwe_{number:03}.csv.gz"),
            Self::BailerJones => format!("GeometricDistance_{number:03}.csv.gz"),
            Self::Apogee => "allStar-r12-l33.fits".into(),
            Self::Birky => "birky2020_table6.csv.gz".into(),
            Self::Tess => "tess_cool_dwarf_catalog.csv.gz".into(),
            Self::Galgano => "galgano2020.fits".into(),
            Self::Occam => "occam_member-DR16.fits".into(),
            Self::Tian => "tian2020.fits".into(),
            Self::Zhong => "zhong2019_m_giants.csv.gz".into(),
            Self::Activity => "lamost_m_dwarf_activity.csv.gz".into(),
            Self::Parsec => "parsec_1gyr_gaia_dr2.dat".into(),
            Self::Bayestar => "bayestar2019.h5".into(),
        }
    }

    /// Whether the archive serves a FITS table.
    fn is_fits(self) -> bool {
        matches!(self, Self::Apogee | Self::Galgano | Self::Occam | Self::Tian)
    }
}

impl Stage for SimulateArchive {
    fn ports(&self) -> Vec<Port> {
        let mut ports = ports(false);
        if self.archive == Archive::Galgano {
            let needs = vec![Need::of("obsid", I64), Need::any("error_sigma")];
            ports.push(Port::whole("temperature_errors", needs));
        }
        ports
    }

    fn outputs(&self, _inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        if self.files == 0 {
            return Err(StageError::new("`files = 0` leaves no place for a row; give 1 or more"));
        }
        Ok(vec![files_output("files")])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let survey = survey(job)?;
        if self.archive == Archive::Parsec {
            let text = make::parsec::cmd_text(&make::parsec::table(survey.variant));
            let file = (self.archive.file_name(0), text.into_bytes());
            return Ok(vec![files_product("files", &[file])]);
        }
        if self.archive == Archive::Bayestar {
            let file = (self.archive.file_name(0), dust_map(&survey)?);
            return Ok(vec![files_product("files", &[file])]);
        }
        let ids = object_ids(job)?;
        let errors = self.temperature_errors(job)?;
        let per_file = ids.len().div_ceil(self.files).max(1);
        let files = ids
            .chunks(per_file)
            .enumerate()
            .map(|(number, ids)| self.file(number, self.table(&survey, ids, &errors)?))
            .collect::<Result<Vec<NamedFile>, _>>()?;
        Ok(vec![files_product("files", &files)])
    }
}

/// The file of a survey's dust map.
fn dust_map(survey: &Survey) -> Result<Vec<u8>, StageError> {
    let grid = make::bayestar::grid(survey);
    let info = &grid.pixel_info;
    let numbers = |name: &str| {
        info.numbers(name).ok_or_else(|| StageError::new(format!("`pixel_info` lacks `{name}`")))
    };
    let (nside, index) = (numbers("nside")?, numbers("healpix_index")?);
    let (least, most) = (numbers("DM_reliable_min")?, numbers("DM_reliable_max")?);
    let stars = numbers("n_stars")?;
    let Some(Values::Bool(converged)) = info.column("converged").map(|c| &c.values) else {
        return Err(StageError::new("`pixel_info` lacks `converged`"));
    };
    let pixels: Vec<MapPixel> = (0..info.n_row())
        .map(|row| MapPixel {
            nside: nside[row] as u32,
            healpix_index: index[row] as u64,
            converged: converged[row],
            dm_reliable_min: least[row] as f32,
            dm_reliable_max: most[row] as f32,
            n_stars: stars[row] as i32,
        })
        .collect();
    Ok(write_dust(&DustTables {
        pixels: &pixels,
        distance_moduli: &grid.distance_modulus,
        best_fit: grid.best_fit.view(),
        samples: grid.samples.view(),
    })?)
}

impl SimulateArchive {
    fn temperature_errors(&self, job: &Job) -> Result<BTreeMap<u64, f64>, StageError> {
        if self.archive != Archive::Galgano {
            return Ok(BTreeMap::new());
        }
        let port = "temperature_errors";
        let obsids = ids(job, port, "obsid")?.into_iter().map(|id| id as u64);
        let errors = obsids.zip(f64s(job, port, "error_sigma")?);
        Ok(errors.filter(|(_, error)| error.is_finite()).collect())
    }

    fn table(
        &self,
        survey: &Survey,
        ids: &[u64],
        errors: &BTreeMap<u64, f64>,
    ) -> Result<Table, StageError> {
        table_of(survey, ids, |shard| match self.archive {
            Archive::GaiaDr2 => make::gaia_source::table(shard),
            Archive::GaiaRuwe => make::gaia_source::ruwe(shard),
            Archive::BailerJones => make::bailer_jones::table(shard),
            Archive::Apogee => make::apogee::table(shard),
            Archive::Birky => make::birky::table(shard),
            Archive::Tess => make::tess::table(shard),
            Archive::Galgano => make::galgano::table(shard, |obsid| errors.get(&obsid).copied()),
            Archive::Occam => make::occam::table(shard),
            Archive::Tian => make::tian::table(shard),
            Archive::Zhong => make::zhong::table(shard),
            Archive::Activity => make::activity::table(shard),
            // Neither is about objects.
            Archive::Parsec | Archive::Bayestar => make::parsec::table(shard.survey.variant),
        })
    }

    fn file(&self, number: usize, table: Table) -> Result<NamedFile, StageError> {
        let name = self.archive.file_name(number);
        let extension = table.name;
        let rows = batch(table)?;
        let bytes =
            if self.archive.is_fits() { write_table(&rows, extension)? } else { csv_gz(&rows)? };
        Ok((name, bytes))
    }
}
