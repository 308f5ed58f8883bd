//! The training set of a card: its labels, and the hull that they fill.

use arrow::array::{AsArray, RecordBatch};
use ndarray::{Array2, Axis};

use super::{Pixels, short};
use crate::engine::stage::StageError;
use crate::engine::types::ColumnMeta;
use crate::report::cards::CardPart;
use crate::report::tables::{Cell, Column, Kind, Table};
use crate::science::hull::ConvexHull;
use crate::science::statistics::quantile;
use crate::stages::support::columns_of;

/// Columns of a training set that are no labels.
const IDS: [&str; 2] = ["id", "star_id"];
/// Points of the box of labels that are asked whether they lie in the hull.
const PROBES: usize = 4096;

/// Labels of a training set, `(n_train, n_label)`.
pub(super) struct Labels {
    metas: Vec<ColumnMeta>,
    values: Array2<f64>,
    stars: usize,
}

impl Labels {
    pub(super) fn read(training: &RecordBatch) -> Result<Self, StageError> {
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

    pub(super) fn part(&self, pixels: &Pixels, data: &[String]) -> Result<CardPart, StageError> {
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
    pub(super) fn hull(&self) -> Result<CardPart, StageError> {
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
