//! A grid of model spectra as BT-Settl CIFIST2011b serves it, with other physics than the survey's.
//!
//! What a model grid gets wrong is planted here (fixed before the pipeline first ran on it): a zero point of Teff, weak TiO, no alpha elements, and
//! bands whose heads and widths are somewhat off, so that no spectrum of the survey is a member of the grid.

use super::synthesis::{Labels, Physics, Synthesizer};

/// Planted: a node named Teff shows the spectrum of a star of Teff + this on the scale of the truth (the paper's
/// TEFF_BT is about 110 K above Birky et al. 2020, section 4.1.2).
pub const MODEL_TEFF_OFFSET_K: f64 = -110.0;
/// Planted: opacity of TiO in the models over that of the stars.
pub const MODEL_TIO_SCALE: f64 = 0.92;
/// Planted: the same of VO.
pub const MODEL_VO_SCALE: f64 = 0.5;
/// Planted: the same of CaH.
pub const MODEL_CAH_SCALE: f64 = 1.05;
/// Planted: decay lengths of the bands in the models over those of the stars.
pub const MODEL_BAND_DECAY: f64 = 1.06;
/// Planted: shift of the band heads, growing from 0 at 6150 to this at 8900 Angstrom.
pub const MODEL_HEAD_SHIFT_ANGSTROM: f64 = 1.0;
/// Planted: amplitude and period (Angstrom) of a ripple of the models' flux.
pub const MODEL_RIPPLE: (f64, f64) = (0.015, 1200.0);

/// Teff, log g and [M/H] of the paper's grid: section 3.2.2, 49 x 7 x 3 = 1029 nodes.
pub const TEFF_NODES_K: (u32, u32, u32) = (2200, 7000, 100);
/// Tenths of dex.
pub const LOGG_NODES: (i32, i32, i32) = (25, 55, 5);
/// [M/H] of the nodes, dex.
pub const M_H_NODES: [f64; 3] = [-1.0, -0.5, 0.0];
/// Range (vacuum, Angstrom) and step of a file.
const FILE_RANGE_ANGSTROM: (f64, f64) = (5900.0, 9150.0);
const FILE_STEP_ANGSTROM: f64 = 0.5;

/// Physics of the grid.
pub const PHYSICS: Physics = Physics {
    teff_offset_k: MODEL_TEFF_OFFSET_K,
    tio_scale: MODEL_TIO_SCALE,
    vo_scale: MODEL_VO_SCALE,
    cah_scale: MODEL_CAH_SCALE,
    uses_alpha: false,
    band_decay: MODEL_BAND_DECAY,
    head_shift_angstrom: MODEL_HEAD_SHIFT_ANGSTROM,
};

/// One node of the grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Node {
    pub teff_k: f64,
    pub logg: f64,
    pub m_h: f64,
}

impl Node {
    /// Name of the node's file, as in the public grids.
    pub fn file_name(&self) -> String {
        let m_h = if self.m_h == 0.0 { "-0.0".to_owned() } else { format!("{:+.1}", self.m_h) };
        format!("lte{:03.0}-{:.1}{m_h}a+0.0.BT-Settl.spec.7.gz", self.teff_k / 100.0, self.logg)
    }
}

/// All nodes, by Teff, log g, [M/H].
pub fn nodes() -> Vec<Node> {
    let mut nodes = Vec::new();
    let (first, last, step) = TEFF_NODES_K;
    for teff in (first..=last).step_by(step as usize) {
        for tenths in (LOGG_NODES.0..=LOGG_NODES.1).step_by(LOGG_NODES.2 as usize) {
            nodes.extend(M_H_NODES.map(|m_h| Node {
                teff_k: f64::from(teff),
                logg: 0.1 * f64::from(tenths),
                m_h,
            }));
        }
    }
    nodes
}

/// Makes the synthesizer of the grid.
pub fn synthesizer() -> Synthesizer {
    Synthesizer::new(PHYSICS)
}

/// Surface flux of a node on the synthesizer's fine grid, `(n_fine,)`, erg/s/cm^2/Angstrom.
pub fn surface_flux(synthesizer: &Synthesizer, node: &Node) -> Vec<f64> {
    let labels = Labels { m_h: node.m_h, ..Labels::solar(node.teff_k, node.logg) };
    let mut flux = synthesizer.surface_flux(&labels);
    let (amplitude, period) = MODEL_RIPPLE;
    for (flux, wave) in flux.iter_mut().zip(synthesizer.wave_angstrom()) {
        *flux *= 1.0 + amplitude * (std::f64::consts::TAU * wave / period).sin();
    }
    flux
}

/// Text of a node's file before packing: vacuum wavelength (Angstrom) and log10 of the surface flux (erg/s/cm^2/Angstrom)
/// plus 8, in two columns.
pub fn file_text(synthesizer: &Synthesizer, node: &Node) -> String {
    let flux = surface_flux(synthesizer, node);
    let wave = synthesizer.wave_angstrom();
    let count = ((FILE_RANGE_ANGSTROM.1 - FILE_RANGE_ANGSTROM.0) / FILE_STEP_ANGSTROM) as usize;
    let mut text = String::with_capacity(count * 20);
    let mut above = 1;
    for n in 0..=count {
        let at = FILE_RANGE_ANGSTROM.0 + FILE_STEP_ANGSTROM * n as f64;
        while above + 1 < wave.len() && wave[above] < at {
            above += 1;
        }
        let fraction = (at - wave[above - 1]) / (wave[above] - wave[above - 1]);
        let value = flux[above - 1] * (1.0 - fraction) + flux[above] * fraction;
        text.push_str(&format!("{at:9.3} {:9.6}\n", value.log10() + 8.0));
    }
    text
}
