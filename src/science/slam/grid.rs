//! Hyper-parameter grids of the per-pixel cross-validation.
//!
//! The paper prints no grid (Li et al. 2021, §2.2). `tutorial` is that of the authors' tutorial, `wide` spans what the
//! pixels of M dwarfs choose.

use super::super::svr::{HyperParameters, Search};
use super::SlamError;

/// Cells in the order that breaks ties: C outermost, then epsilon, then gamma.
#[derive(Debug, Clone, PartialEq)]
pub struct HyperGrid {
    cells: Vec<HyperParameters>,
    search: Search,
}

impl HyperGrid {
    /// Spans all combinations of the three axes.
    ///
    /// # Errors
    /// [`SlamError::Grid`] where an axis is empty, [`SlamError::Option`] for a value that is not positive.
    pub fn new(c: &[f64], epsilon: &[f64], gamma: &[f64]) -> Result<Self, SlamError> {
        let axes = [("C", c), ("epsilon", epsilon), ("gamma", gamma)];
        for (what, axis) in axes {
            if let Some(&value) = axis.iter().find(|v| !(v.is_finite() && **v > 0.0)) {
                return Err(SlamError::Option {
                    what,
                    value,
                    range: "it must be finite and positive",
                });
            }
        }
        let cells = product(c, epsilon, gamma);
        if cells.is_empty() {
            return Err(SlamError::Grid { n_cell: 0, how: "at all" });
        }
        Ok(Self::of(cells))
    }

    fn of(cells: Vec<HyperParameters>) -> Self {
        Self { cells, search: Search::Best }
    }

    /// The same cells, searched in another way.
    #[must_use]
    pub fn searched(self, search: Search) -> Self {
        Self { search, ..self }
    }

    /// Which cells are brought to their end: those that can be the best, where nothing else was said.
    pub fn search(&self) -> Search {
        self.search
    }

    /// A single cell: fixed hyper-parameters.
    ///
    /// # Errors
    /// [`SlamError::Option`] for a value that is not positive.
    pub fn fixed(hyper: HyperParameters) -> Result<Self, SlamError> {
        Self::new(&[hyper.c], &[hyper.epsilon], &[hyper.gamma])
    }

    /// 9 cells: C and gamma in {0.1, 1, 10}, epsilon 0.05.
    pub fn tutorial() -> Self {
        let decades = [0.1, 1.0, 10.0];
        Self::of(product(&decades, &[0.05], &decades))
    }

    /// 42 cells: C = 2^-2 .. 2^4, epsilon in {0.05, 0.1}, gamma in {0.1, 1/3, 1}.
    pub fn wide() -> Self {
        let c = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0];
        Self::of(product(&c, &[0.05, 0.1], &[0.1, 1.0 / 3.0, 1.0]))
    }

    /// Finds a preset by name.
    ///
    /// # Errors
    /// [`SlamError::Unknown`].
    pub fn named(name: &str) -> Result<Self, SlamError> {
        match name {
            "tutorial" => Ok(Self::tutorial()),
            "wide" => Ok(Self::wide()),
            _ => Err(SlamError::Unknown {
                what: "hyper-parameter grid",
                found: name.to_owned(),
                known: "tutorial, wide",
            }),
        }
    }

    /// The cells in tie order.
    pub fn cells(&self) -> &[HyperParameters] {
        &self.cells
    }

    /// Number of the first cell of smallest error; NaN never wins. `None` where all are NaN.
    pub fn best(&self, mse: &[f64]) -> Option<usize> {
        smallest(&mse[..mse.len().min(self.cells.len())])
    }
}

/// Index of the first smallest value; NaN never wins.
pub(super) fn smallest(values: &[f64]) -> Option<usize> {
    let mut best: Option<usize> = None;
    for (at, &value) in values.iter().enumerate() {
        if value < best.map_or(f64::INFINITY, |b| values[b]) {
            best = Some(at);
        }
    }
    best
}

fn product(c: &[f64], epsilon: &[f64], gamma: &[f64]) -> Vec<HyperParameters> {
    let mut cells = Vec::with_capacity(c.len() * epsilon.len() * gamma.len());
    for &c in c {
        for &epsilon in epsilon {
            cells.extend(gamma.iter().map(|&gamma| HyperParameters { c, gamma, epsilon }));
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_have_the_documented_cells_in_tie_order() {
        assert_eq!(HyperGrid::tutorial().cells().len(), 9);
        let wide = HyperGrid::named("wide").unwrap();
        assert_eq!(wide.cells().len(), 42);
        assert_eq!(wide.cells()[1], HyperParameters { c: 0.25, epsilon: 0.05, gamma: 1.0 / 3.0 });
        assert_eq!(wide.cells()[6], HyperParameters { c: 0.5, epsilon: 0.05, gamma: 0.1 });
        assert!(HyperGrid::named("narrow").unwrap_err().to_string().contains("tutorial, wide"));
    }

    #[test]
    fn first_of_tied_cells_wins_and_nan_never_does() {
        let grid = HyperGrid::tutorial();
        assert_eq!(grid.best(&[f64::NAN, 2.0, 1.0, 1.0]), Some(2));
        assert_eq!(grid.best(&[f64::NAN; 9]), None);
    }

    #[test]
    fn useless_axes_are_refused() {
        assert!(HyperGrid::new(&[], &[0.1], &[1.0]).is_err());
        assert!(HyperGrid::new(&[1.0], &[-0.1], &[1.0]).is_err());
    }
}
