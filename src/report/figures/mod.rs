//! The figures: those of Li et al. 2021 by number, then the diagnostics. Each is a struct of slices with
//! units and a function that draws it; what the data do not allow is a [`Panel::Missing`](super::Panel).

mod attrition;
mod binaries;
mod clusters;
mod cmd;
mod comparison;
mod coverage;
mod cv;
mod hrd;
mod hull;
mod hyades;
mod label_comparisons;
#[cfg(test)]
mod layout_tests;
mod likeness;
mod pixels;
mod population;
mod precision;
#[cfg(test)]
mod realistic_tests;
mod sample;
mod selection;
mod sensitivity;
mod spectrum;
#[cfg(test)]
mod tests;
mod transfer;

pub use attrition::{AttritionFigure, Step, attrition};
pub use binaries::{BinariesFigure, binaries};
pub use clusters::{ClustersFigure, clusters};
pub use cmd::{CmdFigure, PRINTED_QUADRANGLE, cmd};
pub use comparison::Pairs;
pub use coverage::{CoverageFigure, Pulls, coverage};
pub use cv::{CvCurve, CvFigure, ScatterLaw, cv};
pub use hrd::{HrdFigure, Isochrone, hrd};
pub use hull::{HullFigure, hull};
pub use hyades::{HyadesFigure, hyades};
pub use label_comparisons::{
    GalganoComparison, MetallicityComparisons, TeffComparisons, galgano, metallicity, teff,
};
pub use likeness::{Likeness, likeness};
pub use pixels::{PixelFigure, pixels};
pub use population::{Distribution, PopulationFigure, population};
pub use precision::{PrecisionFigure, PrecisionLabel, PrecisionSeries, precision};
pub use selection::{SelectionCurve, SelectionFigure, selection};
pub use sensitivity::{Disturbance, SensitivityFigure, sensitivity};
pub use spectrum::{SpectrumFigure, spectrum};
pub use transfer::{TransferFigure, TransferLabel, transfer};
