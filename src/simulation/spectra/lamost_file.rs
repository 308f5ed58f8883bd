//! The file of a spectrum, `spec-LMJD-PLANID_spSS-FFF.fits.gz`: the image layout of LAMOST's releases up to DR7.
//!
//! Five rows (flux, ivar, vacuum wavelength, andmask, ormask) and the 127 cards of real headers in their order, with
//! their sentinels (-9999 for a redshift that was not measured, -999.00 for a missing sensor, 99.00 for a
//! missing magnitude). AUTHOR, DATA_V and ORIGIN say that the file is simulated.

use super::observe::Observation;
use crate::simulation::fits_image::{Card, FitsImageError, Value, gzip, image};
use crate::simulation::random::Stream;
use crate::simulation::star::{Magnitudes, Star, Visit};

/// What is written for a redshift that was not measured.
const UNMEASURED: i64 = -9999;
/// Days from the civil epoch 1970-01-01 to MJD 0.
const MJD_OF_UNIX_EPOCH: i64 = 40_587;
/// Speed of the Earth on its orbit, km/s.
const EARTH_KM_S: f64 = 29.79;

/// Name of the file, without `.gz`.
pub fn file_name(visit: &Visit) -> String {
    let Visit { lmjd, planid, spid, fiberid, .. } = visit;
    format!("spec-{lmjd:05}-{planid}_sp{spid:02}-{fiberid:03}.fits")
}

/// Bytes of the packed file. `star` is the star that the visit was meant for: its magnitudes are those of the input
/// catalog.
pub fn write(
    seed: u64,
    star: &Star,
    visit: &Visit,
    seen: &Observation,
) -> Result<Vec<u8>, FitsImageError> {
    gzip(&write_plain(seed, star, visit, seen)?)
}

/// Bytes of the file before packing.
pub fn write_plain(
    seed: u64,
    star: &Star,
    visit: &Visit,
    seen: &Observation,
) -> Result<Vec<u8>, FitsImageError> {
    let rows: [&[f32]; 5] =
        [&seen.flux, &seen.ivar, &seen.wave_angstrom, &seen.andmask, &seen.ormask];
    let plate = Plate::of(seed, visit);
    let mut cards = file_cards(visit, &plate);
    cards.extend(target_cards(seed, star, visit, seen));
    cards.extend(exposure_cards(visit, &plate));
    cards.extend(reduction_cards(visit, &plate));
    cards.extend(result_cards(seen));
    image(&rows, &cards)
}

/// Circumstances that all spectra of a plate share.
struct Plate {
    /// Minutes of UTC at the middle of the exposures.
    middle_min: i64,
    exposures: i64,
    /// Seconds of one exposure.
    seconds: f64,
    seeing_arcsec: f64,
    moon_days: f64,
    air_celsius: f64,
    stars: usize,
}

impl Plate {
    fn of(seed: u64, visit: &Visit) -> Self {
        let mut draw = Stream::new(seed, u64::from(visit.lmjd), &format!("plate {}", visit.planid));
        let exposures = [2, 3, 4][draw.weighted(&[0.25, 0.65, 0.1])];
        Self {
            middle_min: draw.uniform_in(11.0 * 60.0, 21.5 * 60.0) as i64,
            exposures,
            seconds: [600.0, 900.0, 1500.0][draw.weighted(&[0.4, 0.3, 0.3])],
            seeing_arcsec: draw.gaussian_within(3.2, 0.7, 1.8, 6.0),
            // A plate is never taken at full moon; the phase itself follows from the date.
            moon_days: (f64::from(visit.lmjd) - 51_549.8).rem_euclid(29.53),
            air_celsius: draw.gaussian(0.0, 9.0),
            stars: 3 + draw.index(6),
        }
    }
}

fn text(keyword: &'static str, value: impl Into<String>, comment: &'static str) -> Card {
    Card::new(keyword, Value::Text(value.into()), comment)
}

fn whole(keyword: &'static str, value: impl Into<i64>, comment: &'static str) -> Card {
    Card::new(keyword, Value::Integer(value.into()), comment)
}

fn real(keyword: &'static str, value: f64, decimals: usize, comment: &'static str) -> Card {
    Card::new(keyword, Value::Real(value, decimals), comment)
}

fn logical(keyword: &'static str, value: bool, comment: &'static str) -> Card {
    Card::new(keyword, Value::Logical(value), comment)
}

fn section(title: &'static str) -> Card {
    Card::new("COMMENT", Value::Comment, title)
}

fn file_cards(visit: &Visit, plate: &Plate) -> Vec<Card> {
    let mjd = i64::from(visit.lmjd) - 1;
    let half_min = (plate.exposures as f64 * plate.seconds / 120.0) as i64 + 2;
    let local = plate.middle_min + 8 * 60;
    let first_minute = mjd * 1440 + local - half_min;
    let minutes: Vec<String> = (0..plate.exposures)
        .map(|n| (first_minute + n * (plate.seconds / 60.0 + 1.0) as i64).to_string())
        .collect();
    vec![
        Card::new("", Value::Comment, ""),
        section("--------FILE INFORMATION"),
        text("FILENAME", file_name(visit), ""),
        whole("OBSID", visit.obsid as i64, "Unique number ID of this spectrum"),
        text("AUTHOR", "simulated survey (mdwarf)", "Who compiled the information"),
        text("DATA_V", "LAMOST DR6 simulated", "Data release version"),
        text("EXTEN0", "Flux, Inverse, Wavelength, Andmask, Ormask", ""),
        whole("N_EXTEN", 1, "The extension number"),
        text("EXTNAME", "Flux", "The extension name"),
        text("ORIGIN", "simulation", "Organization responsible for this file"),
        text("DATE", iso(mjd + 1, 0, false), "Time when this HDU is created (UTC)"),
        section("--------TELESCOPE PARAMETERS"),
        text("TELESCOP", "LAMOST", "GuoShouJing Telescope"),
        real("LONGITUD", 117.58, 2, "[deg] Longitude of site"),
        real("LATITUDE", 40.39, 2, "[deg] Latitude of site"),
        whole("FOCUS", 19_964, "[mm] Telescope focus"),
        text("CAMPRO", "NEWCAM", "Camera program name"),
        text("CAMVER", "v2.0", "Camera program version"),
        section("--------OBSERVATION PARAMETERS"),
        text("DATE-OBS", iso(mjd, plate.middle_min, false), "The observation median UTC"),
        text("DATE-BEG", iso(mjd, local - half_min, true), "The observation start local time"),
        text("DATE-END", iso(mjd, local + half_min, true), "The observation end local time"),
        whole("LMJD", mjd + 1, "Local Modified Julian Day"),
        whole("MJD", mjd, "Modified Julian Day"),
        text("LMJMLIST", minutes.join("-"), "Local Modified Julian Minute list"),
        text("PLANID", visit.planid.clone(), "Plan ID in use"),
    ]
}

fn target_cards(seed: u64, star: &Star, visit: &Visit, seen: &Observation) -> Vec<Card> {
    let mut draw = Stream::new(seed, visit.obsid, "fiber position");
    let cell = format!(
        "{}{:02}{:02}",
        ["E", "F", "G", "H"][draw.index(4)],
        draw.index(40),
        draw.index(28)
    );
    let mut position = || format!("{:.10}", draw.uniform_in(-800.0, 800.0));
    let (x, y) = (position(), position());
    let cos_dec = visit.dec_deg.to_radians().cos();
    let offset_arcsec = 3600.0
        * ((visit.ra_obs_deg - visit.ra_deg) * cos_dec).hypot(visit.dec_obs_deg - visit.dec_deg);
    let mut cards = vec![
        real("RA", visit.ra_deg, 6, "[deg] Right ascension of object"),
        real("DEC", visit.dec_deg, 6, "[deg] Declination of object"),
        real("RA_OBS", visit.ra_obs_deg, 6, "[deg] Right ascension during observing"),
        real("DEC_OBS", visit.dec_obs_deg, 6, "[deg] Declination during observing"),
        logical("OFFSET", offset_arcsec > 0.005, "Whether there's a offset during observing"),
        real("OFFSET_V", offset_arcsec, 2, "Offset value in arcsecond"),
        text("DESIG", designation(visit.ra_deg, visit.dec_deg), "Designation of LAMOST target"),
        whole("FIBERID", i64::from(visit.fiberid), "Fiber ID of Object"),
        text("CELL_ID", cell, "Fiber Unit ID on the focal plane"),
        text("X_VALUE", x, "[mm] X coordinate of object on the focal plane"),
        text("Y_VALUE", y, "[mm] Y coordinate of object on the focal plane"),
        text("OBJNAME", format!("S{:014}", star.id), "Name of object"),
        text("OBJTYPE", "Star", "Object type from input catalog"),
        text("TSOURCE", "SIMULATION", "Name of input catalog"),
        text("TCOMMENT", "", "Target information"),
        text("TFROM", "-", "Target catalog"),
        text("FIBERTYP", "Obj", "Fiber type of object"),
        whole("FIBERMAS", seen.fibermask, "Bitmask of warning values, 0 means all is well"),
        text("MAGTYPE", "ugrizjh", "Magnitude type of object"),
    ];
    cards.extend(magnitude_cards(star));
    cards
}

fn magnitude_cards(star: &Star) -> impl Iterator<Item = Card> {
    let Magnitudes { r, i, j, h, .. } = star.apparent;
    let magnitudes = [99.0, 99.0, r, i, 99.0, j, h];
    let names = ["MAG1", "MAG2", "MAG3", "MAG4", "MAG5", "MAG6", "MAG7"];
    let known = |mag: f64| if mag.is_finite() && mag < 30.0 { mag } else { 99.0 };
    let pairs = names.into_iter().zip(magnitudes);
    pairs.map(move |(name, mag)| real(name, known(mag), 2, "[mag] Magnitude of object"))
}

fn exposure_cards(visit: &Visit, plate: &Plate) -> Vec<Card> {
    let total = plate.exposures as f64 * plate.seconds;
    let best = (i64::from(visit.lmjd) - 1) * 1440 + plate.middle_min + 480;
    vec![
        text("OBS_TYPE", "OBJ", "The type of target (OBJ, FLAT, ARC or BIAS)"),
        text("OBSCOMM", "Science", "Science or Test"),
        text("RADECSYS", "FK5", "Equatorial coordinate system"),
        real("EQUINOX", 2000.0, 2, "Equinox in years"),
        text("LAMPLIST", "lamphgcdne.dat", "Arc lamp emission line list"),
        text("SKYLIST", "skylines.dat", "Sky emission line list"),
        whole("NEXP", plate.exposures, "Number of valid exposures"),
        whole("NEXP_B", plate.exposures, "Number of valid blue exposures"),
        whole("NEXP_R", plate.exposures, "Number of valid red exposures"),
        real("EXPT_B", total, 2, "[s] Blue exposure duration time"),
        real("EXPT_R", total, 2, "[s] Red exposure duration time"),
        real("EXPTIME", total, 2, "[s] Minimum of exposure time for all cameras"),
        whole("BESTEXP", best, "MJM of the best exposure"),
        real("SCAMEAN", 2.9, 2, "[ADU] Mean level of scatter light"),
        section("--------SPECTROGRAPH PARAMETERS"),
        whole("SPID", i64::from(visit.spid), "Spectrograph ID"),
        real("SPRA", visit.ra_deg, 7, "[deg] Average RA of this spectrograph"),
        real("SPDEC", visit.dec_deg, 7, "[deg] Average DEC of this spectrograph"),
        text("SLIT_MOD", "x2/3", "Slit mode, x1, x2/3 or x1/2"),
        section("--------WEATHER CONDITION"),
        real("TEMPCCDB", -999.0, 2, "[deg] The temperature of blue CCD"),
        real("TEMPCCDR", -999.0, 2, "[deg] The temperature of red CCD"),
        real("SEEING", plate.seeing_arcsec, 2, "[arcsec] Seeing during exposure"),
        real("MOONPHA", plate.moon_days, 2, "[day] Moon phase for a 29.53 days period"),
        real("TEMP_AIR", plate.air_celsius, 2, "[deg] Temperature outside dome"),
        real("TEMP_FP", -999.0, 2, "[degree celsius] Temperature of the focal plane"),
        real("DEWPOINT", plate.air_celsius - 8.0, 2, "[deg]"),
        text("DUST", "", "Reservation"),
        real("HUMIDITY", 0.4, 2, ""),
        real("WINDD", 199.0, 2, "[deg] Wind direction"),
        real("WINDS", 1.4, 2, "[m/s] Wind speed"),
        text("SKYLEVEL", "", "Reservation"),
    ]
}

fn reduction_cards(visit: &Visit, plate: &Plate) -> Vec<Card> {
    let standards: Vec<String> = (0..plate.stars)
        .map(|n| (1 + (37 * n + usize::from(visit.spid) * 11) % 250).to_string())
        .collect();
    let mjd = f64::from(visit.lmjd) - 1.0 + plate.middle_min as f64 / 1440.0;
    vec![
        section("--------DATA REDUCTION PARAMETERS"),
        text("EXTRACT", "aperture", "Extraction method"),
        logical("SFLATTEN", true, "Super flat has been applied"),
        logical("PCASKYSB", true, "PCA sky-subtraction has been applied"),
        whole("NSKIES", 20, "Sky fiber number"),
        real("SKYCHI2", 1.8, 1, "Mean chi^2 of sky-subtraction"),
        real("SCHI2MIN", 1.3, 1, "Minimum chi^2 of sky-subtraction"),
        real("SCHI2MAX", 2.4, 1, "Maximum chi^2 of sky-subtraction"),
        whole("NSTD", plate.stars as i64, "Number of (good) standard stars"),
        text("FSTAR", standards.join("-"), "FiberID of flux standard stars"),
        text("FCBY", "auto", "Standard stars origin (auto, manual or catalog)"),
        logical("HELIO", true, "Heliocentric correction"),
        real(
            "HELIO_RV",
            helio_rv_km_s(mjd, visit.ra_deg, visit.dec_deg),
            5,
            "[km/s] Heliocentric correction",
        ),
        logical("VACUUM", true, "Wavelengths are in vacuum"),
        whole("NWORDER", 2, "Number of linear-log10 coefficients"),
        text("WFITTYPE", "LOG-LINEAR", "Linear-log10 dispersion"),
        real("COEFF0", 3.5682, 4, "Central wavelength (log10) of first pixel"),
        real("COEFF1", 0.0001, 4, "Log10 dispersion per pixel"),
        text("WAT0_001", "system=linear", ""),
        text("WAT1_001", "wtype=linear label=Wavelength units=Angstroms", ""),
        real("CRVAL1", 3.5682, 4, "Central wavelength (log10) of first pixel"),
        real("CD1_1", 0.0001, 4, "Log10 dispersion per pixel"),
        whole("CRPIX1", 1, "Starting pixel (1-indexed)"),
        text("CTYPE1", "LINEAR", ""),
        whole("DC-FLAG", 1, "Log-linear flag"),
    ]
}

fn result_cards(seen: &Observation) -> Vec<Card> {
    let redshift = |keyword, value: Option<f64>, comment| match value {
        Some(value) => real(keyword, value, 8, comment),
        None => whole(keyword, UNMEASURED, comment),
    };
    let mut cards = vec![
        section("--------SPECTRA ANALYSIS RESULTS"),
        text("VERSPIPE", "v2.9.7", "Version of Pipeline"),
        text("CLASS", seen.class, "Class of object"),
        text("SUBCLASS", seen.subclass.clone(), "Subclass of object"),
        redshift("Z", seen.z.map(|z| z.0), "Redshift of object"),
        redshift("Z_ERR", seen.z.map(|z| z.1), "Redshift error of object"),
        text("ZFLAG", "PIPELINE", "Which method computes the redshift"),
    ];
    let names = ["SNRU", "SNRG", "SNRR", "SNRI", "SNRZ"];
    cards.extend(
        names.into_iter().zip(seen.snr).map(|(name, snr)| real(name, snr, 2, "SNR of a filter")),
    );
    cards
}

/// `LAMOST J` and the position, cut (not rounded) as IAU designations are.
pub fn designation(ra_deg: f64, dec_deg: f64) -> String {
    // Units of 0.01 s and 0.1 arcsec; the small push keeps 12.34 from becoming 12.33.
    let ra = (ra_deg.rem_euclid(360.0) * 24_000.0 + 1e-6) as u64;
    let dec = (dec_deg.abs() * 36_000.0 + 1e-6) as u64;
    format!(
        "LAMOST J{:02}{:02}{:02}.{:02}{}{:02}{:02}{:02}.{}",
        ra / 360_000,
        ra / 6000 % 60,
        ra / 100 % 60,
        ra % 100,
        if dec_deg < 0.0 { '-' } else { '+' },
        dec / 36_000,
        dec / 600 % 60,
        dec / 10 % 60,
        dec % 10
    )
}

/// Date and time of minutes after MJD `mjd` 0h, ISO 8601; LAMOST writes tenths of seconds in local times.
pub fn iso(mjd: i64, minutes: i64, tenths: bool) -> String {
    let (year, month, day) = civil(mjd + minutes.div_euclid(1440) - MJD_OF_UNIX_EPOCH);
    let minute = minutes.rem_euclid(1440);
    let end = if tenths { ".0" } else { "" };
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:00{end}", minute / 60, minute % 60)
}

/// Gregorian date of a day counted from 1970-01-01 (years counted from March, in eras of 400 years).
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let (era, doe) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let march_month = (5 * doy + 2) / 153;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, doy - (153 * march_month + 2) / 5 + 1)
}

/// Velocity (km/s) that the Earth's orbit adds toward a direction, to about 1 km/s: circular orbit, no rotation.
fn helio_rv_km_s(mjd: f64, ra_deg: f64, dec_deg: f64) -> f64 {
    let obliquity = 23.44_f64.to_radians();
    let (ra, dec) = (ra_deg.to_radians(), dec_deg.to_radians());
    let sun = (280.46 + 0.985_647_4 * (mjd - 51_544.5)).to_radians();
    // The star's direction in the ecliptic.
    let x = dec.cos() * ra.cos();
    let y = dec.cos() * ra.sin() * obliquity.cos() + dec.sin() * obliquity.sin();
    EARTH_KM_S * (x * sun.sin() - y * sun.cos())
}
