//! Standardization of labels and flux, and where a label vector lies relative to the training set.
//!
//! SLAM works on labels and per-pixel flux of mean 0 and variance 1 (Li et al. 2021, §2.2; Zhang et al. 2020),
//! with the population standard deviation and weights that are either 0 or 1.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

/// Why labels could not be standardized.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum LabelError {
    /// There is no training star.
    #[error(
        "the training set has no star, so its labels have no mean; check the cuts of the training sample"
    )]
    Empty,
    /// A label is NaN or infinite.
    #[error(
        "label column {column} of training row {row} is {value}; reject rows with missing labels first"
    )]
    NotFinite {
        /// Training row.
        row: usize,
        /// Label column.
        column: usize,
        /// The offending value.
        value: f64,
    },
    /// Two arrays that describe the same stars or labels differ in length.
    #[error("{what} has {found} entries, expected {expected}; both must describe the same rows")]
    Length {
        /// Which array.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length it should have.
        expected: usize,
    },
}

/// Mean and scale of each label over the training set.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelScaler {
    /// Means in physical units, `(n_label,)`.
    pub mean: Array1<f64>,
    /// Population standard deviations in physical units, `(n_label,)`; 1 where the column is constant.
    pub scale: Array1<f64>,
    /// True where every training star has the same label, `(n_label,)`: such a label cannot be inferred.
    pub constant: Vec<bool>,
}

impl LabelScaler {
    /// Measures mean and population standard deviation of `labels`, `(n_train, n_label)`.
    ///
    /// # Errors
    /// [`LabelError::Empty`] without rows, [`LabelError::NotFinite`] for a missing label.
    pub fn fit(labels: ArrayView2<'_, f64>) -> Result<Self, LabelError> {
        if labels.nrows() == 0 {
            return Err(LabelError::Empty);
        }
        if let Some(((row, column), &value)) = labels.indexed_iter().find(|(_, v)| !v.is_finite()) {
            return Err(LabelError::NotFinite { row, column, value });
        }
        let columns: Vec<Moments> =
            labels.columns().into_iter().map(|c| Moments::of(c.iter().copied())).collect();
        Ok(Self {
            mean: columns.iter().map(|m| m.mean).collect(),
            scale: columns.iter().map(|m| m.scale).collect(),
            constant: columns.iter().map(|m| m.constant).collect(),
        })
    }

    /// Number of labels.
    pub fn n_label(&self) -> usize {
        self.mean.len()
    }

    /// Standardizes `labels`, `(n, n_label)`.
    pub fn transform(&self, labels: ArrayView2<'_, f64>) -> Array2<f64> {
        (&labels - &self.mean) / &self.scale
    }

    /// Standardizes one star's labels, `(n_label,)`.
    pub fn transform_row(&self, labels: ArrayView1<'_, f64>) -> Array1<f64> {
        (&labels - &self.mean) / &self.scale
    }

    /// Brings one star's scaled labels, `(n_label,)`, back to physical units.
    pub fn inverse_row(&self, scaled: ArrayView1<'_, f64>) -> Array1<f64> {
        &scaled * &self.scale + &self.mean
    }

    /// Brings a covariance of scaled labels, `(n_label, n_label)`, to physical units.
    pub fn covariance_to_physical(&self, scaled: ArrayView2<'_, f64>) -> Array2<f64> {
        Array2::from_shape_fn(scaled.dim(), |(a, b)| scaled[[a, b]] * self.scale[a] * self.scale[b])
    }
}

/// Mean and scale of one pixel's normalized flux over the stars that have it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FluxScaler {
    /// Mean normalized flux.
    pub mean: f64,
    /// Population standard deviation of normalized flux; 1 where it is constant.
    pub scale: f64,
    /// True where all used stars have the same flux.
    pub constant: bool,
    /// Stars that entered.
    pub n_used: usize,
}

impl FluxScaler {
    /// Measures `flux`, `(n_train,)`, over the rows that `used`, `(n_train,)`, marks. `None` where there is no such row.
    pub fn fit(flux: ArrayView1<'_, f64>, used: &[bool]) -> Option<Self> {
        let n_used = used.iter().filter(|&&u| u).count();
        if n_used == 0 {
            return None;
        }
        let kept = flux.iter().zip(used).filter(|&(_, &u)| u).map(|(&f, _)| f);
        let Moments { mean, scale, constant } = Moments::of(kept);
        Some(Self { mean, scale, constant, n_used })
    }

    /// Standardizes a flux.
    pub fn transform(&self, flux: f64) -> f64 {
        (flux - self.mean) / self.scale
    }

    /// Brings a scaled flux back to normalized flux.
    pub fn inverse(&self, scaled: f64) -> f64 {
        scaled * self.scale + self.mean
    }

    /// Variance of a flux of inverse variance `ivar`, in scaled-flux units.
    pub fn scaled_variance(&self, ivar: f64) -> f64 {
        1.0 / (ivar * self.scale * self.scale)
    }
}

struct Moments {
    mean: f64,
    scale: f64,
    constant: bool,
}

impl Moments {
    /// Two passes, so that a Teff of thousands of kelvin loses no digits of its scatter.
    fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let n = values.clone().count() as f64;
        let mean = values.clone().sum::<f64>() / n;
        let sd = (values.clone().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n).sqrt();
        // The mean of equal numbers may differ from them in the last digit, which would pass for a scatter.
        let mut rest = values.clone();
        let first = rest.next();
        let constant = rest.all(|v| Some(v) == first);
        let scale = if constant || sd == 0.0 { 1.0 } else { sd };
        Self { mean, scale, constant: constant || sd == 0.0 }
    }
}

/// The axis-parallel box that just holds a set of label vectors.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelBox {
    /// Smallest value of each label, `(n_label,)`.
    pub lower: Array1<f64>,
    /// Largest value of each label, `(n_label,)`.
    pub upper: Array1<f64>,
}

impl LabelBox {
    /// Finds the box of `labels`, `(n, n_label)`, in whatever units they are.
    ///
    /// # Errors
    /// [`LabelError::Empty`] without rows.
    pub fn of(labels: ArrayView2<'_, f64>) -> Result<Self, LabelError> {
        if labels.nrows() == 0 {
            return Err(LabelError::Empty);
        }
        let fold = |start: f64, pick: fn(f64, f64) -> f64| {
            labels.fold_axis(Axis(0), start, move |&a, &b| pick(a, b))
        };
        Ok(Self { lower: fold(f64::INFINITY, f64::min), upper: fold(f64::NEG_INFINITY, f64::max) })
    }

    /// Widens the box by `margin`, in the units of the labels, on every side.
    pub fn widened(&self, margin: f64) -> Self {
        Self { lower: &self.lower - margin, upper: &self.upper + margin }
    }

    /// Tells whether `labels`, `(n_label,)`, lie in the box, its faces included.
    pub fn contains(&self, labels: ArrayView1<'_, f64>) -> bool {
        labels
            .iter()
            .zip(self.lower.iter().zip(&self.upper))
            .all(|(v, (lo, hi))| lo <= v && v <= hi)
    }
}

/// Finds the training star nearest to `labels`, `(n_label,)`, and its Euclidean distance.
///
/// `training`, `(n_train, n_label)`, and `labels` must both be scaled, else the unit of Teff decides alone.
/// The first of equally near stars wins. `None` where the training set is empty or a label is NaN.
pub fn nearest_neighbor(
    training: ArrayView2<'_, f64>,
    labels: ArrayView1<'_, f64>,
) -> Option<(usize, f64)> {
    let mut nearest: Option<(usize, f64)> = None;
    for (row, other) in training.outer_iter().enumerate() {
        let squared: f64 = other.iter().zip(labels).map(|(a, b)| (a - b) * (a - b)).sum();
        if squared < nearest.map_or(f64::INFINITY, |(_, best)| best) {
            nearest = Some((row, squared));
        }
    }
    nearest.map(|(row, squared)| (row, squared.sqrt()))
}

/// Training labels laid out for many questions about the nearest star.
#[derive(Debug, Clone, PartialEq)]
pub struct NearestStar {
    /// `(n_train, n_label)`, ascending in the first label.
    rows: Array2<f64>,
    /// The first label of each, `(n_train,)`.
    first: Vec<f64>,
}

impl NearestStar {
    /// Copies `training`, `(n_train, n_label)`, scaled.
    pub fn new(training: ArrayView2<'_, f64>) -> Self {
        let first = |row: usize| training.row(row).first().copied().unwrap_or(f64::NAN);
        let mut order: Vec<usize> = (0..training.nrows()).collect();
        order.sort_by(|&a, &b| first(a).total_cmp(&first(b)));
        Self {
            rows: training.select(Axis(0), &order),
            first: order.into_iter().map(first).collect(),
        }
    }

    /// Euclidean distance of scaled `labels`, `(n_label,)`, from the nearest training star, as [`nearest_neighbor`];
    /// NaN where the training set is empty or a label is NaN.
    pub fn distance(&self, labels: ArrayView1<'_, f64>) -> f64 {
        let Some(&label) = labels.first() else { return f64::NAN };
        let middle = self.first.partition_point(|&first| first < label);
        let mut nearest = f64::INFINITY;
        let (above, below) = (middle..self.first.len(), (0..middle).rev());
        for rows in
            [&mut above.into_iter() as &mut dyn Iterator<Item = usize>, &mut below.into_iter()]
        {
            for row in rows {
                // Where the first label alone is too far, those beyond are farther still.
                if (self.first[row] - label).powi(2) > nearest {
                    break;
                }
                let squared: f64 =
                    self.rows.row(row).iter().zip(labels).map(|(a, b)| (a - b) * (a - b)).sum();
                nearest = nearest.min(squared);
            }
        }
        if nearest.is_finite() { nearest.sqrt() } else { f64::NAN }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn scaled_labels_have_mean_zero_and_population_variance_one() {
        let labels = array![[3000.0, -0.5], [3500.0, 0.0], [4300.0, 0.3], [3600.0, -0.1]];
        let scaler = LabelScaler::fit(labels.view()).unwrap();
        let scaled = scaler.transform(labels.view());
        for column in scaled.columns() {
            assert!(column.sum().abs() < 1e-12);
            assert!((column.mapv(|v| v * v).sum() / 4.0 - 1.0).abs() < 1e-12);
        }
        for (row, original) in scaled.outer_iter().zip(labels.outer_iter()) {
            let back = scaler.inverse_row(row);
            assert!(back.iter().zip(original).all(|(a, b)| (a - b).abs() < 1e-9));
        }
    }

    #[test]
    fn a_constant_label_keeps_scale_one_and_is_flagged() {
        let scaler =
            LabelScaler::fit(array![[3000.1, 4.9], [3500.0, 4.9], [3600.0, 4.9]].view()).unwrap();
        assert_eq!(scaler.constant, vec![false, true]);
        assert_eq!(scaler.scale[1], 1.0);
    }

    #[test]
    fn missing_labels_are_refused_with_their_place() {
        let error = LabelScaler::fit(array![[1.0, 2.0], [1.0, f64::NAN]].view()).unwrap_err();
        assert!(matches!(error, LabelError::NotFinite { row: 1, column: 1, .. }));
        assert_eq!(LabelScaler::fit(Array2::zeros((0, 3)).view()).unwrap_err(), LabelError::Empty);
    }

    #[test]
    fn flux_scaler_ignores_masked_stars() {
        let flux = array![1.0, f64::NAN, 3.0, 1e9];
        let scaler = FluxScaler::fit(flux.view(), &[true, false, true, false]).unwrap();
        assert_eq!((scaler.mean, scaler.scale, scaler.n_used), (2.0, 1.0, 2));
        assert_eq!(scaler.inverse(scaler.transform(2.7)), 2.7);
        assert!(FluxScaler::fit(flux.view(), &[false; 4]).is_none());
        assert!(FluxScaler::fit(array![0.9, 0.9, 0.9].view(), &[true; 3]).unwrap().constant);
    }

    #[test]
    fn box_holds_its_own_stars_and_margin_widens_it() {
        let labels = array![[0.0, 1.0], [2.0, -1.0]];
        let hull = LabelBox::of(labels.view()).unwrap();
        assert!(hull.contains(array![0.0, -1.0].view()));
        assert!(!hull.contains(array![2.1, 0.0].view()));
        assert!(hull.widened(0.2).contains(array![2.1, 0.0].view()));
        assert!(!hull.contains(array![f64::NAN, 0.0].view()));
    }

    #[test]
    fn nearest_neighbor_is_zero_at_a_training_star() {
        let labels = array![[0.0, 1.0], [2.0, -1.0], [2.0, -1.0]];
        assert_eq!(nearest_neighbor(labels.view(), array![2.0, -1.0].view()), Some((1, 0.0)));
        assert_eq!(nearest_neighbor(labels.view(), array![0.0, 4.0].view()), Some((0, 3.0)));
        assert_eq!(nearest_neighbor(labels.view(), array![f64::NAN, 0.0].view()), None);
        let nearest = NearestStar::new(labels.view());
        assert_eq!(nearest.distance(array![0.0, 4.0].view()), 3.0);
        assert!(nearest.distance(array![f64::NAN, 0.0].view()).is_nan());
        assert!(nearest.distance(array![0.0, f64::NAN].view()).is_nan());
    }

    #[test]
    fn nearest_star_is_the_nearest_neighbor() {
        let next = |i: usize| (i as f64 * 0.618).fract();
        let labels = Array2::from_shape_fn((300, 3), |(i, l)| next(3 * i + l));
        let nearest = NearestStar::new(labels.view());
        for i in 0..50 {
            let at = Array1::from_shape_fn(3, |l| 1.4 * next(7 * i + 2 * l) - 0.2);
            let expected = nearest_neighbor(labels.view(), at.view()).unwrap().1;
            assert_eq!(nearest.distance(at.view()), expected);
        }
    }
}
