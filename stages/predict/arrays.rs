//! The columns of a prediction from its label fits.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};

use super::super::columns::{bool_array, finite_array, text_array, u32_array};
use super::{Fit, NO_SPECTRUM};
use crate::science::slam::{FitStatus, LabelFit};

/// A fit whose labels are published.
pub(super) fn held(fit: &Fit) -> Option<&LabelFit> {
    fit.as_ref().filter(|fit| fit.status == FitStatus::Converged)
}

/// Pairs of labels, the first below the second.
pub(super) fn pairs(n_label: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..n_label).flat_map(move |a| (a + 1..n_label).map(move |b| (a, b)))
}

/// The new columns of all rows.
pub(super) fn arrays(fits: &[Fit], n_label: usize, training_ids: &[i64]) -> Vec<ArrayRef> {
    let number = |of: &dyn Fn(&LabelFit) -> f64| {
        finite_array(fits.iter().map(|fit| held(fit).map_or(f64::NAN, of)).collect())
    };
    let count = |of: &dyn Fn(&LabelFit) -> u32| {
        u32_array(fits.iter().map(|fit| fit.as_ref().map_or(0, of)).collect())
    };
    let bits = |of: &dyn Fn(&LabelFit) -> u32| {
        u32_array(fits.iter().map(|fit| held(fit).map_or(0, of)).collect())
    };
    let mut arrays: Vec<ArrayRef> =
        (0..n_label).map(|l| number(&move |fit| fit.labels[l])).collect();
    arrays.extend((0..n_label).map(|l| number(&move |fit| fit.formal_errors[l])));
    arrays.extend(pairs(n_label).map(|(a, b)| number(&move |fit| fit.correlations[[a, b]])));
    let status = |fit: &Fit| Some(fit.as_ref().map_or(NO_SPECTRUM, |fit| fit.status.name()));
    let start = |fit: &Fit| training_ids.get(fit.as_ref()?.start_index?).copied();
    arrays.extend([
        number(&|fit| fit.chi2),
        number(&|fit| fit.reduced_chi2),
        number(&|fit| fit.chi2_intrinsic),
        number(&|fit| fit.reduced_chi2_intrinsic),
        count(&|fit| fit.n_pix_used as u32),
        text_array(fits.iter().map(status)),
        count(&|fit| fit.n_evaluations as u32),
        number(&|fit| fit.hull_distance),
        number(&|fit| fit.outside_hull),
        bool_array(fits.iter().map(|fit| held(fit).is_some_and(|fit| fit.in_hull)).collect()),
        number(&|fit| fit.compression_shift),
        bool_array(fits.iter().map(|fit| held(fit).is_some_and(|fit| fit.inside_box)).collect()),
        bits(&|fit| fit.at_bound),
        bits(&|fit| fit.fixed),
        Arc::new(fits.iter().map(start).collect::<Int64Array>()),
    ]);
    arrays
}
