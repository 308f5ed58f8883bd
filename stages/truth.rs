//! The truth about simulated spectra, as the scoring stages read it.

use std::collections::{BTreeMap, HashMap};

use arrow::array::AsArray;

use super::columns::{f64s, ids, texts};
use crate::engine::stage::{Job, Need, Port, StageError};
use crate::engine::types::I64;

/// Ports of a scoring stage: `stars`, with more columns if asked for, and `spectra`, which follows it.
pub fn truth_ports(more: &[&str]) -> Vec<Port> {
    let mut stars = vec![Need::of("star_id", I64)];
    stars.extend(["kind", "fault", "companion_ratio_i", "apogee_outlier"].map(Need::any));
    stars.extend(more.iter().map(|column| Need::any(*column)));
    let mut spectra = vec![Need::of("obsid", I64), Need::of("star_id", I64)];
    spectra.push(Need::any("fault"));
    vec![Port::whole("stars", stars), Port::whole("spectra", spectra).beside("stars", "spectra")]
}

/// What a spectrum really is.
#[derive(Clone, Debug)]
pub struct Spectrum {
    pub star: usize,
    pub star_id: i64,
    /// Planted fault of the spectrum; empty for none.
    pub fault: String,
}

/// The truth by spectrum.
pub struct Truth {
    pub spectra: BTreeMap<i64, Spectrum>,
    kinds: Vec<String>,
    faults: Vec<String>,
    companions: Vec<f64>,
    outliers: Vec<bool>,
}

impl Truth {
    /// Reads both tables.
    pub fn read(job: &Job) -> Result<Self, StageError> {
        let star_ids = ids(job, "stars", "star_id")?;
        let row: HashMap<i64, usize> = star_ids.iter().copied().zip(0..).collect();
        let words = |port: &str, column: &str| -> Result<Vec<String>, StageError> {
            Ok(texts(job, port, column)?.into_iter().map(Option::unwrap_or_default).collect())
        };
        let (obsids, whose) = (ids(job, "spectra", "obsid")?, ids(job, "spectra", "star_id")?);
        let faults = words("spectra", "fault")?;
        let mut spectra = BTreeMap::new();
        for ((obsid, star_id), fault) in obsids.into_iter().zip(whose).zip(faults) {
            let star = *row.get(&star_id).ok_or_else(|| {
                StageError::new(format!(
                    "spectrum {obsid} is of star {star_id}, which `stars` lacks"
                ))
            })?;
            spectra.insert(obsid, Spectrum { star, star_id, fault });
        }
        Ok(Self {
            spectra,
            kinds: words("stars", "kind")?,
            faults: words("stars", "fault")?,
            companions: f64s(job, "stars", "companion_ratio_i")?,
            outliers: job
                .column("stars", "apogee_outlier")?
                .as_boolean()
                .iter()
                .map(|v| v == Some(true))
                .collect(),
        })
    }

    /// What kind of object a spectrum is of.
    pub fn kind(&self, spectrum: &Spectrum) -> &str {
        &self.kinds[spectrum.star]
    }

    /// Faults planted in a spectrum, its own, its star's and its star's in APOGEE.
    pub fn faults<'a>(&'a self, spectrum: &'a Spectrum) -> impl Iterator<Item = &'a str> {
        let outlier = if self.outliers[spectrum.star] { "apogee_outlier" } else { "" };
        let all = [spectrum.fault.as_str(), self.faults[spectrum.star].as_str(), outlier];
        all.into_iter().filter(|fault| !fault.is_empty())
    }

    /// A single M dwarf without a planted fault.
    pub fn is_clean(&self, spectrum: &Spectrum) -> bool {
        self.kind(spectrum) == "dwarf"
            && self.faults(spectrum).next().is_none()
            && self.companions[spectrum.star] == 0.0
    }
}
