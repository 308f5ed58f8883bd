//! One label: its laws, and how well each covers.

use super::super::laws::{LabelLaw, Source};
use crate::engine::stage::StageError;
use crate::science::calibration::{
    Basis, Fitted, Form, HeldOut, Law, Match, calibrate, cross_fitted,
};
use crate::science::statistics::{Fraction, SIGMAS_OF_95, coverage, median, rms};

/// Sources that are fitted to held-out labels.
const FITTED: [(Source, Basis); 3] = [
    (Source::CvCurve, Basis::Snr),
    (Source::CvPowerLaw, Basis::PowerLaw),
    (Source::Calibrated, Basis::Formal),
];

/// A label's held-out residuals.
pub struct Label {
    pub name: String,
    pub unit: String,
    pub held_out: HeldOut,
}

/// How laws are fitted.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    pub form: Form,
    pub matching: Match,
    pub folds: usize,
    pub seed: u64,
    /// Lower edges of the bins of signal-to-noise ratio.
    pub edges: &'a [f64],
}

/// How well a source covers in one bin.
pub struct Covered {
    pub label: String,
    pub unit: String,
    pub source: Source,
    /// Ratios of the bin.
    pub bin: [f64; 2],
    pub n: usize,
    pub n_star: usize,
    pub one_sigma: Option<Fraction>,
    pub ninety_five: Option<Fraction>,
    /// Root mean square of residual over error.
    pub pull_rms: Option<f64>,
    /// Median error, unit of the label.
    pub sigma: Option<f64>,
}

/// Bins of these lower edges, the last one open.
pub fn bins(edges: &[f64]) -> impl Iterator<Item = [f64; 2]> + '_ {
    let upper = edges.iter().skip(1).copied().chain([f64::INFINITY]);
    edges.iter().copied().zip(upper).map(|(low, high)| [low, high])
}

impl Label {
    /// Laws of all sources, and the coverage of each by the laws of other stars.
    ///
    /// # Errors
    /// Columns of different length; too few stars are no error but a law that is none.
    pub fn calibrate(&self, how: Setting<'_>) -> Result<(Vec<LabelLaw>, Vec<Covered>), StageError> {
        self.held_out.check()?;
        let mut covered = self.coverage(Source::Covariance, &self.held_out.formal, how.edges);
        let mut laws = Vec::new();
        for (source, basis) in FITTED {
            let fit = |rows: &HeldOut| calibrate(rows, basis, how.form, how.matching);
            let fitted = fit(&self.held_out).map_err(|why| why.to_string());
            // Where a fold leaves too few stars for a law there is no coverage to tell.
            if let Ok(sigma) = cross_fitted(&self.held_out, how.folds, how.seed, fit) {
                covered.extend(self.coverage(source, &sigma, how.edges));
            }
            laws.push(LabelLaw { label: self.name.clone(), source, fitted });
        }
        Ok((laws, covered))
    }

    /// Coverage by `sigma`, `(n,)`, of all rows and in each bin that has any.
    fn coverage(&self, source: Source, sigma: &[f64], edges: &[f64]) -> Vec<Covered> {
        let all = [f64::NEG_INFINITY, f64::INFINITY];
        std::iter::once(all)
            .chain(bins(edges))
            .filter_map(|bin| self.coverage_in(source, sigma, bin))
            .collect()
    }

    fn coverage_in(&self, source: Source, sigma: &[f64], bin: [f64; 2]) -> Option<Covered> {
        let whole = bin[0] == f64::NEG_INFINITY;
        let rows = self.rows(|row| {
            let snr = self.held_out.snr[row];
            sigma[row] > 0.0 && (whole || snr >= bin[0] && snr < bin[1])
        });
        let pulls: Vec<f64> =
            rows.iter().map(|&row| self.held_out.residual[row] / sigma[row]).collect();
        let errors: Vec<f64> = rows.iter().map(|&row| sigma[row]).collect();
        let n_star = self.n_star(&rows);
        (!rows.is_empty()).then(|| Covered {
            label: self.name.clone(),
            unit: self.unit.clone(),
            source,
            bin,
            n: rows.len(),
            n_star,
            one_sigma: coverage(&pulls, 1.0, n_star),
            ninety_five: coverage(&pulls, SIGMAS_OF_95, n_star),
            pull_rms: rms(&pulls),
            sigma: median(&errors),
        })
    }

    /// Rows with a residual for which `keep` holds.
    pub fn rows(&self, keep: impl Fn(usize) -> bool) -> Vec<usize> {
        let residual = &self.held_out.residual;
        (0..residual.len()).filter(|&row| residual[row].is_finite() && keep(row)).collect()
    }

    /// Distinct stars of some rows.
    pub fn n_star(&self, rows: &[usize]) -> usize {
        let stars: std::collections::BTreeSet<i64> =
            rows.iter().map(|&row| self.held_out.star[row]).collect();
        stars.len()
    }
}

/// The law of printed errors.
pub fn printed_law(label: &str, law: Option<Law>, snr: &[f64], errors: &[f64]) -> LabelLaw {
    let used: Vec<f64> =
        snr.iter().zip(errors).filter(|(s, e)| **s > 0.0 && **e > 0.0).map(|(s, _)| *s).collect();
    let fitted = law.map(|law| Fitted {
        law,
        n: used.len(),
        // Printed errors have no scatter: each is worth a star's.
        n_star: used.len(),
        snr_range: [
            used.iter().copied().fold(f64::NAN, f64::min),
            used.iter().copied().fold(f64::NAN, f64::max),
        ],
    });
    let fitted = fitted.ok_or_else(|| "fewer than 3 printed errors".to_owned());
    LabelLaw { label: label.to_owned(), source: Source::Table4Fit, fitted }
}
