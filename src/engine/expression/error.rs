//! What can be wrong with an expression, where in its text, and how to put it right.

use std::ops::Range;

use thiserror::Error;

use super::{MAX_DEPTH, MAX_LENGTH, MAX_SIZE, Type};

/// Byte range in the text of the expression.
pub type Span = Range<usize>;

/// A mistake in an expression, found when it is parsed, checked against a schema, or evaluated.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the messages say what the fields of the variants are")]
pub enum ExpressionError {
    /// The text is longer than [`MAX_LENGTH`].
    #[error(
        "the expression has {length} bytes, more than {MAX_LENGTH}; split it into several criteria or columns"
    )]
    TooLong { length: usize },
    /// The nesting is deeper than [`MAX_DEPTH`].
    #[error(
        "the expression is nested more than {MAX_DEPTH} operations deep at bytes {span:?}; \
         compute a part as a derived column"
    )]
    TooDeep { span: Span },
    /// There are more than [`MAX_SIZE`] operations.
    #[error(
        "the expression has more than {MAX_SIZE} operations at bytes {span:?}; \
         use `in(x, a, b, ..)` for long lists, or compute a part as a derived column"
    )]
    TooLarge { span: Span },
    /// The text does not follow the grammar.
    #[error("expected {expected} at bytes {span:?}, found {found}{}", tail(.hint))]
    Syntax { span: Span, expected: String, found: String, hint: Option<String> },
    /// A name is called that is no function.
    #[error("no function `{name}` at bytes {span:?}{}", tail(.hint))]
    UnknownFunction { span: Span, name: String, hint: Option<String> },
    /// A function has the wrong number or kind of arguments, whatever the columns are.
    #[error("`{function}` at bytes {span:?} takes {expected}, found {found}")]
    Arguments { span: Span, function: &'static str, expected: String, found: String },
    /// The vertices of `inside` do not go round a convex polygon.
    #[error("the polygon at bytes {span:?} is not convex in the order given: {reason}; {fix}")]
    Polygon { span: Span, reason: String, fix: String },
    /// A column is not in the table.
    #[error("no column `{name}` at bytes {span:?}{}", tail(.hint))]
    UnknownColumn { span: Span, name: String, hint: Option<String> },
    /// A column has a type on which no expression is defined.
    #[error(
        "column `{name}` at bytes {span:?} has type {found}; \
         expressions read integers, floats, texts and booleans"
    )]
    UnsupportedColumn { span: Span, name: String, found: String },
    /// An operation is applied to a value of the wrong type.
    #[error("{operation} at bytes {span:?} needs {expected}, found {found}")]
    Operand { span: Span, operation: String, expected: String, found: String },
    /// The whole expression has another type than is asked of it.
    #[error("the expression `{expression}` gives {found}, where {expected} is needed")]
    Outcome { expression: String, expected: Type, found: Type },
    /// The values of a column cannot be read.
    #[error("column `{name}` cannot be read as {expected}: {reason}")]
    Values { name: String, expected: Type, reason: String },
    /// The evaluation itself failed: a fault of this program or of a library, not of the expression.
    #[error(
        "`{expression}` could not be evaluated: {reason}; please report it with the expression"
    )]
    Evaluation { expression: String, reason: String },
}

impl ExpressionError {
    /// Returns the byte range of the mistake in the text, where it has one.
    pub fn span(&self) -> Option<Span> {
        match self {
            Self::TooDeep { span }
            | Self::TooLarge { span }
            | Self::Syntax { span, .. }
            | Self::UnknownFunction { span, .. }
            | Self::Arguments { span, .. }
            | Self::Polygon { span, .. }
            | Self::UnknownColumn { span, .. }
            | Self::UnsupportedColumn { span, .. }
            | Self::Operand { span, .. } => Some(span.clone()),
            Self::TooLong { .. }
            | Self::Outcome { .. }
            | Self::Values { .. }
            | Self::Evaluation { .. } => None,
        }
    }
}

fn tail(hint: &Option<String>) -> String {
    hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}"))
}
