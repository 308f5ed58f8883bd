//! Science: the sky, spectra, labels, support-vector regression, SLAM and statistics.
//!
//! ndarray in, ndarray out; no tables, no paths, no clock, no printing. In reading order:
//! [`sky`] and [`neighbors`] (positions), [`wavelength`], [`resample`], [`mask`], [`velocity`],
//! [`continuum`] (spectra), [`labels`], [`svr`], [`slam`], [`cross_validation`],
//! [`statistics`].

pub mod calibration;
pub mod continuum;
pub mod cross_validation;
pub mod degrade;
pub mod draw;
pub mod dust;
pub mod healpix;
pub mod hull;
pub mod labels;
pub mod least_squares;
pub mod mask;
pub mod neighbors;
pub mod resample;
pub mod shared_kernel;
pub mod sky;
pub mod slam;
pub mod small_matrix;
pub mod smoothing_spline;
pub mod sorting;
pub mod statistics;
pub mod svr;
pub mod svr_linfa;
pub mod transfer;
pub mod validation;
pub mod velocity;
pub mod wavelength;

#[cfg(test)]
mod reference_npz;
