//! The simulated survey: a population with known truth, seen by the instruments and archives of the paper.
//!
//! Pure: everything is a function of (seed, object), and an added star changes no other. In reading order: [`random`],
//! [`star`], [`planted`], [`size`], [`variant`], [`survey`] (the objects by number); [`spine`], [`galaxy`],
//! [`extinction`], [`footprint`], [`multiplicity`], [`activity`] (physics); [`field`], [`contaminants`], [`pairs`],
//! [`clusters`] (who is made); [`visits`], [`gaia`], [`distances`], [`label_scales`] (who measures what); [`table`]
//! and [`archives`] (as the archives list it).

pub mod activity;
pub mod archives;
pub mod clusters;
pub mod contaminants;
pub mod distances;
pub mod extinction;
pub mod field;
pub mod fits_image;
pub mod footprint;
pub mod gaia;
pub mod gaia_surroundings;
pub mod galaxy;
pub mod interpolate;
pub mod label_scales;
pub mod multiplicity;
pub mod pairs;
pub mod planted;
pub mod random;
pub mod size;
pub mod spectra;
pub mod spine;
pub mod star;
pub mod survey;
pub mod table;
pub mod variant;
pub mod visits;

pub use crate::science::healpix;
