//! Spectra of the simulated survey, as LAMOST would have taken them, and a model grid of other physics.
//!
//! In reading order: [`synthesis`] (one star), [`source`] (companions, dust), [`lsf`] (to pixels), [`sky`] and
//! [`instrument`] (what the night and the spectrograph add), [`observe`] (one spectrum), [`snr`] (the header's numbers),
//! [`lamost_file`] (its file), [`m_star_row`] (its row in the catalog), [`m_star_table`] (the catalog), [`model_grid`] (BT-Settl-like models), [`blind`]
//! (real models with real residuals).

mod bands;
pub mod blind;
mod grid;
pub mod indices;
pub mod instrument;
pub mod lamost_file;
mod lines;
pub mod lsf;
pub mod m_star_row;
pub mod m_star_table;
pub mod model_grid;
pub mod observe;
mod opacity;
pub mod reddening;
pub mod sky;
pub mod snr;
pub mod source;
mod species;
pub mod synthesis;

pub use grid::LAMOST_PIXELS;

#[cfg(test)]
mod anchor_tests;
#[cfg(test)]
mod observe_tests;
#[cfg(test)]
mod real_tests;
