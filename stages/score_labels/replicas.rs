//! Scores under the models of a cross-validation's folds.

use std::collections::BTreeMap;

use super::super::columns::{f64s, ids};
use super::{LIMITS, Row};
use crate::engine::stage::{Job, StageError};
use crate::science::statistics::{Summary, coverage, summarize};

/// A label of the spectra of the sample by the models of all folds.
pub struct Replicas {
    /// By spectrum; NaN where a fit did not converge.
    of_id: BTreeMap<i64, Vec<f64>>,
}

impl Replicas {
    /// Reads `column` of the port `replicas`, if it is bound.
    ///
    /// # Errors
    /// A negative fold.
    pub fn read(job: &Job, id: &str, column: &str) -> Result<Option<Self>, StageError> {
        if job.optional("replicas").is_none() {
            return Ok(None);
        }
        let labels = f64s(job, "replicas", column)?;
        let spectra = ids(job, "replicas", id)?;
        let folds: Vec<usize> = ids(job, "replicas", "fold")?
            .into_iter()
            .map(|fold| {
                usize::try_from(fold).map_err(|_| {
                    StageError::new(format!("`fold` of `replicas` is {fold}; folds count from 0"))
                })
            })
            .collect::<Result<_, _>>()?;
        let n_fold = folds.iter().max().map_or(0, |fold| fold + 1);
        let mut of_id: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
        for ((fold, id), label) in folds.into_iter().zip(spectra).zip(labels) {
            of_id.entry(id).or_insert_with(|| vec![f64::NAN; n_fold])[fold] = label;
        }
        Ok(Some(Self { of_id }))
    }

    /// The labels of a spectrum by fold, nothing if it is not in the sample.
    pub fn of(&self, id: i64) -> &[f64] {
        self.of_id.get(&id).map_or(&[], Vec::as_slice)
    }
}

/// Numbers of a score under one model.
pub struct Replica {
    pub summary: Summary,
    /// Within one error, and within 95 %.
    pub within: [Option<f64>; 2],
}

/// The score of those of `rows` that the model without `fold` labeled, by their adopted errors.
pub fn score(rows: &[&Row], fold: usize) -> Replica {
    let labeled = rows.iter().filter_map(|row| Some((*row.replicas.get(fold)?, row.error)));
    let labeled: Vec<(f64, f64)> = labeled.filter(|(residual, _)| residual.is_finite()).collect();
    let residuals: Vec<f64> = labeled.iter().map(|(residual, _)| *residual).collect();
    let pulls: Vec<f64> = labeled.iter().map(|(residual, error)| residual / error).collect();
    let share = |limit| coverage(&pulls, limit, pulls.len()).map(|fraction| fraction.value);
    Replica { summary: summarize(&residuals), within: LIMITS.map(share) }
}

#[cfg(test)]
mod tests {
    use super::super::{Label, Score, ScoreLabels, Scorer};
    use super::*;
    use crate::science::statistics::Bootstrap;

    const N_FOLD: usize = 10;

    /// Stars with an error of 1; a model errs by `shift(fold)` beside what it does to the star.
    fn rows(n: usize, replicated: usize, shift: impl Fn(usize) -> f64) -> Vec<Row> {
        let row = |i: usize| {
            let residual = (i as f64 * 0.618).fract() - 0.5;
            let replicas = (0..N_FOLD).map(|fold| residual + shift(fold)).collect();
            Row {
                star: i as i64,
                clean: true,
                residual,
                error: 1.0,
                by: [f64::NAN; 3],
                replicas: if i < replicated { replicas } else { Vec::new() },
            }
        };
        (0..n).map(row).collect()
    }

    fn score_of(rows: &[Row], n_fold: usize) -> Score {
        let label = r#"{"name": "x", "found": "x", "error": "e", "truth": "t", "unit": "K"}"#;
        let label: Label = serde_json::from_str(label).unwrap();
        let stage: ScoreLabels = serde_json::from_str(r#"{"labels": []}"#).unwrap();
        let bootstrap = Bootstrap { n_resample: 400, seed: 1 };
        let scorer = Scorer { stage: &stage, label: &label, n_fold, bootstrap: &bootstrap };
        let rows: Vec<&Row> = rows.iter().collect();
        scorer.score("clean", "", (f64::NAN, f64::NAN), &rows)
    }

    fn scored(rows: &[Row]) -> [(f64, f64); 3] {
        let n_fold = rows.iter().map(|row| row.replicas.len()).max().unwrap_or(0);
        let score = score_of(rows, n_fold);
        let within = score.within_intervals[0].unwrap();
        [score.intervals.mean.unwrap(), score.intervals.sd.unwrap(), within]
            .map(|interval| (interval.low, interval.high))
    }

    #[test]
    fn intervals_are_longer_by_what_the_training_set_does() {
        let [mean, sd, within] = scored(&rows(400, 0, |_| 0.0));
        // A model that only shifts all labels alike: the bias is less sure, the scatter is not.
        let shift = |fold: usize| if fold.is_multiple_of(2) { 0.1 } else { -0.1 };
        let [shifted_mean, shifted_sd, shifted_within] = scored(&rows(400, 100, shift));
        let half = 2.262 * (0.9 * 10.0 * 0.01_f64).sqrt();
        let expected = (0.5 * (mean.1 - mean.0)).hypot(half);
        let found = 0.5 * (shifted_mean.1 - shifted_mean.0);
        assert!((found - expected).abs() < 0.01, "{found} {expected}");
        assert!((shifted_sd.0 - sd.0).abs() < 1e-9 && (shifted_sd.1 - sd.1).abs() < 1e-9);
        assert_eq!(shifted_within, within);
        // Shares stay shares.
        let [.., far] = scored(&rows(400, 400, |fold| if fold == 3 { 5.0 } else { 0.0 }));
        assert!(far.0 < within.0 && far.1 == 1.0, "{far:?} {within:?}");
        // And a scatter is never below nothing.
        let mut apart = rows(400, 400, |_| 0.0);
        apart.iter_mut().for_each(|row| row.replicas[3] *= 9.0);
        let [_, scatter, _] = scored(&apart);
        assert!(scatter.0 == 0.0 && scatter.1 > sd.1, "{scatter:?}");
    }

    #[test]
    fn a_fit_that_did_not_converge_is_left_out_and_a_bin_without_replicas_is_not_sure() {
        let mut some = rows(40, 20, |fold| fold as f64);
        some[0].replicas[2] = f64::NAN;
        let of = |rows: &[Row], fold| score(&rows.iter().collect::<Vec<_>>(), fold);
        assert_eq!(of(&some, 2).summary.n, 19);
        assert_eq!(of(&some, 3).summary.n, 20);
        assert_eq!(of(&some, 3).within, [Some(0.0), Some(0.0)]);
        assert_eq!(of(&some[20..], 3).summary.mean, None);
        let unsure = score_of(&some[20..], N_FOLD);
        assert_eq!(unsure.within, [Some(1.0); 2], "what is known stays");
        assert!(unsure.intervals.mean.is_none() && unsure.within_intervals == [None; 2]);
    }
}
