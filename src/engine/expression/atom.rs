//! The conditions of a criterion: what a rejected row is told it failed.

use arrow::array::{Float64Array, RecordBatch};

use super::ast::{Kind, Node};
use super::{Expression, ExpressionError};

/// One condition of a conjunction, with its two sides when it is a comparison.
pub(super) struct Atom {
    pub(super) test: Expression,
    sides: Option<(Expression, Expression)>,
}

/// Splits a conjunction into its terms and a chain of comparisons into its pairs; anything else is one condition.
pub(super) fn atoms(expression: &Expression) -> Vec<Atom> {
    let root = &expression.root;
    let terms = if let Kind::All(nodes) = &root.kind {
        nodes.as_slice()
    } else {
        std::slice::from_ref(root)
    };
    terms.iter().flat_map(atoms_of_term).collect()
}

fn atoms_of_term(term: &Node) -> Vec<Atom> {
    let Kind::Comparison(first, rest) = &term.kind else {
        return vec![Atom { test: Expression::of_node(term.clone()), sides: None }];
    };
    let lefts = std::iter::once(&**first).chain(rest.iter().map(|(_, node)| node));
    lefts
        .zip(rest)
        .map(|(left, (operator, right))| {
            let span = left.span.start..right.span.end;
            let pair = Kind::Comparison(Box::new(left.clone()), vec![(*operator, right.clone())]);
            Atom {
                test: Expression::of_node(Node::new(pair, span)),
                sides: Some(value_and_threshold(left, right)),
            }
        })
        .collect()
}

/// Returns the side that is judged and the side it is judged by: in `2800 < teff` the value is `teff`.
fn value_and_threshold(left: &Node, right: &Node) -> (Expression, Expression) {
    let reversed = left.columns().is_empty() && !right.columns().is_empty();
    let (value, threshold) = if reversed { (right, left) } else { (left, right) };
    (Expression::of_node(value.clone()), Expression::of_node(threshold.clone()))
}

impl Atom {
    /// Evaluates (value, threshold) of a comparison of numbers; `None` for any other condition.
    pub(super) fn numeric_sides(
        &self,
        batch: &RecordBatch,
    ) -> Result<Option<(Float64Array, Float64Array)>, ExpressionError> {
        match &self.sides {
            Some((value, threshold)) if value.check(&batch.schema())?.is_numeric() => {
                Ok(Some((value.evaluate_f64(batch)?, threshold.evaluate_f64(batch)?)))
            }
            _ => Ok(None),
        }
    }
}
