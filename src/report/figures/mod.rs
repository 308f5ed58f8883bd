//! The figures: those of Li et al. 2021 by number, then the diagnostics. Each is a struct of slices with
//! units and a function that draws it; what the data do not allow is a [`Panel::Missing`](super::Panel).

mod cmd;
mod comparison;
mod cv;
mod label_comparisons;
mod sample;

pub use cmd::{CmdFigure, PRINTED_QUADRANGLE, cmd};
pub use comparison::Pairs;
pub use cv::{CvCurve, CvFigure, ScatterLaw, cv};
pub use label_comparisons::{
    GalganoComparison, MetallicityComparisons, TeffComparisons, galgano, metallicity, teff,
};
