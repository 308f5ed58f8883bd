//! The stars of a diagram beside its isochrones, and its outputs as tables.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};

use super::super::columns::{finite_array, optional_f64_array, u64_array};
use super::super::figures::{Unit, report_arrays, units_of};
use crate::science::statistics::{Bootstrap, Interval, Report, Sample, mean};
use crate::science::validation::isochrone::Medians;

/// Stars and what the isochrones say of them, all `(n_star,)`.
pub struct Diagram {
    pub counts: Vec<bool>,
    pub color: Vec<f64>,
    pub magnitude: Vec<f64>,
    pub m_h: Vec<f64>,
    pub isochrone: Vec<f64>,
    pub above: Vec<Option<bool>>,
    pub sequence: Medians,
    pub height: Vec<f64>,
}

/// The figures of the summary beside the report.
pub struct Shares {
    pub n_above: usize,
    pub above: Option<f64>,
    pub above_interval: Option<Interval>,
    /// Metallicity over height.
    pub gradient: Report,
}

impl Diagram {
    /// Magnitude less isochrone, over color.
    pub fn sample(&self, rows: &[usize]) -> Sample {
        Sample {
            value: rows.iter().map(|row| self.magnitude[*row] - self.isochrone[*row]).collect(),
            against: Some(rows.iter().map(|row| self.color[*row]).collect()),
            ..Sample::default()
        }
    }

    /// Rows that count beside the sequence.
    pub fn rows_of_sequence(&self) -> Vec<usize> {
        let known = |row: &usize| {
            self.counts[*row] && self.height[*row].is_finite() && self.m_h[*row].is_finite()
        };
        (0..self.counts.len()).filter(known).collect()
    }

    /// Share above the top track, and the metallicity over height.
    pub fn shares(&self, units: &[Unit], bootstrap: &Bootstrap) -> Shares {
        let beside: Vec<usize> = (0..self.counts.len())
            .filter(|row| self.counts[*row] && self.above[*row].is_some())
            .collect();
        let is_above: Vec<f64> =
            beside.iter().map(|row| f64::from(u8::from(self.above[*row] == Some(true)))).collect();
        let [above_interval] = bootstrap.intervals(&units_of(units, &beside), |drawn| {
            [mean(&drawn.iter().map(|at| is_above[*at]).collect::<Vec<_>>())]
        });
        let rows = self.rows_of_sequence();
        let gradient = Sample {
            value: rows.iter().map(|row| self.m_h[*row]).collect(),
            against: Some(rows.iter().map(|row| self.height[*row]).collect()),
            ..Sample::default()
        };
        Shares {
            n_above: is_above.iter().filter(|above| **above > 0.5).count(),
            above: mean(&is_above),
            above_interval,
            gradient: gradient.report(&units_of(units, &rows), bootstrap),
        }
    }

    /// The new columns of the stars.
    pub fn star_arrays(&self) -> Vec<ArrayRef> {
        let residual = self.magnitude.iter().zip(&self.isochrone).map(|(m, i)| m - i).collect();
        vec![
            finite_array(self.color.clone()),
            finite_array(self.magnitude.clone()),
            finite_array(self.isochrone.clone()),
            finite_array(residual),
            finite_array(self.height.clone()),
            Arc::new(self.above.iter().copied().collect::<BooleanArray>()),
        ]
    }
}

/// Bins as middle, number and median.
pub fn bin_arrays(bins: &Medians) -> Vec<ArrayRef> {
    vec![
        finite_array(bins.middle.clone()),
        u64_array(bins.n.iter().map(|n| *n as u64).collect()),
        finite_array(bins.median.clone()),
    ]
}

/// The summary's only row.
pub fn summary(report: Report, shares: Shares) -> Vec<ArrayRef> {
    let mut columns = report_arrays(&[report]);
    columns.push(u64_array(vec![shares.n_above as u64]));
    let gradient = &shares.gradient;
    let numbers = [
        shares.above,
        shares.above_interval.map(|i| i.low),
        shares.above_interval.map(|i| i.high),
        gradient.spearman,
        gradient.spearman_interval.map(|i| i.low),
        gradient.spearman_interval.map(|i| i.high),
        gradient.trend.map(|t| t.slope),
        gradient.trend.and_then(|t| t.interval).map(|i| i.low),
        gradient.trend.and_then(|t| t.interval).map(|i| i.high),
    ];
    columns.extend(numbers.map(|number| optional_f64_array(vec![number])));
    columns
}
