//! The expression language of `pipeline.toml`: cuts and derived columns.
//!
//! ```text
//! parallax / parallax_error > 5
//! 2800 < teff < 4500 and not flag(ASPCAPFLAG, 23)
//! inside(bp_rp, phot_g_mean_mag + 5 * log10(parallax / 100), [[0.7, 5], [1.4, 5], [5, 16.5], [4, 16.5]])
//! ```
//!
//! A text is parsed once into an [`Expression`], which knows the columns it reads and its normal form (both go
//! into cache keys), is checked against a schema, and is then evaluated on a record batch. [`Criteria`] applies a
//! list of boolean expressions in order and accounts for every row.
//!
//! # Grammar
//! From loosest to tightest: `or`; `and`; `not`; comparisons `< <= > >= == !=`; `+ -`; `* /`; unary `-`; `^`
//! (power, right-associative, so `-x^2` is `-(x^2)`). A chain `a < b <= c` means `a < b and b <= c`; the signs of
//! a chain point the same way. Literals are integers (`123`, compared exactly as 64-bit integers), decimals (`1.5`,
//! `1e-3`), and texts (`'M0'` or `"M0"`, a quote inside is doubled). A column is written bare, or in back quotes
//! when it is not a plain name or is a keyword: `` `[Fe/H]` ``.
//!
//! | function | value |
//! |---|---|
//! | `abs sqrt log10 ln exp floor` (x) | number; NaN outside the domain |
//! | `min max` (a, b, ..) | number; missing when any argument is |
//! | `if(condition, a, b)` | `a` or `b`; missing when the condition is undecidable |
//! | `coalesce(a, b, ..)` | the first that is not missing |
//! | `is_null(x)` | whether `x` is missing |
//! | `is_finite(x)` | whether `x` is a finite number; false when missing |
//! | `startswith(s, t)`, `contains(s, t)` | text tests, by bytes, no patterns |
//! | `in(x, a, b, ..)` | whether `x` equals one of the literals |
//! | `flag(bits, k)` | whether bit `k` (0 = least significant) of an integer is set |
//! | `inside(x, y, [[x1, y1], ..])` | whether the point is strictly inside a convex polygon; its boundary is outside |
//!
//! # Numbers and missing values
//! Arithmetic is in `f64`; integers stay integers in comparisons among integers, `in`, `if` and `coalesce`, so that
//! 64-bit identifiers are exact. *Missing* is null or NaN, as in FITS, where NaN is the null of a float. A comparison
//! or test with a missing operand is undecidable (null), and logic is three-valued: `false and null` is false. A
//! value depends on its row alone, never on the number of rows evaluated together.

mod ast;
mod atom;
mod attrition;
mod bridge;
mod call;
mod canonical;
mod check;
mod checks;
mod criteria;
mod error;
mod evaluate;
mod function;
mod kernels;
mod lower;
mod parser;
mod polygon;
mod suggest;
mod token;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;

pub use attrition::{Attrition, AttritionRow};
pub use check::Type;
pub use checks::Check;
pub use criteria::{Criteria, CriteriaError, Criterion, Failure, Verdict, Verdicts};
pub use error::{ExpressionError, Span};

/// Longest accepted text, bytes.
pub const MAX_LENGTH: usize = 64 * 1024;

/// Deepest accepted nesting of operations; keeps every recursion over the tree within a thread's stack.
pub const MAX_DEPTH: usize = 64;

/// Largest accepted number of operations, the middle operand of a chain counted twice because it is used twice.
pub const MAX_SIZE: usize = 16_384;

/// A parsed expression. Two are equal when their normal forms are, however they were written.
#[derive(Debug, Clone)]
pub struct Expression {
    text: String,
    root: ast::Node,
}

impl Expression {
    /// Parses one expression.
    ///
    /// Errors carry the byte span in `text`, what was expected there, and for a misspelt function the nearest name.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        let root = parser::parse(text)?;
        Ok(Self { text: text.to_owned(), root })
    }

    /// Returns the text as it was written, to which the spans of errors refer.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the columns that the expression reads: exactly those, so that they can be the basis of a cache key.
    pub fn columns(&self) -> BTreeSet<String> {
        self.root.columns()
    }

    /// Returns the normal form: the same for all spellings that differ only in white space, redundant parentheses,
    /// quotes or the spelling of a number. Parsing it gives an equal expression.
    pub fn canonical(&self) -> String {
        self.root.to_string()
    }

    /// Wraps a part of a larger expression, so that parts are evaluated by the same code as the whole.
    fn of_node(root: ast::Node) -> Self {
        let text = root.to_string();
        Self { text, root }
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.fmt(formatter)
    }
}

impl std::str::FromStr for Expression {
    type Err = ExpressionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}
