//! Wavelength scales: air and vacuum as types, and the pixel grid of Li et al. 2021.
//!
//! LAMOST low-resolution spectra are sampled at log10(lambda / Angstrom) = 3.5682 + 1e-4 i in vacuum. The paper uses
//! i = 2205..=3806 without the six pixels of H-alpha, 1,596 pixels in all (read off the pixel list of the authors'
//! released model; the paper does not print the width of its H-alpha mask, §4.4).

use thiserror::Error;

/// log10 of the vacuum wavelength, in Angstrom, of pixel 0 of the LAMOST grid.
pub const LOG10_WAVE_START: f64 = 3.5682;
/// Step of the LAMOST grid in log10 of the wavelength: 69 km/s a pixel.
pub const LOG10_WAVE_STEP: f64 = 1e-4;
/// First pixel of the paper on the LAMOST grid: 6147.52 Angstrom.
pub const FIRST_INDEX: u32 = 2205;
/// Last pixel of the paper on the LAMOST grid: 8887.92 Angstrom.
pub const LAST_INDEX: u32 = 3806;
/// Vacuum window, in Angstrom, whose six pixels the released model leaves out (H-alpha is at 6564.61 in vacuum).
pub const H_ALPHA_WINDOW_ANGSTROM: (f64, f64) = (6560.7, 6569.8);
/// Speed of light, km/s.
pub const SPEED_OF_LIGHT_KM_S: f64 = 299_792.458;

/// A wavelength in vacuum, Angstrom.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Vacuum(pub f64);

/// A wavelength in standard air (15 C, 1 atm, 450 ppm CO2), Angstrom.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Air(pub f64);

impl Vacuum {
    /// Converts to air with the refractive index of Ciddor 1996 (Applied Optics 35, 1566).
    pub fn to_air(self) -> Air {
        Air(self.0 / refractive_index(self))
    }
}

impl Air {
    /// Converts to vacuum, the inverse of [`Vacuum::to_air`] to 1e-15 relative.
    ///
    /// The index is a function of the vacuum wavelength, so the inverse is a fixed point; each round gains five digits.
    pub fn to_vacuum(self) -> Vacuum {
        (0..4).fold(Vacuum(self.0), |guess, _| Vacuum(self.0 * refractive_index(guess)))
    }
}

/// Returns the refractive index of standard air at a vacuum wavelength (Ciddor 1996; valid from 2300 to 16900 Angstrom).
pub fn refractive_index(wave: Vacuum) -> f64 {
    let wavenumber_squared = (1e4 / wave.0).powi(2);
    1.0 + 0.057_921_05 / (238.018_5 - wavenumber_squared)
        + 0.001_679_17 / (57.362 - wavenumber_squared)
}

/// Converts a whole air wavelength array, `(n_pix,)` Angstrom, to vacuum.
pub fn vacuum_from_air(wave_air_angstrom: &[f64]) -> Vec<f64> {
    wave_air_angstrom.iter().map(|&wave| Air(wave).to_vacuum().0).collect()
}

/// Moves wavelengths, `(n_pix,)` Angstrom, to the rest frame of a source of redshift `z` (positive = receding).
pub fn to_rest_frame(wave_angstrom: &[f64], z: f64) -> Vec<f64> {
    wave_angstrom.iter().map(|&wave| wave / (1.0 + z)).collect()
}

/// Returns the vacuum wavelength, Angstrom, of a (fractional) LAMOST pixel index.
pub fn wave_of_index(index: f64) -> f64 {
    10f64.powf(LOG10_WAVE_START + LOG10_WAVE_STEP * index)
}

/// Returns the (fractional) LAMOST pixel index of a vacuum wavelength, Angstrom.
pub fn index_of_wave(wave_angstrom: f64) -> f64 {
    (wave_angstrom.log10() - LOG10_WAVE_START) / LOG10_WAVE_STEP
}

/// Why a grid cannot be made.
#[derive(Debug, Error, PartialEq)]
pub enum GridError {
    /// `step` must keep at least two pixels.
    #[error("pixel grid: step {step} is not in 1..={most} pixels: set a smaller step")]
    Step { step: usize, most: usize },
}

/// Pixels of the LAMOST grid that a model is made of.
///
/// Every pixel keeps the width of one LAMOST pixel, also when `step > 1`: a coarse grid is a subsample for quick runs,
/// not a rebinning, so that its labels differ from the full grid's by noise only.
#[derive(Debug, Clone, PartialEq)]
pub struct PixelGrid {
    index: Vec<u32>,
    wave_angstrom: Vec<f64>,
}

impl PixelGrid {
    /// Makes the paper's grid: 1,596 pixels, 6147.52 to 8887.92 Angstrom, without H-alpha.
    pub fn paper() -> Self {
        Self::from_indices(Self::indices(false).collect())
    }

    /// Makes the paper's grid with every `step`-th pixel, with (1,602 pixels at step 1) or without H-alpha.
    pub fn with_options(step: usize, keep_h_alpha: bool) -> Result<Self, GridError> {
        let all: Vec<u32> = Self::indices(keep_h_alpha).collect();
        let most = all.len() - 1;
        if step == 0 || step > most {
            return Err(GridError::Step { step, most });
        }
        Ok(Self::from_indices(all.into_iter().step_by(step).collect()))
    }

    fn indices(keep_h_alpha: bool) -> impl Iterator<Item = u32> {
        let (low, high) = H_ALPHA_WINDOW_ANGSTROM;
        (FIRST_INDEX..=LAST_INDEX).filter(move |&index| {
            let wave = wave_of_index(f64::from(index));
            keep_h_alpha || wave < low || wave > high
        })
    }

    fn from_indices(index: Vec<u32>) -> Self {
        let wave_angstrom = index.iter().map(|&i| wave_of_index(f64::from(i))).collect();
        Self { index, wave_angstrom }
    }

    /// Vacuum wavelengths of the pixel centers, `(n_pix,)` Angstrom, ascending.
    pub fn wave_angstrom(&self) -> &[f64] {
        &self.wave_angstrom
    }

    /// Pixel numbers on the LAMOST grid, `(n_pix,)`, ascending; gaps are left-out pixels.
    pub fn index(&self) -> &[u32] {
        &self.index
    }

    /// Number of pixels.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// True for a grid without pixels; no constructor makes one.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Lower and upper edge of every pixel, `(n_pix,)` pairs in Angstrom: half a LAMOST pixel either side.
    pub fn edges_angstrom(&self) -> Vec<(f64, f64)> {
        let edge = |index: u32, side: f64| wave_of_index(f64::from(index) + side);
        self.index.iter().map(|&i| (edge(i, -0.5), edge(i, 0.5))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paper_grid_has_1596_of_1602_pixels_and_the_printed_ends() {
        let full = PixelGrid::with_options(1, true).unwrap();
        let paper = PixelGrid::paper();
        assert_eq!((full.len(), paper.len()), (1602, 1596));
        let wave = paper.wave_angstrom();
        assert!((wave[0] - 6147.52).abs() < 5e-3 && (wave[1595] - 8887.92).abs() < 5e-3);
        let left_out: Vec<u32> =
            full.index().iter().copied().filter(|i| !paper.index().contains(i)).collect();
        assert_eq!(left_out, (2488..=2493).collect::<Vec<u32>>());
        assert!((wave_of_index(2488.0) - 6561.5).abs() < 0.1);
        assert!((wave_of_index(2493.0) - 6569.0).abs() < 0.1);
    }

    #[test]
    fn coarse_grid_is_a_subsample_and_bad_steps_are_refused() {
        let coarse = PixelGrid::with_options(4, false).unwrap();
        let paper = PixelGrid::paper();
        assert_eq!(coarse.len(), 399);
        assert!((0..399).all(|i| coarse.index()[i] == paper.index()[4 * i]));
        assert!(PixelGrid::with_options(0, false).is_err());
        assert!(PixelGrid::with_options(1596, false).is_err());
    }

    #[test]
    fn edges_touch_where_pixels_are_neighbours() {
        let grid = PixelGrid::paper();
        let edges = grid.edges_angstrom();
        for (i, pair) in grid.index().windows(2).enumerate() {
            let gap = edges[i + 1].0 - edges[i].1;
            if pair[1] == pair[0] + 1 {
                assert!(gap.abs() < 1e-9);
            } else {
                assert!((gap - 9.07).abs() < 0.01, "{gap}");
            }
        }
    }

    #[test]
    fn air_and_vacuum_round_trip_and_known_lines() {
        for wave in [2500.0, 6147.5, 6564.61, 8887.9, 16000.0] {
            let back = Vacuum(wave).to_air().to_vacuum().0;
            assert!((back / wave - 1.0).abs() < 1e-14, "{wave} {back}");
        }
        // NIST: H-alpha 6562.80 air = 6564.61 vacuum; Na I D2 5889.951 air = 5891.583 vacuum.
        assert!((Air(6562.80).to_vacuum().0 - 6564.61).abs() < 5e-3);
        assert!((Air(5889.951).to_vacuum().0 - 5891.583).abs() < 1e-3);
        assert!((vacuum_from_air(&[6562.80])[0] - 6564.61).abs() < 5e-3);
    }

    #[test]
    fn rest_frame_undoes_a_redshift() {
        let rest = to_rest_frame(&[6564.61 * 1.001], 1e-3);
        assert!((rest[0] - 6564.61).abs() < 1e-9);
    }
}
