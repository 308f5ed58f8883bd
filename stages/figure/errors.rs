//! Diagnostics of errors: coverage, precision, and what disturbances do.

use super::Figure;
use super::data::{Data, Read};
use crate::engine::stage::StageError;
use crate::report::figures::{
    CoverageFigure, Disturbance, PrecisionFigure, PrecisionLabel, PrecisionSeries, Pulls,
    SensitivityFigure, coverage as draw_coverage, precision as draw_precision,
    sensitivity as draw_sensitivity,
};
use crate::report::{Figure as Drawing, Measured, Panel};
use crate::science::calibration::Law;
use crate::stages::laws::{Source, read_laws};

/// Ports and columns of the coverage.
pub const COVERAGE: &[Read] = &[
    (
        "held_out",
        &["snri", "Teff_true", "Teff_cv", "Teff_cv_err", "M_H_true", "M_H_cv", "M_H_cv_err"],
    ),
    (
        "laws",
        &[
            "label", "source", "law", "knots", "values", "n", "n_star", "snr_low", "snr_high",
            "why_not",
        ],
    ),
    (
        "coverage",
        &[
            "label",
            "source",
            "snr_lo",
            "within_1s",
            "within_1s_lo",
            "within_1s_hi",
            "within_95",
            "within_95_lo",
            "within_95_hi",
        ],
    ),
];
/// Ports and columns of the precision.
pub const PRECISION: &[Read] = &[
    ("curve", &["label", "snr", "rms", "rms_lo", "rms_hi", "cv_curve"]),
    ("repeats", &["label", "bin", "snr_low", "snr_high", "sd", "sd_lo", "sd_hi"]),
];
/// Ports and columns of injection and recovery.
pub const SENSITIVITY: &[Read] = &[("recovery", super::data::STATISTICS)];

/// Source of the errors of the catalog.
const ADOPTED: Source = Source::CvCurve;
/// Shares of a Gaussian within 1 sigma, and within 1.96.
const NOMINAL: [f64; 2] = [0.683, 0.95];

/// Labels, and what they are called.
const LABELS: [(&str, &str); 2] = [("Teff", "T_{eff}"), ("M_H", "[M/H]")];

/// Draws the coverage.
pub fn coverage(spec: &Figure, data: &Data<'_>, _: u64) -> Result<Drawing, StageError> {
    let mut owned = Vec::new();
    for (label, shown) in LABELS {
        let name = spec.name_of(label);
        owned.push((shown, pulls(data, label, name)?, shares(data, name)?));
    }
    let labels = owned.iter().map(|(shown, pulls, found)| {
        if data.table("held_out").is_none() {
            return Panel::missing("No label was held out: there is no training set.");
        }
        let nominal = if found.is_empty() { &[][..] } else { &NOMINAL[..] };
        Panel::Data(Pulls { label: (*shown).to_owned(), nominal, found, pulls })
    });
    let figure = CoverageFigure { labels: labels.collect() };
    Ok(draw_coverage(&figure, spec.origin()))
}

/// Held-out less true labels over the adopted errors.
fn pulls(data: &Data<'_>, label: &str, name: &str) -> Result<Vec<f64>, StageError> {
    let laws = data.table("laws").map(read_laws).transpose()?.unwrap_or_default();
    let law = laws.iter().find(|law| law.source == ADOPTED && law.label == name);
    let law: Option<&Law> = law.and_then(|law| law.fitted.as_ref().ok()).map(|fitted| &fitted.law);
    let of = |end: &str| data.numbers("held_out", &format!("{label}{end}"));
    let (truth, found, formal) = (of("_true")?, of("_cv")?, of("_cv_err")?);
    let snr = data.numbers("held_out", "snri")?;
    let pull = |row: usize| {
        let sigma = law.map_or(f64::NAN, |law| law.sigma(snr[row], formal[row]));
        (found[row] - truth[row]) / sigma
    };
    Ok((0..truth.len()).map(pull).collect())
}

/// Shares found within 1 and 1.96 sigma, of all spectra together.
fn shares(data: &Data<'_>, label: &str) -> Result<Vec<Measured>, StageError> {
    let edges = data.numbers("coverage", "snr_lo")?;
    let rows = data.rows("coverage", &[("label", label), ("source", ADOPTED.name())])?;
    let Some(row) = rows.into_iter().find(|row| edges[*row].is_nan()) else {
        return Ok(Vec::new());
    };
    let one = data.with_intervals("coverage", "within_1s")?[row];
    let two = data.with_intervals("coverage", "within_95")?[row];
    Ok(vec![one, two])
}

/// What a label's series borrow.
struct Ways {
    label: &'static str,
    held_out: (Vec<f64>, Vec<Measured>),
    repeats: (Vec<f64>, Vec<Measured>),
    adopted: (Vec<f64>, Vec<f64>),
}

/// Draws the precision.
pub fn precision(spec: &Figure, data: &Data<'_>, _: u64) -> Result<Drawing, StageError> {
    let named = [("Teff", "ap_Teff", "σ(T_{eff}) (K)"), ("M_H", "M_H", "σ([M/H]) (dex)")];
    let ways: Vec<Ways> = named
        .iter()
        .map(|(law, column, label)| ways(data, [spec.name_of(law), column], label))
        .collect::<Result<_, _>>()?;
    let labels = ways.iter().map(|way| {
        let series = [("cross-validation", &way.held_out), ("repeats", &way.repeats)];
        let series = series.into_iter().filter(|(_, (snr, _))| !snr.is_empty());
        Panel::Data(PrecisionLabel {
            label: way.label.to_owned(),
            series: series
                .map(|(name, (snr, sigma))| PrecisionSeries { name: name.to_owned(), snr, sigma })
                .collect(),
            adopted: (&way.adopted.0, &way.adopted.1),
        })
    });
    let figure = PrecisionFigure { labels: labels.collect() };
    Ok(draw_precision(&figure, spec.origin()))
}

fn ways(
    data: &Data<'_>,
    [law, column]: [&str; 2],
    label: &'static str,
) -> Result<Ways, StageError> {
    let rows = data.rows("curve", &[("label", law)])?;
    let (snr, rms) = (data.numbers("curve", "snr")?, data.with_intervals("curve", "rms")?);
    let errors = data.numbers("curve", "cv_curve")?;
    let ratios: Vec<f64> = rows.iter().map(|row| snr[*row]).collect();
    let (low, high) = (data.numbers("repeats", "snr_low")?, data.numbers("repeats", "snr_high")?);
    let (bin, sd) = (data.counts("repeats", "bin")?, data.with_intervals("repeats", "sd")?);
    let mut repeats = (Vec::new(), Vec::new());
    // Bin 0 is all pairs.
    for row in data.rows("repeats", &[("label", column)])?.into_iter().filter(|row| bin[*row] > 0) {
        let upper = if high[row].is_finite() { high[row] } else { 1.5 * low[row] };
        repeats.0.push((low[row] * upper).sqrt());
        repeats.1.push(sd[row]);
    }
    Ok(Ways {
        label,
        held_out: (ratios.clone(), rows.iter().map(|row| rms[*row]).collect()),
        repeats,
        adopted: (ratios, rows.iter().map(|row| errors[*row]).collect()),
    })
}

/// Draws injection and recovery: of its samples those of all injected spectra of a disturbance.
pub fn sensitivity(spec: &Figure, data: &Data<'_>, _: u64) -> Result<Drawing, StageError> {
    let labels = data.texts("recovery", "label")?;
    let mut rows = Vec::new();
    for label in &labels {
        let Some(name) = label.strip_prefix("Teff: ").filter(|name| !name.contains(',')) else {
            continue;
        };
        // Each label has a row a population.
        if rows.iter().any(|row: &Disturbance| row.name == name) {
            continue;
        }
        let of = |label: &str| -> Result<Measured, StageError> {
            let mean = data.statistic("recovery", Some(label), "mean")?;
            Ok(mean.unwrap_or(Measured::bare(f64::NAN)))
        };
        rows.push(Disturbance {
            name: name.to_owned(),
            teff: of(label)?,
            m_h: of(&format!("M_H: {name}"))?,
        });
    }
    Ok(draw_sensitivity(&SensitivityFigure { rows: &rows }, spec.origin()))
}
