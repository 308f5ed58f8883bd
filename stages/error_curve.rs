//! Error curve (§4.1, Table 4): laws of the error over the signal-to-noise ratio, fitted to rows of both.
//!
//! Port `rows` (whole): signal-to-noise ratio, the columns of errors. Outputs:
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `fits` | an error column and law | a, b, c with 95 % intervals, residuals |
//! | `points` | an error column and row | ratio, error, the three laws there |
//!
//! Laws: `power` a s^-b; `power_offset` a s^-b + c; `photon` sqrt(a^2 + (b/s)^2); least squares in the error.
//!
//! Deviation: the paper does not say that its errors are such a curve; the 21 printed rows of Table 4 show it.

use arrow::array::ArrayRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{f64s, finite_array, optional_f64_array, text_array, u64_array};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Job, Need, NewColumn, Output, Port, Product, Schemas, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, F64, Type, U64};
use crate::science::statistics::{Bootstrap, Interval, Units};
use crate::science::validation::error_curve::{ErrorCurve, Shape, fit_error_curve};

/// The registry's entry.
pub const STAGE: StageDef = StageDef::of::<ErrorCurves>(
    "error_curve",
    2,
    "fits laws of the error over the signal-to-noise ratio",
);

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorCurves {
    /// The signal-to-noise ratio.
    snr: String,
    /// Columns of errors.
    errors: Vec<String>,
    /// Resamples of the bootstrap.
    #[serde(default = "five_hundred")]
    resamples: usize,
}

fn five_hundred() -> usize {
    500
}

/// A column, a ratio, the error there and the three laws.
type Point<'a> = (&'a str, f64, f64, [f64; 3]);

/// One law through one column.
struct Fit<'a> {
    label: &'a str,
    shape: Shape,
    curve: Option<ErrorCurve>,
    intervals: [Option<Interval>; 3],
}

/// The numbers of a law in tables.
const TERMS: [(&str, &str); 3] = [
    ("a", "error at a ratio of 1; of the photon law the floor"),
    ("b", "exponent; of the photon law the error at a ratio of 1, but for the floor"),
    ("c", "offset; 0 where the law has none"),
];

impl Stage for ErrorCurves {
    fn ports(&self) -> Vec<Port> {
        let mut needs = vec![Need::any(&self.snr)];
        needs.extend(self.errors.iter().map(Need::any));
        vec![Port::whole("rows", needs)]
    }

    fn outputs(&self, _inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        if self.errors.is_empty() {
            return Err(StageError::new("`errors` is empty: name the columns of errors"));
        }
        Ok(vec![
            Output::table("fits", self.fit_columns()),
            Output::table("points", self.point_columns()),
        ])
    }

    fn seed_purpose(&self) -> Option<&str> {
        Some("error_curve")
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let snr = f64s(job, "rows", &self.snr)?;
        let bootstrap = Bootstrap { n_resample: self.resamples, seed: job.seed()? };
        let (mut fits, mut points) = (Vec::new(), Vec::new());
        for label in &self.errors {
            let errors = f64s(job, "rows", label)?;
            let of_label = Shape::ALL.map(|shape| fit(label, shape, &snr, &errors, &bootstrap));
            points.extend((0..snr.len()).map(|row| {
                let law =
                    |fit: &Fit| fit.curve.map_or(f64::NAN, |c| c.shape.sigma(c.terms, snr[row]));
                (label.as_str(), snr[row], errors[row], of_label.each_ref().map(law))
            }));
            fits.extend(of_label);
        }
        Ok(vec![
            Product::new("fits", fit_arrays(&fits)),
            Product::new("points", point_arrays(&points)),
        ])
    }
}

fn fit<'a>(
    label: &'a str,
    shape: Shape,
    snr: &[f64],
    errors: &[f64],
    bootstrap: &Bootstrap,
) -> Fit<'a> {
    let intervals = bootstrap.intervals(&Units::rows(snr.len()), |rows| {
        let of = |values: &[f64]| rows.iter().map(|row| values[*row]).collect::<Vec<f64>>();
        let terms = fit_error_curve(shape, &of(snr), &of(errors)).map(|curve| curve.terms);
        [0, 1, 2].map(|term| terms.map(|terms| terms[term]))
    });
    Fit { label, shape, curve: fit_error_curve(shape, snr, errors), intervals }
}

impl ErrorCurves {
    fn made(&self, meta: ColumnMeta) -> NewColumn {
        let column = NewColumn::new(meta).from("rows", &self.snr, "derived: fit");
        self.errors.iter().fold(column, |column, error| column.from("rows", error, "derived: fit"))
    }

    fn fit_columns(&self) -> Vec<NewColumn> {
        let text = |name: &str, about: &str| {
            NewColumn::new(ColumnMeta::new(name, Type::Text).about(about))
        };
        let mut columns = vec![
            text("label", "column of errors"),
            text("law", "power: a s^-b; power_offset: a s^-b + c; photon: sqrt(a^2 + (b/s)^2)"),
        ];
        for (name, about) in TERMS {
            columns.push(self.made(ColumnMeta::new(name, F64).about(about)));
            for (end, percent) in [("lo", "2.5"), ("hi", "97.5")] {
                let meta = ColumnMeta::new(format!("{name}_{end}"), F64);
                columns.push(self.made(meta.about(format!("{percent} % of {name}"))));
            }
        }
        columns.push(self.made(ColumnMeta::new("n", U64).about("rows with ratio and error")));
        columns
            .push(self.made(ColumnMeta::new("rms_residual", F64).about("rms of error less law")));
        let largest =
            ColumnMeta::new("max_residual", F64).about("largest of error less law, absolute");
        columns.push(self.made(largest));
        columns
    }

    fn point_columns(&self) -> Vec<NewColumn> {
        let mut columns = vec![
            NewColumn::new(ColumnMeta::new("label", Type::Text).about("column of errors")),
            NewColumn::new(ColumnMeta::new("snr", F64).about("signal-to-noise ratio"))
                .from("rows", &self.snr, "identity"),
            self.made(ColumnMeta::new("error", F64).about("error")),
        ];
        columns.extend(Shape::ALL.map(|shape| {
            self.made(ColumnMeta::new(shape.name(), F64).about("this law at the ratio"))
        }));
        columns
    }
}

fn fit_arrays(fits: &[Fit]) -> Vec<ArrayRef> {
    let mut columns = vec![
        text_array(fits.iter().map(|f| Some(f.label))),
        text_array(fits.iter().map(|f| Some(f.shape.name()))),
    ];
    let number = |of: &dyn Fn(&Fit) -> Option<f64>| {
        optional_f64_array(fits.iter().map(|f| of(f).filter(|v| v.is_finite())).collect())
    };
    for term in 0..TERMS.len() {
        columns.push(number(&|f| Some(f.curve?.terms[term])));
        columns.push(number(&|f| Some(f.intervals[term]?.low)));
        columns.push(number(&|f| Some(f.intervals[term]?.high)));
    }
    columns.push(u64_array(fits.iter().map(|f| f.curve.map_or(0, |c| c.n as u64)).collect()));
    columns.push(number(&|f| Some(f.curve?.rms)));
    columns.push(number(&|f| Some(f.curve?.largest)));
    columns
}

fn point_arrays(points: &[Point]) -> Vec<ArrayRef> {
    let number = |of: &dyn Fn(&Point) -> f64| finite_array(points.iter().map(of).collect());
    vec![
        text_array(points.iter().map(|p| Some(p.0))),
        number(&|p| p.1),
        number(&|p| p.2),
        number(&|p| p.3[0]),
        number(&|p| p.3[1]),
        number(&|p| p.3[2]),
    ]
}

#[cfg(test)]
#[path = "error_curve_tests.rs"]
mod tests;
