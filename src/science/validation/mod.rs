//! What the validations of §5 ask of stars: clusters, pairs, repeats, isochrones, and how errors follow from spectra.
//!
//! | file | subject |
//! |---|---|
//! | `fields` | a cluster's field and others at its latitude |
//! | `membership` | members by probabilities and parallax |
//! | `companions` | pairs that should have one label, and strangers |
//! | `injection` | faults, residuals and noise of a spectrum to be recovered |
//! | `isochrone` | magnitudes at a color and metallicity |
//! | `error_curve` | laws of the error over the signal-to-noise ratio |

pub mod companions;
pub mod error_curve;
pub mod fields;
pub mod injection;
pub mod isochrone;
pub mod membership;
