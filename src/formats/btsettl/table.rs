//! The table forms: wavelength and flux as columns with units.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use arrow::record_batch::RecordBatch;
use fits_well::FitsReader;
use fits_well::header::Header;

use super::node::Partial;
use super::points::{Points, Scale};
use super::units::{flux_factor, wave_factor};
use super::{BtSettlError, Content, Form, Options};
use crate::formats::fits_table::read_table;
use crate::formats::meaning::{UNIT, entry};
use crate::formats::votable::{Param, VoTableOptions, read_votable};

/// Names of the column of wavelengths, in lower case.
const WAVE_NAMES: [&str; 3] = ["wavelength", "wave", "lambda"];
/// Names of the column of fluxes.
const FLUX_NAMES: [&str; 2] = ["flux", "fluxes"];
/// Cards of the labels: those of PHOENIX, and plain ones.
const TEFF_CARDS: [&str; 2] = ["PHXTEFF", "TEFF"];
const LOGG_CARDS: [&str; 2] = ["PHXLOGG", "LOGG"];
const M_H_CARDS: [&str; 4] = ["PHXM_H", "M_H", "METAL", "FEH"];
const ALPHA_CARDS: [&str; 4] = ["PHXALPHA", "ALPHA", "ALPHA_M", "AFE"];

/// Reads the first binary table of a FITS file, already unpacked.
pub(super) fn read_fits(plain: &[u8], options: &Options) -> Result<Content, BtSettlError> {
    let batch = read_table(plain, None, None)
        .map_err(|error| BtSettlError::Table { problem: error.to_string() })?;
    let (wave_angstrom, flux) = points_of(&batch, options)?;
    Ok(Content { form: Form::Fits, header: fits_header(plain)?, wave_angstrom, flux })
}

/// Reads the first table of a VOTable, plain or packed; labels are its `PARAM`s.
pub(super) fn read_votable_form(bytes: &[u8], options: &Options) -> Result<Content, BtSettlError> {
    let found = read_votable(bytes, &VoTableOptions::default())
        .map_err(|error| BtSettlError::Table { problem: error.to_string() })?;
    let of = |names: &[&str]| {
        let is_one = |param: &&Param| names.iter().any(|n| param.name.eq_ignore_ascii_case(n));
        found.params.iter().find(is_one).and_then(|param| param.value.trim().parse().ok())
    };
    let header = Partial {
        teff_k: of(&TEFF_CARDS),
        logg: of(&LOGG_CARDS),
        m_h: of(&["META", "M_H", "FEH", "[M/H]"]),
        alpha_m: of(&ALPHA_CARDS),
    };
    let (wave_angstrom, flux) = points_of(&found.table, options)?;
    Ok(Content { form: Form::VoTable, header, wave_angstrom, flux })
}

/// Labels from the cards of the first two headers.
fn fits_header(plain: &[u8]) -> Result<Partial, BtSettlError> {
    let fits = FitsReader::from_bytes(plain)
        .map_err(|error| BtSettlError::Table { problem: error.to_string() })?;
    let headers: Vec<&Header> = fits.hdus().iter().take(2).map(|hdu| &hdu.header).collect();
    let of = |cards: &[&str]| {
        let mut values = headers.iter().flat_map(|header| cards.iter().map(|c| number(header, c)));
        values.find_map(|value| value)
    };
    Ok(Partial {
        teff_k: of(&TEFF_CARDS),
        logg: of(&LOGG_CARDS),
        m_h: of(&M_H_CARDS),
        alpha_m: of(&ALPHA_CARDS),
    })
}

/// A number of the header; a card that is no number counts as absent.
fn number(header: &Header, card: &str) -> Option<f64> {
    let real = header.get_real(card).ok().flatten();
    real.or_else(|| header.get_integer(card).ok().flatten().map(|value| value as f64))
}

/// Wavelengths and fluxes of a table, in Angstrom and erg/s/cm2/Angstrom.
pub(super) fn points_of(
    batch: &RecordBatch,
    options: &Options,
) -> Result<(Vec<f64>, Vec<f64>), BtSettlError> {
    let (wave, wave_unit) = column(batch, "wavelength", &WAVE_NAMES)?;
    let (flux, flux_unit) = column(batch, "flux", &FLUX_NAMES)?;
    let scale =
        Scale { wave: wave_factor(&wave_unit)?, log_offset: None, flux: flux_factor(&flux_unit)? };
    let mut points = Points::new(options.window_angstrom, scale, true);
    for (index, (wave, flux)) in wave.into_iter().zip(flux).enumerate() {
        if !(wave.is_finite() && wave > 0.0) {
            let problem = "wavelength is not positive";
            return Err(BtSettlError::Row { row: index + 1, problem, value: wave });
        }
        if points.push(index + 1, wave, flux)? {
            break;
        }
    }
    points.finish()
}

/// The values of a column, null as NaN, and its unit.
fn column(
    batch: &RecordBatch,
    what: &str,
    names: &[&str],
) -> Result<(Vec<f64>, String), BtSettlError> {
    let wrong = |problem: String| BtSettlError::Table { problem };
    let schema = batch.schema();
    let fields = schema.fields();
    let named =
        |name: &&str| fields.iter().position(|field| field.name().eq_ignore_ascii_case(name));
    let Some(index) = names.iter().find_map(named) else {
        let found: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
        return Err(wrong(format!(
            "the table has no column of {what}; it has {}",
            found.join(", ")
        )));
    };
    let Some(unit) = entry(&fields[index], UNIT) else {
        return Err(wrong(format!("the column of {what} has no unit")));
    };
    Ok((numbers(batch.column(index)).map_err(wrong)?, unit.to_owned()))
}

fn numbers(array: &ArrayRef) -> Result<Vec<f64>, String> {
    // One row of vectors is the other way in which a spectrum is kept in a table.
    let values = match array.as_fixed_size_list_opt() {
        Some(lists) if lists.len() == 1 => lists.value(0),
        _ => array.clone(),
    };
    let values = cast(&values, &DataType::Float64).map_err(|why| why.to_string())?;
    Ok(values.as_primitive::<Float64Type>().iter().map(|v| v.unwrap_or(f64::NAN)).collect())
}
