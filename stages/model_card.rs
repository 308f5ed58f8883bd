//! Model card (§2.2, §3.2, §4.1): what a SLAM model was trained with, what it chose, how it does, where it ends.
//!
//! | port | reads |
//! |---|---|
//! | `model` (whole) | wavelength, hyper-parameters and errors of each pixel |
//! | `training` (whole, by default that of `model`) | ids and labels |
//! | `scores` (whole, optional) | labels that training had not seen against true ones, as `compare` or `cross_validate` summarizes them |
//!
//! Output `files`: NAME.md and NAME.json, the same for people and for the page. What the numbers mean is said beside
//! them; what data they come from, and what the model must not be used for, are parameters.

use std::collections::BTreeMap;

use arrow::array::{AsArray, RecordBatch};
use ndarray::{Array2, Axis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::f64s_of;
use super::simulated::{files_output, files_product};
use super::support::{columns_of, training_port};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{Job, Need, Output, Port, Product, Schemas, Stage, StageError};
use crate::engine::types::ColumnMeta;
use crate::report::cards::{CardPart, ModelCard as Card};
use crate::report::tables::{Cell, Column, Kind, Table};
use crate::science::hull::ConvexHull;
use crate::science::statistics::quantile;

/// The registry's entry.
pub const STAGE: StageDef = StageDef::of::<ModelCard>(
    "model_card",
    1,
    "describes a model: training, choices, errors, limits",
);

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelCard {
    /// Name of the model.
    name: String,
    /// One line.
    title: String,
    /// What it is for, a sentence or two.
    purpose: String,
    /// What data it is from, sentences.
    #[serde(default)]
    data: Vec<String>,
    /// What it must not be used for, sentences.
    #[serde(default)]
    limits: Vec<String>,
}

const NUMBERS: [&str; 9] = [
    "wave_angstrom",
    "C",
    "gamma",
    "epsilon",
    "flux_scale",
    "cv_mse",
    "train_mse",
    "mean_scaled_variance",
    "kkt_residual",
];
const SCORES: [&str; 9] =
    ["label", "unit", "n", "bias", "bias_lo", "bias_hi", "rms", "sd", "robust_sigma"];
/// Columns of a training set that are no labels.
const IDS: [&str; 2] = ["id", "star_id"];
/// Points of the box of labels that are asked whether they lie in the hull.
const PROBES: usize = 4096;
/// Pixels that are named as the worst.
const WORST: usize = 5;

impl Stage for ModelCard {
    fn ports(&self) -> Vec<Port> {
        vec![
            Port::whole("model", NUMBERS.map(Need::any).to_vec()),
            training_port("training").through("model", "training"),
            Port::whole("scores", SCORES.map(|name| Need::any(name).if_there()).to_vec())
                .optional(),
        ]
    }

    fn outputs(&self, _inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        Ok(vec![files_output("files")])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let card =
            self.card(job.table("model")?, job.table("training")?, job.optional("scores"))?;
        let json = serde_json::to_vec_pretty(&card)?;
        let files = [
            (format!("{}.md", self.name), card.markdown().into_bytes()),
            (format!("{}.json", self.name), json),
        ];
        Ok(vec![files_product("files", &files)])
    }
}

impl ModelCard {
    fn card(
        &self,
        model: &RecordBatch,
        training: &RecordBatch,
        scores: Option<&RecordBatch>,
    ) -> Result<Card, StageError> {
        let pixels = Pixels::read(model)?;
        let labels = Labels::read(training)?;
        let mut parts = vec![labels.part(&pixels, &self.data)?, pixels.choices(), pixels.errors()];
        parts.extend(scores.map(held_out).transpose()?);
        parts.push(labels.hull()?);
        let limits = CardPart {
            heading: "Limits".to_owned(),
            sentences: self.limits.clone(),
            ..CardPart::default()
        };
        parts.extend((!self.limits.is_empty()).then_some(limits));
        let (name, title) = (self.name.clone(), self.title.clone());
        Ok(Card { name, title, purpose: self.purpose.clone(), parts })
    }
}

/// The pixels that can be used.
struct Pixels {
    n_all: usize,
    columns: BTreeMap<&'static str, Vec<f64>>,
}

impl Pixels {
    fn read(model: &RecordBatch) -> Result<Self, StageError> {
        let lacking = |name: &str| StageError::new(format!("the model has no column `{name}`"));
        let column = |name: &str| model.column_by_name(name).ok_or_else(|| lacking(name));
        let mse = f64s_of(column("cv_mse")?)?;
        let used: Vec<usize> = (0..mse.len()).filter(|row| mse[*row].is_finite()).collect();
        let mut columns = BTreeMap::new();
        for name in NUMBERS {
            let all = f64s_of(column(name)?)?;
            columns.insert(name, used.iter().map(|row| all[*row]).collect());
        }
        Ok(Pixels { n_all: model.num_rows(), columns })
    }

    fn of(&self, name: &str) -> &[f64] {
        self.columns.get(name).map_or(&[], Vec::as_slice)
    }

    /// How often each cell of the grid was chosen.
    fn choices(&self) -> CardPart {
        let mut chosen: BTreeMap<[u64; 3], ([f64; 3], usize)> = BTreeMap::new();
        let cells = self.of("C").iter().zip(self.of("gamma")).zip(self.of("epsilon"));
        for ((&c, &gamma), &epsilon) in cells {
            let cell = [c, gamma, epsilon];
            chosen.entry(cell.map(f64::to_bits)).or_insert((cell, 0)).1 += 1;
        }
        let mut rows: Vec<([f64; 3], usize)> = chosen.into_values().collect();
        rows.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.map(f64::to_bits).cmp(&b.0.map(f64::to_bits))));
        let cells = rows.iter().map(|(cell, n)| {
            let mut row: Vec<Cell> = cell.iter().map(|v| Cell::text(&short(*v))).collect();
            row.push(Cell::count(*n));
            row
        });
        let text = |name: &str, about: &str| Column::new(name, "", about, Kind::Text);
        let table = Table {
            name: "hyper_parameters".to_owned(),
            title: "Cells of the grid, by the number of pixels that chose them".to_owned(),
            columns: vec![
                text("C", "penalty of residuals beyond the tube"),
                text("gamma", "inverse squared kernel width, per squared scaled label"),
                text("epsilon", "half-width of the insensitive tube, scaled flux"),
                Column::new("pixels", "", "pixels that chose the cell", Kind::Integer),
            ],
            rows: cells.collect(),
            notes: Vec::new(),
        };
        CardPart {
            heading: "Hyper-parameters".to_owned(),
            tables: vec![table],
            sentences: vec![
                "Each pixel chose its cell by the cross-validated mean squared error of its own flux (eq. 1)."
                    .to_owned(),
            ],
            ..CardPart::default()
        }
    }

    /// Cross-validated errors of the flux.
    fn errors(&self) -> CardPart {
        let rmse: Vec<f64> = self
            .of("cv_mse")
            .iter()
            .zip(self.of("flux_scale"))
            .map(|(m, s)| m.sqrt() * s)
            .collect();
        let ratio: Vec<f64> =
            self.of("train_mse").iter().zip(self.of("cv_mse")).map(|(t, c)| t / c).collect();
        let spread = |values: &[f64]| {
            let at = |q: f64| short(quantile(values, q).unwrap_or(f64::NAN));
            format!("{} (5 to 95 % of the pixels: {} to {})", at(0.5), at(0.05), at(0.95))
        };
        let mut order: Vec<usize> = (0..rmse.len()).collect();
        order.sort_by(|a, b| rmse[*b].total_cmp(&rmse[*a]));
        let worst: Vec<String> = order
            .iter()
            .take(WORST)
            .map(|at| format!("{:.1}", self.of("wave_angstrom")[*at]))
            .collect();
        let kkt = self.of("kkt_residual").iter().copied().filter(|v| v.is_finite());
        let mut facts = vec![
            ("cross-validated mean squared error, scaled flux", spread(self.of("cv_mse"))),
            ("of it photon noise of the training spectra", spread(self.of("mean_scaled_variance"))),
            ("cross-validated rms of the normalized flux", spread(&rmse)),
            ("error on training spectra over that on held-out ones", spread(&ratio)),
            ("worst pixels, angstrom", worst.join(", ")),
        ];
        if let Some(largest) = kkt.reduce(f64::max) {
            facts.push(("largest violation of the optimality conditions", short(largest)));
        }
        CardPart {
            heading: "Cross-validation by pixel".to_owned(),
            facts: facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            ..CardPart::default()
        }
    }
}

/// Labels of a training set, `(n_train, n_label)`.
struct Labels {
    metas: Vec<ColumnMeta>,
    values: Array2<f64>,
    stars: usize,
}

impl Labels {
    fn read(training: &RecordBatch) -> Result<Self, StageError> {
        let schema = training.schema();
        let metas: Vec<ColumnMeta> = schema
            .fields()
            .iter()
            .filter(|field| !IDS.contains(&field.name().as_str()))
            .filter_map(ColumnMeta::of)
            .collect();
        let names: Vec<String> = metas.iter().map(|meta| meta.name.clone()).collect();
        let values = columns_of(training, &names)?;
        let stars = match training.column_by_name("star_id") {
            Some(ids) => {
                let ids = arrow::compute::cast(ids, &arrow::datatypes::DataType::Int64)?;
                let ids = ids.as_primitive::<arrow::datatypes::Int64Type>().values().to_vec();
                ids.into_iter().collect::<std::collections::BTreeSet<i64>>().len()
            }
            None => values.nrows(),
        };
        Ok(Labels { metas, values, stars })
    }

    fn part(&self, pixels: &Pixels, data: &[String]) -> Result<CardPart, StageError> {
        let wave = pixels.of("wave_angstrom");
        let range = match (wave.first(), wave.last()) {
            (Some(first), Some(last)) => format!("{first:.1} to {last:.1} (vacuum)"),
            _ => "none".to_owned(),
        };
        let quantiles =
            [("min", 0.0), ("5 %", 0.05), ("median", 0.5), ("95 %", 0.95), ("max", 1.0)];
        let row = |at: usize| {
            let values = self.values.column(at).to_vec();
            let text = |q: f64| Cell::text(&short(quantile(&values, q).unwrap_or(f64::NAN)));
            let meta = &self.metas[at];
            let mut row =
                vec![Cell::text(&meta.name), Cell::text(&meta.unit), Cell::text(&meta.description)];
            row.extend(quantiles.map(|(_, q)| text(q)));
            row
        };
        let text = |name: &str| Column::new(name, "", name, Kind::Text);
        let mut columns: Vec<Column> = ["label", "unit", "meaning"].map(text).to_vec();
        columns.extend(quantiles.map(|(name, _)| text(name)));
        let table = Table {
            name: "labels".to_owned(),
            title: "Labels of the training set".to_owned(),
            columns,
            rows: (0..self.metas.len()).map(row).collect(),
            notes: Vec::new(),
        };
        let facts = [
            ("spectra", self.values.nrows().to_string()),
            ("objects", self.stars.to_string()),
            ("pixels", format!("{} of {}", wave.len(), pixels.n_all)),
            ("wavelengths, angstrom", range),
        ];
        Ok(CardPart {
            heading: "Training set".to_owned(),
            facts: facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            tables: vec![table],
            sentences: data.to_vec(),
        })
    }

    /// Vertices of the hull, and how much of the box of labels it fills.
    fn hull(&self) -> Result<CardPart, StageError> {
        let low = self.values.fold_axis(Axis(0), f64::INFINITY, |a, b| a.min(*b));
        let high = self.values.fold_axis(Axis(0), f64::NEG_INFINITY, |a, b| a.max(*b));
        let moving: Vec<usize> = (0..low.len()).filter(|at| high[*at] > low[*at]).collect();
        let scaled = Array2::from_shape_fn((self.values.nrows(), moving.len()), |(row, at)| {
            let label = moving[at];
            (self.values[[row, label]] - low[label]) / (high[label] - low[label])
        });
        let hull = ConvexHull::new(scaled.view())?;
        let probes = Array2::from_shape_fn((PROBES, moving.len()), |(row, at)| halton(row + 1, at));
        let inside =
            probes.rows().into_iter().filter(|probe| hull.contains(probe.view(), 0.0)).count();
        let share = 100.0 * inside as f64 / PROBES as f64;
        let facts = vec![
            ("vertices of the convex hull".to_owned(), hull.vertex_rows().len().to_string()),
            ("share of the box of labels that it fills".to_owned(), format!("{share:.0} %")),
        ];
        let sentences = vec![
            "Labels outside of the hull are extrapolated: `in_hull` is false there, and they are not recommended."
                .to_owned(),
        ];
        Ok(CardPart { heading: "Hull".to_owned(), facts, sentences, ..CardPart::default() })
    }
}

/// Coordinate `at` of a point of Halton's sequence, 0 to 1.
fn halton(mut number: usize, at: usize) -> f64 {
    const PRIMES: [usize; 8] = [2, 3, 5, 7, 11, 13, 17, 19];
    let base = PRIMES[at % PRIMES.len()];
    let (mut value, mut weight) = (0.0, 1.0);
    while number > 0 {
        weight /= base as f64;
        value += weight * (number % base) as f64;
        number /= base;
    }
    value
}

/// Labels that training had not seen.
fn held_out(scores: &RecordBatch) -> Result<CardPart, StageError> {
    let (mut columns, mut rows) = (Vec::new(), vec![Vec::new(); scores.num_rows()]);
    for name in SCORES {
        let Some(array) = scores.column_by_name(name) else { continue };
        columns.push(Column::new(name, "", name, Kind::Text));
        let cells: Vec<String> = match array.as_string_opt::<i32>() {
            Some(texts) => texts.iter().map(|t| t.unwrap_or_default().to_owned()).collect(),
            None => f64s_of(array)?.into_iter().map(short).collect(),
        };
        rows.iter_mut().zip(cells).for_each(|(row, cell)| row.push(Cell::Text(cell)));
    }
    let table = Table {
        name: "scores".to_owned(),
        title: "Labels that training had not seen, less the true ones".to_owned(),
        columns,
        rows,
        notes: Vec::new(),
    };
    Ok(CardPart {
        heading: "Labels that training had not seen".to_owned(),
        tables: vec![table],
        ..CardPart::default()
    })
}

/// At most four significant digits; nothing of what is no number.
fn short(value: f64) -> String {
    if !value.is_finite() {
        return String::new();
    }
    if value != 0.0 && value.abs() < 1e-3 {
        return format!("{value:.1e}");
    }
    let decimals = (3 - value.abs().max(1e-9).log10().floor() as i32).clamp(0, 5) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::columns::{f64_array, i64_array};

    fn model() -> RecordBatch {
        let mut columns: Vec<(&str, arrow::array::ArrayRef)> = vec![
            ("wave_angstrom", f64_array(vec![6000.0, 6001.0, 6002.0])),
            ("C", f64_array(vec![1.0, 10.0, 1.0])),
            ("gamma", f64_array(vec![0.1, 0.1, 0.1])),
            ("epsilon", f64_array(vec![0.05; 3])),
            ("flux_scale", f64_array(vec![0.1; 3])),
            ("cv_mse", f64_array(vec![0.25, 0.81, 0.25])),
        ];
        for name in ["train_mse", "mean_scaled_variance", "kkt_residual"] {
            columns.push((name, f64_array(vec![0.1; 3])));
        }
        RecordBatch::try_from_iter(columns).unwrap()
    }

    fn training() -> RecordBatch {
        RecordBatch::try_from_iter([
            ("id", i64_array(vec![1, 2, 3, 4])),
            ("star_id", i64_array(vec![7, 7, 8, 9])),
            ("Teff", f64_array(vec![3000.0, 4000.0, 3000.0, 4000.0])),
            ("M_H", f64_array(vec![-1.0, -1.0, 0.0, 0.0])),
            ("logg", f64_array(vec![5.0; 4])),
        ])
        .unwrap()
    }

    #[test]
    fn a_card_tells_training_choices_errors_and_limits() {
        let stage: ModelCard = serde_json::from_str(
            r#"{"name": "slam", "title": "a model", "purpose": "To test.", "limits": ["No giants."]}"#,
        )
        .unwrap();
        let card = stage.card(&model(), &training(), None).unwrap();
        let text = card.markdown();
        for part in [
            "- spectra: 4",
            "- objects: 3",
            "| 1 | 0.1 | 0.05 | 2 |",
            "| 10 | 0.1 | 0.05 | 1 |",
            "worst pixels, angstrom: 6001.0",
            "cross-validated rms of the normalized flux: 0.05 ",
            "vertices of the convex hull: 4",
            "fills: 100 %",
            "- No giants.",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        let again: Card = serde_json::from_slice(&serde_json::to_vec(&card).unwrap()).unwrap();
        assert_eq!(again, card);
    }
}
