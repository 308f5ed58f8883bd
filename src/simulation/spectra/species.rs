//! What absorbs in the atmosphere of a cool star, and how its opacity depends on the labels.
//!
//! The optical depth of a species is
//! shape(lambda) exp(b theta) 10^(p [M/H] + q (log g - 4.9) + r ([alpha/M] - 0.05)), theta = 5040 K / Teff - 1.4.
//! b is from the fit of the shapes to real spectra (see `bands`). p of TiO and CaH make zeta (Lepine, Rich & Shara 2007,
//! ApJ 669, 1235) follow [Fe/H] = -1.685 + 1.632 zeta (Woolf, Lepine & Wallerstein 2009, PASP 121, 117); q has the
//! signs of the gravity indicators in Kirkpatrick et al. 1991 (hydrides and alkalis strong in dwarfs, the Ca II
//! triplet in giants); r follows the number of alpha elements in the molecule. q and r are orders of magnitude, not measured.

use super::bands;
use super::lines;

/// How absorption is spread over wavelength.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// Bands that fade from their heads to the red.
    ToRed(&'static [bands::Head]),
    /// Bands that fade from their heads to the violet.
    ToViolet(&'static [bands::Head]),
    /// Bands without a sharp head.
    Troughs(&'static [bands::Trough]),
    /// Smooth opacity: depths at equal steps (Angstrom, air), linear between, 0 a step outside.
    Haze { start: f64, step: f64, depths: &'static [f64] },
    /// Narrow lines, sigma 1 Angstrom.
    Lines(&'static [lines::Line]),
    /// Strong lines.
    Winged(&'static [lines::Winged]),
}

/// Where in the atmosphere the absorption is formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layer {
    /// Molecules: dissociate above about 4300 K, and cannot absorb more than all but [`FLOOR`] of the light.
    Molecules,
    /// Blends of atomic lines: the same, without dissociation.
    Blends,
    /// Resolved lines, above the rest.
    Lines,
}

/// Share of the continuum that no molecular band takes away: emission of the layers where the band forms.
pub(super) const FLOOR: f64 = 0.05;

/// One absorber; see the module for the meaning of the exponents.
#[derive(Debug, Clone, Copy)]
pub(super) struct Species {
    pub name: &'static str,
    pub layer: Layer,
    pub shape: Shape,
    /// b: dependence on temperature.
    pub theta: f64,
    /// p: dependence on metallicity, dex per dex.
    pub metal: f64,
    /// q: dependence on surface gravity, dex per dex.
    pub gravity: f64,
    /// r: dependence on the abundance of the alpha elements, dex per dex.
    pub alpha: f64,
}

const fn molecule(name: &'static str, shape: Shape, exponents: [f64; 4]) -> Species {
    let [theta, metal, gravity, alpha] = exponents;
    Species { name, layer: Layer::Molecules, shape, theta, metal, gravity, alpha }
}

const fn line(name: &'static str, shape: Shape, exponents: [f64; 4]) -> Species {
    let [theta, metal, gravity, alpha] = exponents;
    Species { name, layer: Layer::Lines, shape, theta, metal, gravity, alpha }
}

/// [M/H] exponent of TiO, set with that of CaH by zeta against [Fe/H].
const TIO_METAL: f64 = 0.54;
/// [M/H] exponent of CaH: nearly insensitive, as calcium and hydrogen opacity fall together (Allard & Hauschildt 1995).
const CAH_METAL: f64 = 0.02;

/// Lithium, in young stars only: resonance doublet at 6707.8 Angstrom.
pub(super) const LITHIUM: &[lines::Winged] = &[(6707.81, false, 0.45, 1.0)];
/// Balmer lines in absorption. In M dwarfs the dip at H-alpha (EW -0.35 Angstrom in the window of West et al. 2011, the mean
/// of inactive real stars) is already in the fitted bands; this grows in for K dwarfs.
const BALMER: &[lines::Winged] = &[(6562.80, false, 0.02, 1.3), (4861.33, false, 0.01, 1.3)];

/// All absorbers, in the order in which their opacities are added.
pub(super) const SPECIES: &[Species] = &[
    molecule("TiO alpha", Shape::ToRed(bands::TIO_ALPHA), [3.38, TIO_METAL, -0.05, 0.8]),
    molecule("TiO gamma'", Shape::ToRed(bands::TIO_GAMMA_PRIME), [4.68, TIO_METAL, -0.05, 0.8]),
    molecule("TiO gamma", Shape::ToRed(bands::TIO_GAMMA), [4.48, TIO_METAL, -0.05, 0.8]),
    molecule("TiO delta", Shape::ToRed(bands::TIO_DELTA), [3.38, TIO_METAL, -0.05, 0.8]),
    molecule("CaH", Shape::Troughs(bands::CAH), [3.06, CAH_METAL, 0.25, 0.2]),
    molecule("CaOH", Shape::ToRed(bands::CAOH), [1.0, 0.5, 0.1, 0.6]),
    molecule("VO", Shape::ToRed(bands::VO), [8.25, 0.8, -0.05, 0.2]),
    molecule("FeH", Shape::ToRed(bands::FEH), [5.0, 0.6, 0.3, 0.0]),
    molecule("MgH", Shape::ToViolet(bands::MGH), [-1.0, 0.4, 0.3, 0.5]),
    molecule(
        "molecular haze",
        Shape::Haze { start: 4000.0, step: 200.0, depths: bands::MOLECULAR_HAZE },
        [4.3, TIO_METAL, -0.05, 0.8],
    ),
    Species {
        name: "atomic haze",
        layer: Layer::Blends,
        shape: Shape::Haze { start: 3750.0, step: 150.0, depths: bands::ATOMIC_HAZE },
        theta: -0.4,
        metal: 0.4,
        gravity: 0.0,
        alpha: 0.2,
    },
    line("Fe I", Shape::Lines(lines::IRON), [-1.7, 0.4, 0.0, 0.0]),
    line("Ti I", Shape::Lines(lines::TITANIUM), [-0.5, 0.4, 0.0, 0.5]),
    line("Ca I", Shape::Lines(lines::CALCIUM), [1.0, 0.4, 0.15, 0.5]),
    line("V I", Shape::Lines(lines::VANADIUM), [1.5, 0.4, 0.0, 0.0]),
    line("Cr I", Shape::Lines(lines::CHROMIUM), [1.0, 0.4, 0.05, 0.0]),
    line("Ni I", Shape::Lines(lines::NICKEL), [-0.5, 0.4, 0.0, 0.0]),
    line("Mg I", Shape::Lines(lines::MAGNESIUM), [0.5, 0.4, 0.15, 0.5]),
    line("Al I", Shape::Lines(lines::ALUMINIUM), [0.0, 0.4, 0.1, 0.2]),
    line("Sc I", Shape::Lines(lines::SCANDIUM), [1.5, 0.4, 0.0, 0.0]),
    line("Rb I", Shape::Lines(lines::RUBIDIUM), [5.0, 0.3, 0.3, 0.0]),
    line("Mn I", Shape::Lines(lines::MANGANESE), [1.0, 0.4, 0.0, 0.0]),
    line("K I", Shape::Winged(lines::POTASSIUM), [6.1, 0.35, 0.5, 0.0]),
    line("Na I", Shape::Winged(lines::SODIUM), [2.0, 0.4, 0.45, 0.0]),
    line("Na I D", Shape::Winged(lines::SODIUM_D), [2.0, 0.35, 0.45, 0.0]),
    line("Ca II", Shape::Winged(lines::CALCIUM_TRIPLET), [-3.0, 0.35, -0.25, 0.5]),
    line("Ca II H, K", Shape::Winged(lines::CALCIUM_H_K), [-1.0, 0.35, 0.0, 0.5]),
    line("Ca I 4227", Shape::Winged(lines::CALCIUM_RESONANCE), [1.5, 0.4, 0.3, 0.5]),
    line("H I", Shape::Winged(BALMER), [-5.0, 0.1, -0.1, 0.0]),
];
