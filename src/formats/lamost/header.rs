//! The cards of the primary header, with sentinels turned into absence.

use fits_well::header::{Header, Value};

use super::{LamostError, LamostLayout};
use crate::formats::gzip::first_bytes;

/// What LAMOST writes for a quantity that was not measured.
const UNMEASURED: f64 = -9999.0;
/// Size of a FITS block and of a card, in bytes.
const BLOCK_BYTES: usize = 2880;
const CARD_BYTES: usize = 80;
/// Blocks that the search for OBSID decodes; the headers seen fill four.
const PROBE_BLOCKS: usize = 12;

/// Facts of one spectrum; `None` where the header is silent or holds a sentinel
/// (-9999 in any spelling, subclass `Non`).
#[derive(Debug, Clone, PartialEq)]
pub struct LamostHeader {
    /// OBSID: unique number of the spectrum.
    pub obsid: i64,
    /// DATA_V: data release, `LAMOST DR6`.
    pub data_v: Option<String>,
    /// LMJD: local modified Julian day, days.
    pub lmjd: Option<i64>,
    /// MJD: modified Julian day, days.
    pub mjd: Option<i64>,
    /// PLANID: name of the plate.
    pub planid: Option<String>,
    /// SPID: number of the spectrograph, 1 to 16.
    pub spid: Option<i64>,
    /// FIBERID: number of the fiber, 1 to 250.
    pub fiberid: Option<i64>,
    /// RA of the input catalog (J2000), degrees.
    pub ra_deg: Option<f64>,
    /// DEC of the input catalog (J2000), degrees.
    pub dec_deg: Option<f64>,
    /// RA_OBS: where the fiber was put, degrees.
    pub ra_obs_deg: Option<f64>,
    /// DEC_OBS: where the fiber was put, degrees.
    pub dec_obs_deg: Option<f64>,
    /// DATE-OBS: median UTC of the observation, ISO 8601.
    pub date_obs: Option<String>,
    /// CLASS: `STAR`, `GALAXY`, `QSO`, `Unknown`.
    pub class: Option<String>,
    /// SUBCLASS: spectral type, `M2`, `dM0`, `gM1`.
    pub subclass: Option<String>,
    /// Z: redshift, dimensionless.
    pub z: Option<f64>,
    /// Z_ERR: error of the redshift, dimensionless.
    pub z_err: Option<f64>,
    /// SNRU: signal-to-noise ratio a pixel in u.
    pub snru: Option<f32>,
    /// SNRG: the same in g.
    pub snrg: Option<f32>,
    /// SNRR: the same in r.
    pub snrr: Option<f32>,
    /// SNRI: the same in i, which the paper cuts on (section 2.1).
    pub snri: Option<f32>,
    /// SNRZ: the same in z.
    pub snrz: Option<f32>,
    /// FIBERMAS or FIB_MASK: warnings of the fiber as bits, 0 when all is well.
    pub fibermask: Option<i64>,
    /// VACUUM: whether the wavelengths are those of vacuum.
    pub vacuum: Option<bool>,
    /// HELIO: whether the wavelengths are heliocentric.
    pub helio: Option<bool>,
    /// HELIO_RV: the heliocentric correction, km/s.
    pub helio_rv_km_s: Option<f64>,
    /// Where the file keeps its pixels.
    pub layout: LamostLayout,
}

/// Reads the facts. Only OBSID is required; a card that does not parse counts as absent.
pub(super) fn read_header(
    cards: &Header,
    layout: LamostLayout,
) -> Result<LamostHeader, LamostError> {
    let snr = |name| real(cards, name).map(|value| value as f32);
    Ok(LamostHeader {
        obsid: obsid(cards)?,
        data_v: text(cards, "DATA_V"),
        lmjd: integer(cards, "LMJD"),
        mjd: integer(cards, "MJD"),
        planid: text(cards, "PLANID"),
        spid: integer(cards, "SPID"),
        fiberid: integer(cards, "FIBERID"),
        ra_deg: real(cards, "RA"),
        dec_deg: real(cards, "DEC"),
        ra_obs_deg: real(cards, "RA_OBS"),
        dec_obs_deg: real(cards, "DEC_OBS"),
        date_obs: text(cards, "DATE-OBS"),
        class: text(cards, "CLASS"),
        subclass: text(cards, "SUBCLASS").filter(|subclass| subclass != "Non"),
        z: real(cards, "Z"),
        z_err: real(cards, "Z_ERR"),
        snru: snr("SNRU"),
        snrg: snr("SNRG"),
        snrr: snr("SNRR"),
        snri: snr("SNRI"),
        snrz: snr("SNRZ"),
        // Renamed between releases.
        fibermask: integer(cards, "FIBERMAS").or_else(|| integer(cards, "FIB_MASK")),
        vacuum: logical(cards, "VACUUM"),
        helio: logical(cards, "HELIO"),
        helio_rv_km_s: real(cards, "HELIO_RV"),
        layout,
    })
}

/// Reads OBSID alone, unpacking and parsing only the first blocks; `None` when the bytes
/// are no FITS file with such a card. Serves to sort thousands of files by id cheaply.
pub fn probe_obsid(bytes: &[u8]) -> Option<i64> {
    obsid(&primary_cards(bytes)?).ok()
}

/// Reads the facts of the header alone, from the beginning of a file (64 kB of a packed one are
/// enough); `None` when the bytes do not begin as a spectrum does. The layout is told by whether
/// the primary HDU has an image; the pixels may still turn out to be neither.
pub fn probe_header(bytes: &[u8]) -> Option<LamostHeader> {
    let cards = primary_cards(bytes)?;
    let has_image = integer(&cards, "NAXIS").is_some_and(|axes| axes > 0);
    let layout = if has_image { LamostLayout::Image } else { LamostLayout::Table };
    read_header(&cards, layout).ok()
}

/// Where the data behind the primary header begin; `None` without an END card.
pub(super) fn data_offset(plain: &[u8]) -> Option<usize> {
    let (cards, _) = plain.as_chunks::<CARD_BYTES>();
    let end = cards.iter().position(|card| card.starts_with(b"END     "))?;
    Some(((end + 1) * CARD_BYTES).next_multiple_of(BLOCK_BYTES))
}

fn primary_cards(bytes: &[u8]) -> Option<Header> {
    let plain = first_bytes(bytes, PROBE_BLOCKS * BLOCK_BYTES);
    if !plain.starts_with(b"SIMPLE") {
        return None;
    }
    let (cards, _) = plain.as_chunks::<CARD_BYTES>();
    let end = cards.iter().position(|card| card.starts_with(b"END     "))?;
    Header::parse(&plain[..(end + 1) * CARD_BYTES]).ok()
}

fn obsid(cards: &Header) -> Result<i64, LamostError> {
    let wrong = |problem: String| LamostError::Card { card: "OBSID", problem };
    match cards.get("OBSID") {
        Ok(None) => Err(wrong("is absent".to_owned())),
        Err(source) => Err(wrong(format!("cannot be read: {source}"))),
        Ok(Some(value)) => {
            let found = whole(value).filter(|&obsid| obsid >= 0);
            found.ok_or_else(|| wrong(format!("is {value:?}, not a whole number")))
        }
    }
}

fn value<'a>(cards: &'a Header, name: &str) -> Option<&'a Value> {
    cards.get(name).ok().flatten()
}

fn text(cards: &Header, name: &str) -> Option<String> {
    let text = value(cards, name)?.as_text()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn logical(cards: &Header, name: &str) -> Option<bool> {
    value(cards, name)?.as_logical()
}

/// A finite number that is not the sentinel. Some releases quote their numbers.
fn real(cards: &Header, name: &str) -> Option<f64> {
    let value = value(cards, name)?;
    let number = match value.as_text() {
        Some(text) => text.trim().parse().ok()?,
        None => value.as_real().ok().flatten()?,
    };
    (number.is_finite() && number != UNMEASURED).then_some(number)
}

fn integer(cards: &Header, name: &str) -> Option<i64> {
    whole(value(cards, name)?).filter(|&number| number as f64 != UNMEASURED)
}

/// A whole number, quoted or not, as an integer or as a real without fraction.
fn whole(value: &Value) -> Option<i64> {
    if let Some(text) = value.as_text() {
        return text.trim().parse().ok();
    }
    if let Ok(Some(number)) = value.as_integer() {
        return Some(number);
    }
    let number = value.as_real().ok().flatten()?;
    // Beyond 2^53 a real no longer names one integer.
    (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
}
