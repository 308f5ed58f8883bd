//! One spectrum of the simulated survey: what LAMOST's pipeline would have delivered for a visit.
//!
//! Counts of the star and the sky give the variance; on top come errors that the inverse variance does not know of: sky
//! lines and telluric bands left over, a response that is off, a misjudged variance, cosmic rays. The conventions
//! of the file (pixels without information, sentinels, masks) are those of 50 real files.

use super::grid::LAMOST_PIXELS;
use super::instrument::{Instrument, efficiency};
use super::lsf::observe_shape;
use super::sky::Sky;
use super::snr::{BANDS_ANGSTROM, I_BAND, header_snr, median, pixels};
use super::source::fine_flux;
use super::synthesis::{Physics, Synthesizer};
use crate::science::wavelength::{SPEED_OF_LIGHT_KM_S, Vacuum, wave_of_index};
use crate::simulation::planted::SpectrumFault;
use crate::simulation::random::Stream;
use crate::simulation::star::{Kind, Star, Visit};

/// Electrons a pixel of the sky's continuum at 8000 Angstrom in a visit: median, spread (dex; moon and exposure).
const SKY_ELECTRONS: (f64, f64) = (1200.0, 0.25);
/// Peak of the strongest OH line over the sky's continuum: median, spread (dex).
const OH_CONTRAST: (f64, f64) = (15.0, 0.15);
/// Variance of the detector, electrons^2 a pixel (three exposures, extracted over a few rows of 4 electrons each).
const READ_VARIANCE: f64 = 300.0;
/// Sky lines left over, in units of the line: rms common to a spectrograph of a plate, and of a fiber of its own.
const SKY_RESIDUAL: (f64, f64) = (0.012, 0.015);
/// Shift (pixels, rms) between the lines of the sky that is subtracted and those of the fiber.
const SKY_SHIFT_PIXELS: f64 = 0.03;
/// Telluric absorption left over, in units of the absorption (rms), for oxygen and for water.
const TELLURIC_RESIDUAL: (f64, f64) = (0.06, 0.10);
/// Error of the inverse variance of a whole spectrum (natural logarithm, rms).
const IVAR_ERROR: f64 = 0.1;
/// Share of a pixel's noise that it has from its neighbor, from the resampling of the exposures to a common grid:
/// correlation 0.24. The noise of real spectra between pixels is smaller than their ivar says, by 10 to 40 %.
const RESAMPLING: f64 = 0.25;
/// Probability that a cosmic ray hits a pixel, and that the pipeline finds it.
const COSMIC_RATE: f64 = 0.001;
const COSMIC_FOUND: f64 = 0.6;
/// Runs of rejected pixels a spectrum (mean), of 3 to 12 pixels: 0.3 % of all.
const REJECTED_RUNS: f64 = 1.5;
/// Share of plates whose pixels below 3899 Angstrom carry no inverse variance: 26 of 50 real spectra.
const BLUE_MASKED_PLATES: f64 = 0.5;
const BLUE_MASK_END: usize = 229;
/// Share of spectra that end before pixel 3909: 9 of 50 real ones.
const SHORT_SPECTRA: f64 = 0.18;
/// Electrons a unit of delivered flux at 8000 Angstrom: median, spread (dex).
const ELECTRONS_PER_FLUX: (f64, f64) = (10.0, 0.15);
/// Error of a velocity: floor and value at S/N 30 in i (km/s).
const VELOCITY_SIGMA_KM_S: (f64, f64) = (2.0, 7.0);
/// Header's error of the redshift: median, spread (dex); in real headers it hardly depends on S/N.
const Z_ERR: (f64, f64) = (8e-6, 0.15);
/// Equivalent width of H-alpha in a planted flare, Angstrom.
const FLARE_EW_ANGSTROM: (f64, f64) = (15.0, 40.0);
/// Spectra of less S/N than this in i are not classified.
const CLASSIFIED_SNR: f64 = 3.0;

/// One delivered spectrum; vectors are `(n_pix,)` from pixel 0 of LAMOST's grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Relative flux.
    pub flux: Vec<f32>,
    /// Inverse variance of the flux, 0 without information.
    pub ivar: Vec<f32>,
    /// As the file has it: vacuum, but for a planted fault.
    pub wave_angstrom: Vec<f32>,
    /// 1 where all exposures are bad.
    pub andmask: Vec<f32>,
    /// 1 where any exposure is bad.
    pub ormask: Vec<f32>,
    /// Header's S/N in u, g, r, i, z.
    pub snr: [f64; 5],
    /// Redshift and its error; `None` where the header has the sentinel.
    pub z: Option<(f64, f64)>,
    /// Header's class and subclass: (`STAR`, `M2`) or (`Unknown`, `Non`).
    pub class: &'static str,
    pub subclass: String,
    /// Header's FIBERMAS.
    pub fibermask: i64,
}

/// Everything that takes spectra; made once for a survey and shared by all threads.
#[derive(Debug, Clone)]
pub struct Observatory {
    seed: u64,
    synthesizer: Synthesizer,
    sky: Sky,
    efficiency: Vec<f64>,
    /// Wavelengths as files have them, vacuum, `(LAMOST_PIXELS,)` Angstrom.
    wave_angstrom: Vec<f32>,
}

/// Expected values of one spectrum, `(LAMOST_PIXELS,)`.
struct Exposure {
    /// Flux in delivered units, with all that is systematic.
    flux: Vec<f64>,
    /// Its standard deviation.
    sigma: Vec<f64>,
}

impl Observatory {
    /// The survey of a seed.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            synthesizer: Synthesizer::new(Physics::SURVEY),
            sky: Sky::new(),
            efficiency: efficiency(),
            wave_angstrom: (0..LAMOST_PIXELS).map(|i| wave_of_index(i as f64) as f32).collect(),
        }
    }

    /// The survey's synthesis.
    pub fn synthesizer(&self) -> &Synthesizer {
        &self.synthesizer
    }

    /// The spectrum that `visit` delivers, with `light` in the fiber: the visit's own star, or the other one for the
    /// faults [`SpectrumFault::WrongObject`] and [`SpectrumFault::SwappedObsid`].
    pub fn observe(&self, light: &Star, visit: &Visit) -> Observation {
        let instrument = Instrument::of(self.seed, visit.obsid, &visit.planid, visit.spid);
        let velocity = light.rv_km_s + instrument.wavelength_error_km_s;
        let flare = (visit.fault == Some(SpectrumFault::HAlphaFlare)).then(|| {
            let (low, high) = FLARE_EW_ANGSTROM;
            self.stream(visit, "flare").uniform_in(low, high)
        });
        let fine = fine_flux(&self.synthesizer, light, flare);
        let shape = observe_shape(&fine, velocity, &instrument.spread);
        let exposure = self.expose(shape, visit, &instrument);
        let mut observation = self.read_out(&exposure, visit);
        self.classify(&mut observation, light, visit, velocity);
        self.mask(&mut observation, visit);
        self.plant(&mut observation, visit);
        observation
    }

    fn stream(&self, visit: &Visit, purpose: &str) -> Stream {
        Stream::new(self.seed, visit.obsid, purpose)
    }

    fn expose(&self, mut shape: Vec<f64>, visit: &Visit, instrument: &Instrument) -> Exposure {
        let mut night = self.stream(visit, "night");
        let (oxygen, water) = (
            TELLURIC_RESIDUAL.0 * night.normal() * visit.airmass,
            TELLURIC_RESIDUAL.1 * night.normal() * visit.airmass,
        );
        let telluric = self.sky.oxygen.iter().zip(&self.sky.water);
        for (flux, (o2, h2o)) in shape.iter_mut().zip(telluric) {
            // Without leftover bands, the bulk of the pixels, there is nothing to multiply by.
            if *o2 + *h2o > 0.0 {
                *flux *= (oxygen * o2 + water * h2o).exp();
            }
        }
        let (sky, line_peak) = self.sky_electrons(&mut night);
        let scale = self.exposure_scale(&shape, &sky, visit.snr_i);
        let residual = self.sky_residual(line_peak, visit, &mut night);
        let per_flux = night.log_normal(ELECTRONS_PER_FLUX.0, ELECTRONS_PER_FLUX.1);
        let response = instrument.response_error(LAMOST_PIXELS);
        let mut flux = Vec::with_capacity(LAMOST_PIXELS);
        let mut sigma = Vec::with_capacity(LAMOST_PIXELS);
        for pixel in 0..LAMOST_PIXELS {
            let star = scale * shape[pixel] * self.efficiency[pixel];
            // Flux and its error are calibrated, rightly or not, together.
            let unit = response[pixel] / (per_flux * self.efficiency[pixel]);
            flux.push((star + residual[pixel]) * unit);
            sigma.push((star + sky[pixel] + READ_VARIANCE).sqrt() * unit);
        }
        Exposure { flux, sigma }
    }

    /// Electrons of the sky, `(LAMOST_PIXELS,)`, and those of its strongest line at unit efficiency.
    fn sky_electrons(&self, night: &mut Stream) -> (Vec<f64>, f64) {
        let continuum = night.log_normal(SKY_ELECTRONS.0, SKY_ELECTRONS.1);
        let peak = continuum * night.log_normal(OH_CONTRAST.0, OH_CONTRAST.1);
        let lines = self.sky.lines.iter().zip(&self.efficiency);
        (lines.map(|(line, efficiency)| efficiency * (continuum + peak * line)).collect(), peak)
    }

    /// Electrons of sky lines that the subtraction leaves, negative where it overdoes, `(LAMOST_PIXELS,)`.
    fn sky_residual(&self, line_peak: f64, visit: &Visit, night: &mut Stream) -> Vec<f64> {
        let purpose = format!("sky subtraction {}", visit.planid);
        let mut plate = Stream::new(self.seed, u64::from(visit.spid), &purpose);
        let left = line_peak * (SKY_RESIDUAL.0 * plate.normal() + SKY_RESIDUAL.1 * night.normal());
        let shift = line_peak * SKY_SHIFT_PIXELS * night.normal();
        let lines = self.sky.lines.iter().zip(&self.sky.line_slope).zip(&self.efficiency);
        lines
            .map(|((line, slope), efficiency)| efficiency * (left * line + shift * slope))
            .collect()
    }

    /// Electrons of the star at unit flux and efficiency that give the wanted median S/N in i.
    fn exposure_scale(&self, shape: &[f64], sky: &[f64], snr_i: f64) -> f64 {
        let chosen: Vec<(f64, f64)> = pixels(BANDS_ANGSTROM[I_BAND], LAMOST_PIXELS)
            .step_by(7)
            .map(|i| (shape[i] * self.efficiency[i], sky[i] + READ_VARIANCE))
            .collect();
        let snr = |scale: f64| {
            let mut values: Vec<f64> =
                chosen.iter().map(|(s, v)| scale * s / (scale * s + v).sqrt()).collect();
            median(&mut values).unwrap_or(0.0)
        };
        let (mut low, mut high) = (1.0, 1e8);
        for _ in 0..30 {
            let middle = f64::sqrt(low * high);
            if snr(middle) < snr_i { low = middle } else { high = middle }
        }
        f64::sqrt(low * high)
    }

    fn read_out(&self, exposure: &Exposure, visit: &Visit) -> Observation {
        let mut noise = self.stream(visit, "pixel noise");
        let norm = 1.0 / (1.0 + RESAMPLING * RESAMPLING).sqrt();
        let misjudged = (2.0 * IVAR_ERROR * self.stream(visit, "ivar error").normal()).exp();
        let mut last = noise.normal();
        let (mut flux, mut ivar) =
            (Vec::with_capacity(LAMOST_PIXELS), Vec::with_capacity(LAMOST_PIXELS));
        for (mean, sigma) in exposure.flux.iter().zip(&exposure.sigma) {
            let next = noise.normal();
            flux.push((mean + sigma * norm * (next + RESAMPLING * last)) as f32);
            ivar.push((misjudged / (sigma * sigma)) as f32);
            last = next;
        }
        let mut observation = Observation {
            snr: [0.0; 5],
            wave_angstrom: self.wave_angstrom.clone(),
            andmask: vec![0.0; LAMOST_PIXELS],
            ormask: vec![0.0; LAMOST_PIXELS],
            flux,
            ivar,
            z: None,
            class: "STAR",
            subclass: String::new(),
            fibermask: 0,
        };
        self.hit(&mut observation, exposure, visit);
        observation.snr = header_snr(&observation.flux, &observation.ivar);
        observation
    }

    /// Cosmic rays and the pixels that the pipeline rejects.
    fn hit(&self, observation: &mut Observation, exposure: &Exposure, visit: &Visit) {
        let mut cosmic = self.stream(visit, "cosmic rays");
        for _ in 0..cosmic.poisson(COSMIC_RATE * LAMOST_PIXELS as f64) {
            let pixel = cosmic.index(LAMOST_PIXELS);
            let spike = exposure.sigma[pixel] * cosmic.log_normal(8.0, 0.3);
            observation.flux[pixel] += spike as f32;
            if cosmic.chance(COSMIC_FOUND) {
                observation.ormask[pixel] = 1.0;
                observation.ivar[pixel] *= 0.1;
            }
        }
        for _ in 0..cosmic.poisson(REJECTED_RUNS) {
            let first = cosmic.index(LAMOST_PIXELS - 12);
            let length = 3 + cosmic.index(10);
            for pixel in first..first + length {
                observation.ivar[pixel] = 0.0;
                observation.ormask[pixel] = 1.0;
            }
            observation.andmask[first + length / 2] = 1.0;
        }
    }

    fn classify(&self, out: &mut Observation, light: &Star, visit: &Visit, velocity: f64) {
        let mut draw = self.stream(visit, "classification");
        let (floor, at_30) = VELOCITY_SIGMA_KM_S;
        let sigma = floor.hypot(at_30 * 30.0 / visit.snr_i.max(1.0));
        let z = (velocity + sigma * draw.normal()) / SPEED_OF_LIGHT_KM_S;
        let z_err = draw.log_normal(Z_ERR.0, Z_ERR.1);
        let subtype = subtype(light.atmosphere.teff_k) + 0.4 * draw.normal();
        let masks = [0, 128, 192, 64, 112, 240, -1];
        out.fibermask = masks[draw.weighted(&[0.5, 0.2, 0.1, 0.1, 0.03, 0.03, 0.04])];
        if light.kind == Kind::Sky || out.snr[I_BAND] < CLASSIFIED_SNR {
            (out.class, out.subclass) = ("Unknown", "Non".to_owned());
            return;
        }
        out.subclass = subclass_name(subtype);
        if visit.fault != Some(SpectrumFault::ZSentinel) {
            out.z = Some((z, z_err));
        }
    }

    /// The conventions of the files: a blue end without ivar, ends without flux, spectra that end early.
    fn mask(&self, out: &mut Observation, visit: &Visit) {
        let purpose = format!("blue end {}", visit.planid);
        if Stream::new(self.seed, 0, &purpose).chance(BLUE_MASKED_PLATES) {
            out.ivar[..BLUE_MASK_END].fill(0.0);
        }
        let mut draw = self.stream(visit, "ends");
        let length = if draw.chance(SHORT_SPECTRA) {
            LAMOST_PIXELS - 1 - draw.exponential(10.0).min(88.0) as usize
        } else {
            LAMOST_PIXELS
        };
        let dark = draw.index(8);
        out.flux[length - dark..length].fill(0.0);
        for vector in [
            &mut out.flux,
            &mut out.ivar,
            &mut out.wave_angstrom,
            &mut out.andmask,
            &mut out.ormask,
        ] {
            vector.truncate(length);
        }
    }

    /// The faults that are in the pixels; those of the catalogs are their writers' concern.
    fn plant(&self, out: &mut Observation, visit: &Visit) {
        let mut draw = self.stream(visit, "fault");
        // All blocks lie where the paper's pixels are (2205 to 3806 on LAMOST's grid).
        let first = 2250 + draw.index(1200);
        match visit.fault {
            Some(SpectrumFault::NanFlux) => {
                out.flux[first..first + 20 + draw.index(40)].fill(f32::NAN);
            }
            Some(SpectrumFault::ZeroIvarBlock) => {
                out.ivar[first..first + 100 + draw.index(200)].fill(0.0);
            }
            Some(SpectrumFault::AirWavelengths) => {
                for (pixel, wave) in out.wave_angstrom.iter_mut().enumerate() {
                    *wave = Vacuum(wave_of_index(pixel as f64)).to_air().0 as f32;
                }
            }
            _ => {}
        }
    }
}

/// Spectral subtype by temperature: M0 = 0, K7 = -1, K5 = -2 (Pecaut & Mamajek 2013, ApJS 208, 9, as updated 2024).
const SUBTYPES: [(f64, f64); 12] = [
    (5300.0, -6.0),
    (4440.0, -2.0),
    (4090.0, -1.0),
    (3850.0, 0.0),
    (3660.0, 1.0),
    (3560.0, 2.0),
    (3430.0, 3.0),
    (3210.0, 4.0),
    (3060.0, 5.0),
    (2810.0, 6.0),
    (2680.0, 7.0),
    (2570.0, 8.0),
];

fn subtype(teff_k: f64) -> f64 {
    let cooler = SUBTYPES.iter().position(|knot| knot.0 < teff_k).unwrap_or(SUBTYPES.len() - 1);
    let ((t0, s0), (t1, s1)) = (SUBTYPES[cooler.max(1) - 1], SUBTYPES[cooler.max(1)]);
    (s0 + (s1 - s0) * (teff_k - t0) / (t1 - t0)).clamp(-2.0, 9.0)
}

/// Name of a subtype; the survey's M templates take in the late K dwarfs as K5, K7.
fn subclass_name(subtype: f64) -> String {
    match subtype.round() as i64 {
        ..=-2 => "K5".to_owned(),
        -1 => "K7".to_owned(),
        m => format!("M{}", m.min(9)),
    }
}
