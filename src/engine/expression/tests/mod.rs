//! Tests of the language as a whole, one file a theme.

mod criteria;
mod evaluation;
mod language;
mod properties;
mod sample;
mod types;

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};

use super::{Criteria, Criterion, Expression, ExpressionError};

fn parse(text: &str) -> Expression {
    Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn canonical(text: &str) -> String {
    parse(text).canonical()
}

fn error(text: &str) -> ExpressionError {
    Expression::parse(text).expect_err(text)
}

fn floats(values: &[Option<f64>]) -> ArrayRef {
    Arc::new(values.iter().copied().collect::<Float64Array>())
}

fn integers(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(values.iter().copied().collect::<Int64Array>())
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(values.iter().copied().collect::<StringArray>())
}

fn booleans(values: &[Option<bool>]) -> ArrayRef {
    Arc::new(values.iter().copied().collect::<BooleanArray>())
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    // A column may hold nothing but nulls, and every column may.
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap()
}

fn criteria(texts: &[&str]) -> Criteria {
    let parsed = texts.iter().enumerate();
    Criteria::new(
        parsed.map(|(index, text)| Criterion::parse(&format!("c{index}"), text).unwrap()).collect(),
    )
    .unwrap()
}
