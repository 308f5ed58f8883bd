//! Statistics (§4, §5): all that is reported of a column, with intervals, as a whole and without what was trained on.
//!
//! Port `rows` (whole): row id, the columns of each sample in its unit, those of the conditions, optionally the unit
//! of the bootstrap and the mark of rows that training knew.
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `summary` | a sample and population | n; mean, median, rms about zero, sd, robust sigma, scatter beyond the errors, factor of the errors, rank correlation and slope, with 95 % intervals; clipped and outlier figures |
//! | `values` | a row and sample | id, label, value, its error, value over error, abscissa, mark |
//!
//! A population is `all`; with `leaked`, also `held out` (rows of which training knew neither spectrum, star nor
//! companion) and `in training`. `less` and `expected` are
//! subtracted first. Numbers are in the unit that `unit` names, the slope
//! in it per `per` units of the abscissa; what a sample is too small for is null.
//!
//! Deviation: the paper quotes one figure of stars of which many were trained on (§5.1).

use std::collections::BTreeSet;

use arrow::array::{ArrayRef, BooleanArray};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::columns::{f64s, finite_array, i64_array, ids, optional_f64_array, text_array};
use super::figures::{
    Population, Unit, check_filters, chosen, marks, populations, report_arrays, report_columns,
    units, units_of,
};
use crate::engine::params::Formula;
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Job, Need, NewColumn, Output, Port, Product, Schemas, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, F64, I64, Type};
use crate::science::statistics::{Bootstrap, Report, Sample};

/// The registry's entry.
pub const STAGE: StageDef = StageDef::of::<Statistics>(
    "statistics",
    2,
    "reports all statistics of columns, with and without rows that training knew",
);

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Statistics {
    /// Row id.
    id: String,
    /// What is reported.
    samples: Vec<Question>,
    /// Column of the star, pair or cluster that the bootstrap draws; rows without are each their own. Without it rows
    /// are drawn.
    #[serde(default)]
    unit_id: Option<String>,
    /// Truth value of rows that training knew: figures come with and without them.
    #[serde(default)]
    leaked: Option<String>,
    /// Which rows count, for all samples.
    #[serde(default, rename = "where")]
    filter: Option<Formula>,
    /// Resamples of the bootstrap.
    #[serde(default = "two_thousand")]
    resamples: usize,
}

fn two_thousand() -> usize {
    2_000
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Question {
    /// Name in both outputs.
    label: String,
    /// The column.
    value: String,
    /// Its unit.
    unit: String,
    /// Column that is subtracted from it, in the same unit.
    #[serde(default)]
    less: Option<String>,
    /// Column of its error.
    #[serde(default)]
    error: Option<String>,
    /// What the column should be: subtracted first.
    #[serde(default)]
    expected: f64,
    /// Column of the abscissa.
    #[serde(default)]
    against: Option<String>,
    /// Unit of the abscissa.
    #[serde(default)]
    against_unit: String,
    /// Column of its error.
    #[serde(default)]
    against_error: Option<String>,
    /// The slope is given for a step of so many units of the abscissa.
    #[serde(default = "one")]
    per: f64,
    /// Section of the paper.
    #[serde(default)]
    section: String,
    /// Which rows count, beside the condition for all samples.
    #[serde(default, rename = "where")]
    filter: Option<Formula>,
}

fn one() -> f64 {
    1.0
}

impl Question {
    fn needs(&self) -> Vec<Need> {
        let value =
            [Some(&self.value), self.less.as_ref(), self.error.as_ref()].into_iter().flatten();
        let mut needs: Vec<Need> = value.map(|c| Need::in_unit(c, &self.unit)).collect();
        let against = [self.against.as_ref(), self.against_error.as_ref()].into_iter().flatten();
        needs.extend(against.map(|c| Need::in_unit(c, &self.against_unit)));
        needs
    }

    fn check(&self) -> Result<(), StageError> {
        let refuse = |why: &str| Err(StageError::new(format!("sample `{}`: {why}", self.label)));
        if self.against.is_none() && self.against_error.is_some() {
            return refuse("`against_error` goes with `against` only");
        }
        if !(self.per > 0.0 && self.per.is_finite()) {
            return refuse("`per` must be positive");
        }
        Ok(())
    }

    fn read(&self, job: &Job) -> Result<Sample, StageError> {
        let optional = |name: Option<&String>| name.map(|n| f64s(job, "rows", n)).transpose();
        let scaled = |values: Option<Vec<f64>>| {
            values.map(|values| values.iter().map(|v| v / self.per).collect::<Vec<f64>>())
        };
        let mut value = f64s(job, "rows", &self.value)?;
        if let Some(less) = &self.less {
            let less = f64s(job, "rows", less)?;
            value.iter_mut().zip(less).for_each(|(value, less)| *value -= less);
        }
        Ok(Sample {
            value: value.iter().map(|v| v - self.expected).collect(),
            error: optional(self.error.as_ref())?,
            against: scaled(optional(self.against.as_ref())?),
            against_error: scaled(optional(self.against_error.as_ref())?),
        })
    }
}

/// A sample of one question: its rows in the table and their columns.
struct Asked<'a> {
    question: &'a Question,
    rows: Vec<usize>,
    sample: Sample,
}

/// A row of the summary.
struct Answer<'a> {
    question: &'a Question,
    population: &'static str,
    report: Report,
}

impl Stage for Statistics {
    fn ports(&self) -> Vec<Port> {
        let mut needs = vec![Need::of(&self.id, I64)];
        needs.extend(self.samples.iter().flat_map(Question::needs));
        needs.extend(self.leaked.iter().map(|c| Need::of(c, Type::Bool)));
        needs.extend(self.unit_id.iter().map(Need::any));
        let read: BTreeSet<String> = self.filters().flat_map(|f| f.0.columns()).collect();
        needs.extend(read.into_iter().map(Need::any));
        vec![Port::whole("rows", needs)]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        self.check()?;
        check_filters(self.filters(), &inputs["rows"])?;
        Ok(vec![
            Output::table("summary", self.summary_columns()),
            Output::table("values", self.value_columns()).id(&self.id),
        ])
    }

    fn seed_purpose(&self) -> Option<&str> {
        Some("statistics")
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let ids = ids(job, "rows", &self.id)?;
        let table = job.table("rows")?;
        let units = units(job, "rows", self.unit_id.as_ref())?;
        let leaked = marks(job, "rows", self.leaked.as_ref())?;
        let bootstrap = Bootstrap { n_resample: self.resamples, seed: job.seed()? };
        let all = chosen(self.filter.as_ref(), table)?;
        let (mut asked, mut answers) = (Vec::new(), Vec::new());
        for question in &self.samples {
            let sample = question.read(job)?;
            let own = chosen(question.filter.as_ref(), table)?;
            let rows: Vec<usize> = (0..ids.len()).filter(|row| all[*row] && own[*row]).collect();
            let of = Asked { question, sample: sample.rows(&rows), rows };
            answers.extend(self.answer(&of, &units, &leaked, &bootstrap));
            asked.push(of);
        }
        Ok(vec![
            Product::new("summary", summary(&answers)),
            Product::new("values", values(&ids, &asked, &leaked)),
        ])
    }
}

impl Statistics {
    fn filters(&self) -> impl Iterator<Item = &Formula> {
        self.filter.iter().chain(self.samples.iter().filter_map(|s| s.filter.as_ref()))
    }

    fn check(&self) -> Result<(), StageError> {
        if self.samples.is_empty() {
            return Err(StageError::new("`samples` is empty: name what is reported"));
        }
        let mut labels = BTreeSet::new();
        for question in &self.samples {
            question.check()?;
            if !labels.insert(&question.label) {
                let what = format!("two samples have the label `{}`; rename one", question.label);
                return Err(StageError::new(what));
            }
        }
        Ok(())
    }

    fn answer<'a>(
        &self,
        asked: &Asked<'a>,
        units: &[Unit],
        leaked: &[Option<bool>],
        bootstrap: &Bootstrap,
    ) -> Vec<Answer<'a>> {
        let answer = |(population, takes): &Population| {
            let inside = |at: &usize| takes(leaked[asked.rows[*at]]);
            let all: Vec<usize> = (0..asked.rows.len()).filter(inside).collect();
            // Units without a value are not drawn; their rows are counted.
            let known = |at: &usize| asked.sample.value[*at].is_finite();
            let at: Vec<usize> = all.iter().copied().filter(known).collect();
            let rows: Vec<usize> = at.iter().map(|at| asked.rows[*at]).collect();
            let mut report = asked.sample.rows(&at).report(&units_of(units, &rows), bootstrap);
            report.summary.n_missing = all.len() - at.len();
            Answer { question: asked.question, population, report }
        };
        populations(self.leaked.is_some()).iter().map(answer).collect()
    }

    fn sources(&self) -> Vec<&str> {
        let read: BTreeSet<&str> = self
            .samples
            .iter()
            .flat_map(|s| [Some(&s.value), s.less.as_ref(), s.error.as_ref(), s.against.as_ref()])
            .flatten()
            .map(String::as_str)
            .collect();
        read.into_iter().collect()
    }

    fn summary_columns(&self) -> Vec<NewColumn> {
        let text = |name: &str, about: &str| {
            NewColumn::new(ColumnMeta::new(name, Type::Text).about(about))
        };
        let mut columns = vec![
            text("label", "what is reported"),
            text("population", "all, held out, or in training"),
            text("section", "section of the paper"),
            text("value", "column"),
            text("unit", "unit of the numbers"),
            text("slope_unit", "unit of the slope"),
            NewColumn::new(
                ColumnMeta::new("expected", F64).about("what was subtracted from the column"),
            ),
        ];
        columns.extend(report_columns("rows", &self.sources()));
        columns
    }

    fn value_columns(&self) -> Vec<NewColumn> {
        let number = |name: &str, about: &str, of: fn(&Question) -> Option<&String>| {
            let column = NewColumn::new(ColumnMeta::new(name, F64).about(about));
            let read = self.samples.iter().filter_map(of);
            read.fold(column, |column, name| column.from("rows", name, "derived: less expected"))
        };
        let text = |name: &str, about: &str| {
            NewColumn::new(ColumnMeta::new(name, Type::Text).about(about))
        };
        let mark = ColumnMeta::new("leaked", Type::Bool).about("whether training knew the row");
        let mut mark = NewColumn::new(mark);
        if let Some(column) = &self.leaked {
            mark = mark.from("rows", column, "identity");
        }
        vec![
            NewColumn::new(ColumnMeta::new(&self.id, I64).about("row id"))
                .from("rows", &self.id, "identity"),
            text("label", "what is reported"),
            text("unit", "unit of the value"),
            number("value", "value less what is expected", |s| Some(&s.value)),
            number("error", "its error", |s| s.error.as_ref()),
            number("pull", "value over error", |s| s.error.as_ref()),
            number("abscissa", "abscissa, steps of `per`", |s| s.against.as_ref()),
            mark,
        ]
    }
}

fn summary(answers: &[Answer]) -> Vec<ArrayRef> {
    let text = |of: &dyn Fn(&Answer) -> String| {
        text_array(answers.iter().map(|a| Some(of(a))).collect::<Vec<_>>())
    };
    let slope_unit = |a: &Answer| match a.question.against {
        Some(_) => {
            format!("{} per {} {}", a.question.unit, a.question.per, a.question.against_unit)
        }
        None => String::new(),
    };
    let mut columns = vec![
        text(&|a| a.question.label.clone()),
        text(&|a| a.population.to_owned()),
        text(&|a| a.question.section.clone()),
        text(&|a| a.question.value.clone()),
        text(&|a| a.question.unit.clone()),
        text(&slope_unit),
        optional_f64_array(answers.iter().map(|a| Some(a.question.expected)).collect()),
    ];
    let reports: Vec<Report> = answers.iter().map(|a| a.report.clone()).collect();
    columns.extend(report_arrays(&reports));
    columns
}

fn values(ids: &[i64], asked: &[Asked], leaked: &[Option<bool>]) -> Vec<ArrayRef> {
    let rows = || asked.iter().flat_map(|a| a.rows.iter().copied());
    let text = |of: fn(&Question) -> &String| {
        text_array(asked.iter().flat_map(|a| a.rows.iter().map(move |_| Some(of(a.question)))))
    };
    let number = |of: &dyn Fn(&Sample) -> Vec<f64>| {
        finite_array(asked.iter().flat_map(|a| of(&a.sample)).collect())
    };
    let optional =
        |values: &Option<Vec<f64>>, n: usize| values.clone().unwrap_or_else(|| vec![f64::NAN; n]);
    vec![
        i64_array(rows().map(|row| ids[row]).collect()),
        text(|q| &q.label),
        text(|q| &q.unit),
        number(&|s| s.value.clone()),
        number(&|s| optional(&s.error, s.value.len())),
        number(&Sample::pulls),
        number(&|s| optional(&s.against, s.value.len())),
        Arc::new(rows().map(|row| leaked[row]).collect::<BooleanArray>()),
    ]
}

#[cfg(test)]
#[path = "statistics_tests.rs"]
mod tests;
