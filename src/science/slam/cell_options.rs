//! How the cells of the compressed evaluator are made.

use super::SlamError;

/// How cells are made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CellOptions {
    /// Largest error that a cell may show where it is checked, scaled flux.
    pub accuracy: f64,
    /// Half the side of a cube, scaled labels.
    pub half_width: f64,
    /// Cells kept in memory.
    pub memory_bytes: usize,
}

impl Default for CellOptions {
    /// 1e-4 of a pixel's training scatter: at a signal-to-noise ratio of 200 a hundredth of a formal error, if all
    /// pixels conspired. 1 GiB holds about 3,000 cells at degree 5.
    fn default() -> Self {
        Self { accuracy: 1e-4, half_width: 0.25, memory_bytes: 1 << 30 }
    }
}

impl CellOptions {
    /// Checks the options.
    ///
    /// # Errors
    /// [`SlamError::Option`] names the first out of range.
    pub fn check(&self) -> Result<(), SlamError> {
        let positive = [
            ("accuracy of the compressed evaluator", self.accuracy),
            ("half-width of a cell", self.half_width),
        ];
        match positive.into_iter().find(|(_, v)| !(v.is_finite() && *v > 0.0 && *v <= 1.0)) {
            None => Ok(()),
            Some((what, value)) => Err(SlamError::Option {
                what,
                value,
                range: "it must lie above 0 and at most at 1",
            }),
        }
    }
}
