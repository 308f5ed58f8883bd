//! Score labels: bias, scatter and coverage of the errors of inferred labels against the truth of a simulated survey.
//!
//! | port (whole) | reads |
//! |---|---|
//! | `rows` | id, signal-to-noise ratio; inferred labels and their errors |
//! | `stars` | the truth about stars |
//! | `spectra` (follows `stars`) | whose spectrum is whose |
//! | `replicas` (optional) | labels of the same spectra by the models of `cross_validate`'s folds |
//!
//! Output `scores`: a row a label, sample and bin of signal-to-noise ratio, true Teff and true [M/H]. Sample `clean`
//! is single M dwarfs without a planted fault, `all` is all of them. Intervals are bootstraps by star, those of the
//! coverage Wilson's for as many trials as stars. Those are of the stars that are scored under one model; with
//! `replicas` the intervals of labels that name their `replica` are of the training set, too: wider by the delete-group
//! jackknife over the folds, and absent where a bin has no star in `replicas`.

mod replicas;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::replicas::{Replica, Replicas};
use super::columns::{f64s, ids, optional_f64_array, text_array, u64_array};
use super::truth::{Spectrum, Truth, truth_ports};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Job, Need, NewColumn, Output, Port, Product, Schemas, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, F64, I32, I64, Type, U64};
use crate::science::statistics::{
    Bootstrap, Interval, Replicated, SIGMAS_OF_95, Summary, SummaryIntervals, Units, coverage,
    summarize, summary_intervals,
};

/// The registry's entry.
pub const STAGE: StageDef = StageDef::of::<ScoreLabels>(
    "score_labels",
    5,
    "scores inferred labels against the truth of a simulated survey",
);

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScoreLabels {
    /// What is scored.
    labels: Vec<Label>,
    /// Row id of `rows`.
    #[serde(default = "obsid")]
    id: String,
    #[serde(default = "snri")]
    snr: String,
    /// Lower edges of the bins of signal-to-noise ratio; the last bin is open. So are those below.
    #[serde(default = "snr_edges")]
    snr_edges: Vec<f64>,
    #[serde(default = "teff_edges_k")]
    teff_edges_k: Vec<f64>,
    #[serde(default = "m_h_edges")]
    m_h_edges: Vec<f64>,
    /// Bootstrap resamples.
    #[serde(default = "five_hundred")]
    resamples: usize,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Label {
    /// Name in the result.
    name: String,
    /// Column of the inferred label.
    found: String,
    /// Column of its error.
    error: String,
    /// Column of the truth about the star, on the label's scale where that is known.
    truth: String,
    unit: String,
    /// Its column in `replicas`.
    #[serde(default)]
    replica: Option<String>,
}

fn obsid() -> String {
    "obsid".into()
}

fn snri() -> String {
    "snri".into()
}

fn snr_edges() -> Vec<f64> {
    vec![5.0, 10.0, 20.0, 30.0, 50.0, 70.0, 100.0, 150.0]
}

fn teff_edges_k() -> Vec<f64> {
    vec![2600.0, 3000.0, 3200.0, 3400.0, 3600.0, 3800.0, 4000.0]
}

fn m_h_edges() -> Vec<f64> {
    vec![-2.5, -1.0, -0.5, -0.25, 0.0, 0.25]
}

fn five_hundred() -> usize {
    500
}

/// A residual and what it is binned by.
struct Row {
    star: i64,
    clean: bool,
    residual: f64,
    error: f64,
    /// Signal-to-noise ratio, true Teff, true [M/H].
    by: [f64; 3],
    /// By the model of each fold; nothing where the spectrum is not among the replicas.
    replicas: Vec<f64>,
}

/// Errors within which truth should lie 68 and 95 times of 100.
const LIMITS: [f64; 2] = [1.0, SIGMAS_OF_95];

const BY: [&str; 3] = ["snr", "teff", "m_h"];

/// A row of the result.
struct Score {
    name: String,
    unit: String,
    sample: &'static str,
    by: &'static str,
    range: (f64, f64),
    n_star: usize,
    summary: Summary,
    intervals: SummaryIntervals,
    /// Shares within [`LIMITS`].
    within: [Option<f64>; 2],
    within_intervals: [Option<Interval>; 2],
}

impl Stage for ScoreLabels {
    fn ports(&self) -> Vec<Port> {
        let mut rows = vec![Need::of(&self.id, I64), Need::any(&self.snr)];
        let mut truths: Vec<&str> = vec!["teff", "m_h"];
        for label in &self.labels {
            rows.push(Need::in_unit(&label.found, &label.unit));
            rows.push(Need::in_unit(&label.error, &label.unit));
            truths.push(&label.truth);
        }
        let mut ports = vec![Port::whole("rows", rows)];
        ports.extend(truth_ports(&truths));
        let mut replicas = vec![Need::of("fold", I32), Need::of(&self.id, I64)];
        for label in &self.labels {
            replicas.extend(label.replica.iter().map(|column| Need::in_unit(column, &label.unit)));
        }
        ports.push(Port::whole("replicas", replicas).optional());
        ports
    }

    fn outputs(&self, _inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        if self.labels.is_empty() {
            return Err(StageError::new("`labels` is empty: name what is scored"));
        }
        Ok(vec![Output::table("scores", columns())])
    }

    fn seed_purpose(&self) -> Option<&str> {
        Some("score")
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let truth = Truth::read(job)?;
        let bootstrap = Bootstrap { n_resample: self.resamples, seed: job.seed()? };
        let mut scores = Vec::new();
        for label in &self.labels {
            let rows = self.rows(job, &truth, label)?;
            let n_fold = rows.iter().map(|row| row.replicas.len()).max().unwrap_or(0);
            let scorer = Scorer { stage: self, label, n_fold, bootstrap: &bootstrap };
            for (sample, clean) in [("clean", true), ("all", false)] {
                let rows: Vec<&Row> = rows.iter().filter(|row| row.clean || !clean).collect();
                scores.extend(scorer.bins(sample, &rows));
            }
        }
        Ok(vec![Product::new("scores", arrays(&scores))])
    }
}

impl ScoreLabels {
    fn rows(&self, job: &Job, truth: &Truth, label: &Label) -> Result<Vec<Row>, StageError> {
        let ids = ids(job, "rows", &self.id)?;
        let snr = f64s(job, "rows", &self.snr)?;
        let (found, error) = (f64s(job, "rows", &label.found)?, f64s(job, "rows", &label.error)?);
        let star = |column: &str| f64s(job, "stars", column);
        let (true_label, teff, m_h) = (star(&label.truth)?, star("teff")?, star("m_h")?);
        let replicas = match &label.replica {
            Some(column) => Replicas::read(job, &self.id, column)?,
            None => None,
        };
        let row = |(row, id): (usize, &i64)| {
            let spectrum: &Spectrum = truth.spectra.get(id)?;
            let residual = found[row] - true_label[spectrum.star];
            let replicas = replicas.as_ref().map_or_else(Vec::new, |replicas| {
                replicas.of(*id).iter().map(|label| label - true_label[spectrum.star]).collect()
            });
            residual.is_finite().then(|| Row {
                replicas,
                star: spectrum.star_id,
                clean: truth.is_clean(spectrum),
                residual,
                error: error[row],
                by: [snr[row], teff[spectrum.star], m_h[spectrum.star]],
            })
        };
        Ok(ids.iter().enumerate().filter_map(row).collect())
    }
}

/// Scores one label.
struct Scorer<'a> {
    stage: &'a ScoreLabels,
    label: &'a Label,
    /// Models of the replicas.
    n_fold: usize,
    bootstrap: &'a Bootstrap,
}

impl Scorer<'_> {
    fn bins(&self, sample: &'static str, rows: &[&Row]) -> Vec<Score> {
        let mut scores = vec![self.score(sample, "", (f64::NAN, f64::NAN), rows)];
        let stage = self.stage;
        let edges = [&stage.snr_edges, &stage.teff_edges_k, &stage.m_h_edges];
        for (by, edges) in edges.into_iter().enumerate() {
            for (bin, low) in edges.iter().enumerate() {
                let high = edges.get(bin + 1).copied().unwrap_or(f64::INFINITY);
                let inside = |row: &&&Row| (*low..high).contains(&row.by[by]);
                let rows: Vec<&Row> = rows.iter().filter(inside).copied().collect();
                scores.push(self.score(sample, BY[by], (*low, high), &rows));
            }
        }
        scores
    }

    fn score(
        &self,
        sample: &'static str,
        by: &'static str,
        range: (f64, f64),
        rows: &[&Row],
    ) -> Score {
        let residuals: Vec<f64> = rows.iter().map(|row| row.residual).collect();
        let stars: Vec<i64> = rows.iter().map(|row| row.star).collect();
        let units = Units::grouped(&stars);
        let pulls: Vec<f64> = rows.iter().map(|row| row.residual / row.error).collect();
        let within = LIMITS.map(|limit| coverage(&pulls, limit, units.n_unit()));
        let mut score = Score {
            name: self.label.name.clone(),
            unit: self.label.unit.clone(),
            sample,
            by,
            range,
            n_star: units.n_unit(),
            summary: summarize(&residuals),
            intervals: summary_intervals(&residuals, &units, self.bootstrap),
            within: within.map(|share| share.map(|share| share.value)),
            within_intervals: within.map(|share| share.map(|share| share.interval)),
        };
        if self.n_fold > 0 {
            let replicas: Vec<Replica> =
                (0..self.n_fold).map(|fold| replicas::score(rows, fold)).collect();
            score.heed(&replicas);
        }
        score
    }
}

impl Score {
    /// Widens the intervals by what the training set does to each number.
    fn heed(&mut self, replicas: &[Replica]) {
        let widened = |value: Option<f64>, interval, of: fn(&Replica) -> Option<f64>| {
            let values: Vec<Option<f64>> = replicas.iter().map(of).collect();
            Some(Replicated::of(&values)?.widened(value?, interval?))
        };
        let positive = |interval: Option<Interval>| {
            interval.map(|interval| Interval { low: interval.low.max(0.0), ..interval })
        };
        let (summary, old) = (&self.summary, self.intervals);
        self.intervals = SummaryIntervals {
            mean: widened(summary.mean, old.mean, |r| r.summary.mean),
            median: widened(summary.median, old.median, |r| r.summary.median),
            sd: positive(widened(summary.sd, old.sd, |r| r.summary.sd)),
            rms: positive(widened(summary.rms, old.rms, |r| r.summary.rms)),
            robust_sigma: positive(widened(summary.robust_sigma, old.robust_sigma, |r| {
                r.summary.robust_sigma
            })),
        };
        let shares: [fn(&Replica) -> Option<f64>; 2] = [|r| r.within[0], |r| r.within[1]];
        for (limit, of) in shares.into_iter().enumerate() {
            let wide = widened(self.within[limit], self.within_intervals[limit], of);
            self.within_intervals[limit] =
                wide.map(|wide| Interval { low: wide.low.max(0.0), high: wide.high.min(1.0) });
        }
    }
}

/// A column of numbers: name, meaning, value.
type Figure = (&'static str, &'static str, fn(&Score) -> Option<f64>);

fn low(interval: Option<Interval>) -> Option<f64> {
    interval.map(|interval| interval.low)
}

fn high(interval: Option<Interval>) -> Option<f64> {
    interval.map(|interval| interval.high)
}

const FIGURES: [Figure; 20] = [
    ("low", "lower edge of the bin", |s| Some(s.range.0)),
    ("high", "upper edge of the bin", |s| Some(s.range.1)),
    ("bias", "mean of inferred less true (eq. 4)", |s| s.summary.mean),
    ("bias_low", "lower end of its 95 % interval", |s| low(s.intervals.mean)),
    ("bias_high", "upper end", |s| high(s.intervals.mean)),
    ("rms", "root mean square about zero", |s| s.summary.rms),
    ("rms_low", "lower end of its 95 % interval", |s| low(s.intervals.rms)),
    ("rms_high", "upper end", |s| high(s.intervals.rms)),
    ("sd", "standard deviation about the mean", |s| s.summary.sd),
    ("sd_low", "lower end of its 95 % interval", |s| low(s.intervals.sd)),
    ("sd_high", "upper end", |s| high(s.intervals.sd)),
    ("robust_sigma", "(P84 - P16) / 2", |s| s.summary.robust_sigma),
    ("robust_sigma_low", "lower end of its 95 % interval", |s| low(s.intervals.robust_sigma)),
    ("robust_sigma_high", "upper end", |s| high(s.intervals.robust_sigma)),
    ("within_1_sigma", "share of residuals within the error", |s| s.within[0]),
    ("within_1_sigma_low", "lower end of its 95 % interval", |s| low(s.within_intervals[0])),
    ("within_1_sigma_high", "upper end", |s| high(s.within_intervals[0])),
    ("within_95", "share of residuals within 1.96 errors", |s| s.within[1]),
    ("within_95_low", "lower end of its 95 % interval", |s| low(s.within_intervals[1])),
    ("within_95_high", "upper end", |s| high(s.within_intervals[1])),
];

fn columns() -> Vec<NewColumn> {
    let text =
        |name: &str, about: &str| NewColumn::new(ColumnMeta::new(name, Type::Text).about(about));
    let mut columns = vec![
        text("label", "what is scored"),
        text("unit", "its unit"),
        text("sample", "clean: single M dwarfs without a planted fault; all"),
        text("by", "what the bin is one of; nothing for all"),
        NewColumn::new(ColumnMeta::new("n", U64).about("spectra")),
        NewColumn::new(ColumnMeta::new("n_star", U64).about("stars")),
    ];
    columns.extend(
        FIGURES
            .iter()
            .map(|(name, about, _)| NewColumn::new(ColumnMeta::new(*name, F64).about(*about))),
    );
    columns
}

fn arrays(scores: &[Score]) -> Vec<arrow::array::ArrayRef> {
    let mut arrays = vec![
        text_array(scores.iter().map(|s| Some(&s.name))),
        text_array(scores.iter().map(|s| Some(&s.unit))),
        text_array(scores.iter().map(|s| Some(s.sample))),
        text_array(scores.iter().map(|s| (!s.by.is_empty()).then_some(s.by))),
        u64_array(scores.iter().map(|s| s.summary.n as u64).collect()),
        u64_array(scores.iter().map(|s| s.n_star as u64).collect()),
    ];
    for (_, _, of) in FIGURES {
        let finite = |score: &Score| of(score).filter(|v| v.is_finite());
        arrays.push(optional_f64_array(scores.iter().map(finite).collect()));
    }
    arrays
}
