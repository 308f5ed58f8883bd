//! Laws of errors between their table and `science::calibration`: `calibrate` writes it, `errors` reads it.

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{
    f64_lists, f64_row, f64s_of, finite_array, optional_f64_array, text_array, u64_array,
};
use crate::engine::stage::{Need, NewColumn, StageError};
use crate::engine::types::{ColumnMeta, F64, Type, U64};
use crate::science::calibration::{Fitted, Law};

/// Where an error comes from.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The formal error of the fit, as it is.
    Covariance,
    /// Scatter of held-out labels as a function of the signal-to-noise ratio.
    #[default]
    CvCurve,
    /// The same as a power law.
    CvPowerLaw,
    /// The formal error, scaled and with a floor, so that held-out labels are covered.
    Calibrated,
    /// A power law through printed errors: those of Table 4 are a function of the ratio in i alone.
    Table4Fit,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Covariance, Self::CvCurve, Self::CvPowerLaw, Self::Calibrated, Self::Table4Fit];

    /// Where the error comes from, a few words.
    pub fn about(self) -> &'static str {
        match self {
            Self::Covariance => "the formal error of the fit",
            Self::CvCurve => {
                "the scatter of test labels at this signal-to-noise ratio (labels that training had not seen)"
            }
            Self::CvPowerLaw => {
                "a power law of the signal-to-noise ratio through the scatter of test labels (which training had not seen)"
            }
            Self::Calibrated => {
                "the formal error, scaled and with a floor so that test labels are covered"
            }
            Self::Table4Fit => {
                "a power law of the signal-to-noise ratio through the errors printed in Table 4"
            }
        }
    }

    /// The word in tables and parameters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Covariance => "covariance",
            Self::CvCurve => "cv_curve",
            Self::CvPowerLaw => "cv_power_law",
            Self::Calibrated => "calibrated",
            Self::Table4Fit => "table4_fit",
        }
    }
}

/// A law of one label, or why there is none.
pub struct LabelLaw {
    pub label: String,
    pub source: Source,
    pub fitted: Result<Fitted, String>,
}

/// Name of a law that is none.
const NONE: &str = "none";

/// Columns of a table of laws.
pub fn law_columns() -> Vec<NewColumn> {
    let new = |name: &str, kind: Type, about: &str| {
        NewColumn::new(ColumnMeta::new(name, kind).about(about))
    };
    vec![
        new("label", Type::Text, "label"),
        new("source", Type::Text, "where the error comes from"),
        new(
            "law",
            Type::Text,
            "constant: v1; photon: hypot(v1, v2 / snr); power_law: v1 snr^-v2; curve: through knots; \
             scaled: hypot(v1, v2 formal); scaled_curve: factor of the formal error through knots; none",
        ),
        new("knots", F64.list(), "signal-to-noise ratios of a curve; straight in the logarithms"),
        new("values", F64.list(), "numbers of the law: unit of the label, or factors"),
        new("v1", F64, "first of them, for laws without knots"),
        new("v2", F64, "second of them, for laws without knots"),
        new("n", U64, "spectra behind the law"),
        new("n_star", U64, "their stars"),
        new("snr_low", F64, "smallest signal-to-noise ratio among them"),
        new("snr_high", F64, "largest"),
        new("why_not", Type::Text, "why there is no law; empty where there is"),
    ]
}

/// What a stage that reads laws needs.
pub fn law_needs() -> Vec<Need> {
    let for_people = |name: &str| matches!(name, "v1" | "v2");
    let columns = law_columns().into_iter().filter(|c| !for_people(&c.meta.name));
    columns.map(|c| Need::of(c.meta.name, c.meta.kind)).collect()
}

/// Laws as the columns of [`law_columns`].
pub fn law_arrays(laws: &[LabelLaw]) -> Vec<ArrayRef> {
    let fitted = |law: &LabelLaw| law.fitted.as_ref().ok().cloned();
    let number = |of: fn(&Fitted) -> f64| {
        finite_array(laws.iter().map(|l| fitted(l).as_ref().map_or(f64::NAN, of)).collect())
    };
    let count = |of: fn(&Fitted) -> usize| {
        u64_array(laws.iter().map(|l| fitted(l).as_ref().map_or(0, of) as u64).collect())
    };
    let numbers: Vec<(Vec<f64>, Vec<f64>)> =
        laws.iter().map(|l| fitted(l).map(|f| f.law.numbers()).unwrap_or_default()).collect();
    // Tables for people have no vectors.
    let plain = |at: usize| {
        let value = |(knots, values): &(Vec<f64>, Vec<f64>)| {
            if knots.is_empty() { values.get(at).copied() } else { None }
        };
        optional_f64_array(numbers.iter().map(value).collect())
    };
    let (v1, v2) = (plain(0), plain(1));
    let (knots, values) = numbers.into_iter().unzip();
    vec![
        text_array(laws.iter().map(|l| Some(&l.label))),
        text_array(laws.iter().map(|l| Some(l.source.name()))),
        text_array(laws.iter().map(|l| Some(fitted(l).map_or(NONE, |f| f.law.name())))),
        f64_lists(knots),
        f64_lists(values),
        v1,
        v2,
        count(|f| f.n),
        count(|f| f.n_star),
        number(|f| f.snr_range[0]),
        number(|f| f.snr_range[1]),
        text_array(laws.iter().map(|l| Some(l.fitted.as_ref().err().map_or("", String::as_str)))),
    ]
}

/// Reads what [`law_arrays`] wrote.
///
/// # Errors
/// A source or law of no known name.
pub fn read_laws(table: &RecordBatch) -> Result<Vec<LabelLaw>, StageError> {
    let column = |name: &str| {
        table
            .column_by_name(name)
            .ok_or_else(|| StageError::new(format!("the table of laws has no column `{name}`")))
    };
    let text = |name: &str| -> Result<StringArray, StageError> {
        let array = column(name)?.as_string_opt::<i32>().cloned();
        array.ok_or_else(|| StageError::new(format!("column `{name}` of the laws is not text")))
    };
    let number = |name: &str| f64s_of(column(name)?);
    let (labels, sources, names) = (text("label")?, text("source")?, text("law")?);
    let (n, n_star, why) = (number("n")?, number("n_star")?, text("why_not")?);
    let (low, high) = (number("snr_low")?, number("snr_high")?);
    (0..table.num_rows())
        .map(|row| {
            let unknown = |what: &str| StageError::new(format!("row {row} of the laws: {what}"));
            let source = Source::ALL.into_iter().find(|s| s.name() == sources.value(row));
            let source = source.ok_or_else(|| unknown("unknown source"))?;
            let fitted = match names.value(row) {
                NONE => Err(why.value(row).to_owned()),
                name => {
                    let (knots, values) =
                        (f64_row(table, "knots", row)?, f64_row(table, "values", row)?);
                    let law = Law::read(name, knots, values);
                    Ok(Fitted {
                        law: law.ok_or_else(|| unknown("no law of this name and numbers"))?,
                        n: n[row] as usize,
                        n_star: n_star[row] as usize,
                        snr_range: [low[row], high[row]],
                    })
                }
            };
            Ok(LabelLaw { label: labels.value(row).to_owned(), source, fitted })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn laws_come_back_from_their_table() {
        let curve = Law::Curve { snr: vec![10.0, 90.0], sigma: vec![80.0, 30.0] };
        let fitted = Fitted { law: curve, n: 500, n_star: 450, snr_range: [6.0, 120.0] };
        let laws = [
            LabelLaw { label: "Teff".into(), source: Source::CvCurve, fitted: Ok(fitted.clone()) },
            LabelLaw {
                label: "M_H".into(),
                source: Source::Calibrated,
                fitted: Err("5 stars".into()),
            },
        ];
        let names = law_columns().into_iter().map(|c| c.meta.name);
        let arrays = law_arrays(&laws);
        assert!(
            law_columns().iter().zip(&arrays).all(|(c, a)| c.meta.kind.arrow() == *a.data_type())
        );
        let table = RecordBatch::try_from_iter(names.zip(arrays)).unwrap();
        let read = read_laws(&table).unwrap();
        assert_eq!(read[0].fitted, Ok(fitted));
        assert_eq!((read[1].source, read[1].label.as_str()), (Source::Calibrated, "M_H"));
        assert_eq!(read[1].fitted, Err("5 stars".to_owned()));
    }

    #[test]
    fn names_are_those_of_the_parameters() {
        for source in Source::ALL {
            assert_eq!(serde_json::to_value(source).unwrap(), source.name());
        }
    }
}
