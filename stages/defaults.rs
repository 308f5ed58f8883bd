//! Defaults that stages of §2.2 share: what training says is what cross-validation repeats.

/// Row id of a spectrum.
pub fn obsid() -> String {
    "obsid".into()
}

/// Normalized flux.
pub fn flux_norm() -> String {
    "flux_norm".into()
}

/// Inverse variance of the normalized flux.
pub fn ivar_norm() -> String {
    "ivar_norm".into()
}

/// Folds of a cross-validation (§4.1).
pub fn folds() -> usize {
    10
}

/// Where the solver stops, scaled flux: far below what libsvm's customary 1e-3 leaves, at no cost.
pub fn tolerance() -> f64 {
    1e-6
}

/// Largest violation of optimality of a usable pixel, scaled flux.
pub fn max_kkt() -> f64 {
    1e-5
}

/// Fewest spectra that make a pixel usable.
pub fn min_stars() -> usize {
    30
}

/// Margin of the label box, standard deviations of each label.
pub fn margin() -> f64 {
    0.5
}

/// Fewest pixels of a fit.
pub fn min_pixels() -> usize {
    20
}
