//! The headers of many spectra as one table.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float32Array, Float64Array, Int64Array, StringArray};
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use super::LamostHeader;
use crate::formats::meaning::with_meaning;

/// Unit, UCD and description of a column.
type Meaning = (Option<&'static str>, &'static str, &'static str);

const OBSID: Meaning = (None, "meta.id;meta.main", "LAMOST spectrum");
const RELEASE: Meaning = (None, "meta.version", "data release of the file");
const LMJD: Meaning = (Some("d"), "time.epoch", "local modified Julian day");
const MJD: Meaning = (Some("d"), "time.epoch", "modified Julian day");
const PLAN: Meaning = (None, "meta.id;obs.field", "plate");
const SPECTROGRAPH: Meaning = (None, "meta.id;instr", "spectrograph");
const FIBER: Meaning = (None, "meta.id;instr", "fiber");
const RA: Meaning =
    (Some("deg"), "pos.eq.ra;meta.main", "right ascension of the input catalog, J2000");
const DEC: Meaning =
    (Some("deg"), "pos.eq.dec;meta.main", "declination of the input catalog, J2000");
const RA_OBS: Meaning = (Some("deg"), "pos.eq.ra;instr", "right ascension of the fiber");
const DEC_OBS: Meaning = (Some("deg"), "pos.eq.dec;instr", "declination of the fiber");
const DATE: Meaning = (None, "time.epoch;obs", "median UTC of the observation");
const CLASS: Meaning = (None, "src.class", "class given by LAMOST");
const SUBCLASS: Meaning = (None, "src.spType", "spectral type given by LAMOST");
const Z: Meaning = (None, "src.redshift", "redshift");
const Z_ERR: Meaning = (None, "stat.error;src.redshift", "error of the redshift");
const SNR_U: Meaning = (None, "stat.snr;em.opt.U", "signal-to-noise ratio a pixel in u");
const SNR_G: Meaning = (None, "stat.snr;em.opt.B", "signal-to-noise ratio a pixel in g");
const SNR_R: Meaning = (None, "stat.snr;em.opt.R", "signal-to-noise ratio a pixel in r");
const SNR_I: Meaning = (None, "stat.snr;em.opt.I", "signal-to-noise ratio a pixel in i");
const SNR_Z: Meaning = (None, "stat.snr;em.opt.I", "signal-to-noise ratio a pixel in z");
const FIBERMASK: Meaning = (None, "meta.code.qual", "warnings of the fiber, as bits");
const VACUUM: Meaning = (None, "meta.code;em.wl", "whether wavelengths are those of vacuum");
const HELIO: Meaning = (None, "meta.code;em.wl", "whether wavelengths are heliocentric");
const HELIO_RV: Meaning = (Some("km/s"), "spect.dopplerVeloc", "heliocentric correction");
const LAYOUT: Meaning = (None, "meta.code", "layout of the file: image or table");

/// Returns one row a header, in the order given, with a column a fact.
///
/// Columns are named as the fields of [`LamostHeader`] and carry unit, UCD and
/// description; all but `obsid` and `layout` may be null.
pub fn header_table(headers: &[LamostHeader]) -> Result<RecordBatch, ArrowError> {
    let columns = [identity(headers), place(headers), class(headers), quality(headers)].concat();
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}

type Column = (Field, ArrayRef);

fn column(name: &str, (unit, ucd, description): Meaning, values: ArrayRef) -> Column {
    let field = Field::new(name, values.data_type().clone(), name != "obsid" && name != "layout");
    (with_meaning(field, unit, Some(ucd), Some(description)), values)
}

fn integers(headers: &[LamostHeader], of: fn(&LamostHeader) -> Option<i64>) -> ArrayRef {
    Arc::new(headers.iter().map(of).collect::<Int64Array>())
}

fn reals(headers: &[LamostHeader], of: fn(&LamostHeader) -> Option<f64>) -> ArrayRef {
    Arc::new(headers.iter().map(of).collect::<Float64Array>())
}

fn singles(headers: &[LamostHeader], of: fn(&LamostHeader) -> Option<f32>) -> ArrayRef {
    Arc::new(headers.iter().map(of).collect::<Float32Array>())
}

fn texts(headers: &[LamostHeader], of: fn(&LamostHeader) -> Option<&str>) -> ArrayRef {
    Arc::new(headers.iter().map(of).collect::<StringArray>())
}

fn logicals(headers: &[LamostHeader], of: fn(&LamostHeader) -> Option<bool>) -> ArrayRef {
    Arc::new(headers.iter().map(of).collect::<BooleanArray>())
}

fn identity(h: &[LamostHeader]) -> Vec<Column> {
    vec![
        column("obsid", OBSID, integers(h, |s| Some(s.obsid))),
        column("data_v", RELEASE, texts(h, |s| s.data_v.as_deref())),
        column("lmjd", LMJD, integers(h, |s| s.lmjd)),
        column("mjd", MJD, integers(h, |s| s.mjd)),
        column("planid", PLAN, texts(h, |s| s.planid.as_deref())),
        column("spid", SPECTROGRAPH, integers(h, |s| s.spid)),
        column("fiberid", FIBER, integers(h, |s| s.fiberid)),
    ]
}

fn place(h: &[LamostHeader]) -> Vec<Column> {
    vec![
        column("ra_deg", RA, reals(h, |s| s.ra_deg)),
        column("dec_deg", DEC, reals(h, |s| s.dec_deg)),
        column("ra_obs_deg", RA_OBS, reals(h, |s| s.ra_obs_deg)),
        column("dec_obs_deg", DEC_OBS, reals(h, |s| s.dec_obs_deg)),
        column("date_obs", DATE, texts(h, |s| s.date_obs.as_deref())),
    ]
}

fn class(h: &[LamostHeader]) -> Vec<Column> {
    vec![
        column("class", CLASS, texts(h, |s| s.class.as_deref())),
        column("subclass", SUBCLASS, texts(h, |s| s.subclass.as_deref())),
        column("z", Z, reals(h, |s| s.z)),
        column("z_err", Z_ERR, reals(h, |s| s.z_err)),
    ]
}

fn quality(h: &[LamostHeader]) -> Vec<Column> {
    vec![
        column("snru", SNR_U, singles(h, |s| s.snru)),
        column("snrg", SNR_G, singles(h, |s| s.snrg)),
        column("snrr", SNR_R, singles(h, |s| s.snrr)),
        column("snri", SNR_I, singles(h, |s| s.snri)),
        column("snrz", SNR_Z, singles(h, |s| s.snrz)),
        column("fibermask", FIBERMASK, integers(h, |s| s.fibermask)),
        column("vacuum", VACUUM, logicals(h, |s| s.vacuum)),
        column("helio", HELIO, logicals(h, |s| s.helio)),
        column("helio_rv_km_s", HELIO_RV, reals(h, |s| s.helio_rv_km_s)),
        column("layout", LAYOUT, texts(h, |s| Some(s.layout.name()))),
    ]
}
