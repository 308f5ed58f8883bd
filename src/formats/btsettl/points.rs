//! Points of a spectrum as they come, and as they are kept: ascending, once each.

use super::BtSettlError;

/// Fluxes of one wavelength that differ by less are one; native files repeat points where the work
/// was divided between processors.
const SAME_FLUX: f64 = 1e-2;

/// What turns stored numbers into Angstrom and erg/s/cm2/Angstrom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    pub wave: f64,
    /// Where the stored flux is a logarithm: what is added to it.
    pub log_offset: Option<f64>,
    pub flux: f64,
}

/// Points inside a window.
pub(super) struct Points {
    window: (f64, f64),
    scale: Scale,
    /// Whether the file's order must be ascending.
    sorted: bool,
    before: f64,
    /// Wavelength, flux, and line or row.
    kept: Vec<(f64, f64, usize)>,
}

impl Points {
    pub fn new(window_angstrom: (f64, f64), scale: Scale, sorted: bool) -> Self {
        let before = f64::NEG_INFINITY;
        Self { window: window_angstrom, scale, sorted, before, kept: Vec::new() }
    }

    /// Whether a stored wavelength lies inside the window.
    pub fn is_inside(&self, wave: f64) -> bool {
        let wave = wave * self.scale.wave;
        wave >= self.window.0 && wave <= self.window.1
    }

    /// Takes a point as stored, from line or row `at`; `true` when no more can come.
    pub fn push(&mut self, at: usize, wave: f64, flux: f64) -> Result<bool, BtSettlError> {
        let wave_angstrom = wave * self.scale.wave;
        if self.sorted && wave_angstrom < self.before {
            let before_angstrom = self.before;
            return Err(BtSettlError::NotAscending { at, wave_angstrom, before_angstrom });
        }
        self.before = wave_angstrom;
        if self.is_inside(wave) {
            let physical = match self.scale.log_offset {
                Some(offset) => 10f64.powf(flux + offset),
                None => flux * self.scale.flux,
            };
            if !physical.is_finite() || physical < 0.0 {
                let problem = "flux is negative or not a finite number";
                return Err(BtSettlError::Row { row: at, problem, value: flux });
            }
            self.kept.push((wave_angstrom, physical, at));
        }
        Ok(self.sorted && wave_angstrom > self.window.1)
    }

    /// Wavelengths, ascending, and fluxes; a repeated point is given once.
    pub fn finish(mut self) -> Result<(Vec<f64>, Vec<f64>), BtSettlError> {
        self.kept.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.2.cmp(&b.2)));
        let (mut wave, mut flux) = (Vec::new(), Vec::new());
        let mut last: Option<(f64, f64, usize)> = None;
        for point in self.kept {
            if let Some(last) = last.filter(|last| last.0 == point.0) {
                let difference = (point.1 - last.1).abs() / point.1.max(last.1);
                // Two zeros are the same.
                if difference > SAME_FLUX {
                    return Err(BtSettlError::Ambiguous {
                        wave_angstrom: point.0,
                        first: last.2,
                        second: point.2,
                        percent: 100.0 * difference,
                    });
                }
                continue;
            }
            wave.push(point.0);
            flux.push(point.1);
            last = Some(point);
        }
        Ok((wave, flux))
    }
}
