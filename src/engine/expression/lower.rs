//! Syntax tree to polars expression, with the rules of types: one pass, so that what is checked is what is built.

use std::collections::BTreeMap;

use polars::prelude::{DataType, Expr, LiteralValue, Scalar, col, lit};

use super::ast::{Arithmetic, Comparison, Kind, Node};
use super::check::Type;
use super::error::ExpressionError;
use super::function::INSIDE;
use super::kernels;

pub(super) type Lowered<T> = Result<T, ExpressionError>;

/// The types of the columns read, by name; polars knows each by its place in this order.
pub(super) type Columns = BTreeMap<String, Type>;

/// A lowered node.
pub(super) struct Value<'a> {
    pub(super) expr: Expr,
    pub(super) kind: Type,
    pub(super) node: &'a Node,
}

/// Returns the name under which polars sees the `index`-th column read. A real name could be taken for a pattern:
/// polars reads `*` and `^..$` as such.
pub(super) fn polars_name(index: usize) -> String {
    format!("column_{index}")
}

/// Builds the polars expression of `node`, every column of which is in `columns`.
pub(super) fn lower<'a>(node: &'a Node, columns: &Columns) -> Lowered<Value<'a>> {
    let (expr, kind) = match &node.kind {
        Kind::Integer(value) => (constant(Scalar::from(*value)), Type::Integer),
        Kind::Float(value) => (constant(Scalar::from(*value)), Type::Float),
        Kind::Text(text) => (lit(text.clone()), Type::Text),
        Kind::Column(name) => column(name, node, columns)?,
        Kind::Negate(operand) => {
            let operand = lower(operand, columns)?.number("`-`")?;
            (kernels::unary(operand, |x| -x), Type::Float)
        }
        Kind::Not(operand) => (lower(operand, columns)?.boolean("`not`")?.not(), Type::Boolean),
        Kind::Arithmetic(operator, left, right) => {
            let operation = format!("`{}`", operator.symbol());
            let left = lower(left, columns)?.number(&operation)?;
            let right = lower(right, columns)?.number(&operation)?;
            (kernels::binary(left, right, operation_of(*operator)), Type::Float)
        }
        Kind::Comparison(first, rest) => (chain(first, rest, columns)?, Type::Boolean),
        Kind::All(nodes) => (logic(nodes, "`and`", Expr::and, columns)?, Type::Boolean),
        Kind::Any(nodes) => (logic(nodes, "`or`", Expr::or, columns)?, Type::Boolean),
        Kind::Call(function, arguments) => super::call::lower_call(*function, arguments, columns)?,
        Kind::Inside(x, y, polygon) => {
            let operation = format!("`{INSIDE}`");
            let x = lower(x, columns)?.number(&operation)?;
            let y = lower(y, columns)?.number(&operation)?;
            (kernels::inside(x, y, polygon.clone()), Type::Boolean)
        }
    };
    Ok(Value { expr, kind, node })
}

/// Makes a literal of exactly this type; `lit` leaves the width of a number to be guessed.
fn constant(value: Scalar) -> Expr {
    Expr::Literal(LiteralValue::Scalar(value))
}

impl Value<'_> {
    /// Returns the value as a 64-bit float.
    pub(super) fn number(self, operation: &str) -> Lowered<Expr> {
        match self.kind {
            Type::Float => Ok(self.expr),
            Type::Integer => Ok(self.expr.cast(DataType::Float64)),
            _ => Err(self.unfit(operation, "a number")),
        }
    }

    pub(super) fn boolean(self, operation: &str) -> Lowered<Expr> {
        if self.kind == Type::Boolean {
            Ok(self.expr)
        } else {
            Err(self.unfit(operation, "a boolean"))
        }
    }

    pub(super) fn text(self, operation: &str) -> Lowered<Expr> {
        if self.kind == Type::Text { Ok(self.expr) } else { Err(self.unfit(operation, "a text")) }
    }

    /// Returns the value with NaN, which is missing too, made null.
    pub(super) fn nan_to_null(self) -> Expr {
        if self.kind == Type::Float { kernels::nan_to_null(self.expr) } else { self.expr }
    }

    pub(super) fn unfit(&self, operation: &str, expected: &str) -> ExpressionError {
        ExpressionError::Operand {
            span: self.node.span.clone(),
            operation: operation.to_owned(),
            expected: expected.to_owned(),
            found: self.kind.to_string(),
        }
    }
}

fn column(name: &str, node: &Node, columns: &Columns) -> Lowered<(Expr, Type)> {
    let mut indexed = columns.iter().enumerate();
    match indexed.find(|(_, (known, _))| *known == name) {
        Some((index, (_, kind))) => Ok((col(polars_name(index)), *kind)),
        None => Err(ExpressionError::UnknownColumn {
            span: node.span.clone(),
            name: name.to_owned(),
            hint: None,
        }),
    }
}

/// Polars' own division by a constant multiplies by the reciprocal, so that a last digit would depend on whether
/// the divisor is a column of one row; all arithmetic is therefore done by our kernels.
fn operation_of(operator: Arithmetic) -> fn(f64, f64) -> f64 {
    match operator {
        Arithmetic::Add => |x, y| x + y,
        Arithmetic::Subtract => |x, y| x - y,
        Arithmetic::Multiply => |x, y| x * y,
        Arithmetic::Divide => |x, y| x / y,
        Arithmetic::Power => f64::powf,
    }
}

fn chain(first: &Node, rest: &[(Comparison, Node)], columns: &Columns) -> Lowered<Expr> {
    let lefts = std::iter::once(first).chain(rest.iter().map(|(_, node)| node));
    let pairs = lefts.zip(rest).map(|(left, (operator, right))| {
        compare(*operator, lower(left, columns)?, lower(right, columns)?)
    });
    Ok(balanced(pairs.collect::<Lowered<Vec<Expr>>>()?, Expr::and))
}

fn compare(operator: Comparison, left: Value, right: Value) -> Lowered<Expr> {
    let operation = format!("`{}`", operator.symbol());
    let equality = matches!(operator, Comparison::Equal | Comparison::NotEqual);
    let (left, right) = match (left.kind, right.kind) {
        // Integers are compared as they are: an identifier of 19 digits does not fit into a float.
        (Type::Integer, Type::Integer) | (Type::Text, Type::Text) => (left.expr, right.expr),
        (Type::Boolean, Type::Boolean) if equality => (left.expr, right.expr),
        (one, other) if one.is_numeric() && other.is_numeric() => {
            let left = kernels::nan_to_null(left.number(&operation)?);
            (left, kernels::nan_to_null(right.number(&operation)?))
        }
        (one, other) => {
            return Err(ExpressionError::Operand {
                span: left.node.span.start..right.node.span.end,
                operation,
                expected: "two numbers or two texts".to_owned(),
                found: format!("{one} and {other}"),
            });
        }
    };
    Ok(match operator {
        Comparison::Less => left.lt(right),
        Comparison::LessEqual => left.lt_eq(right),
        Comparison::Greater => left.gt(right),
        Comparison::GreaterEqual => left.gt_eq(right),
        Comparison::Equal => left.eq(right),
        Comparison::NotEqual => left.neq(right),
    })
}

fn logic(
    nodes: &[Node],
    operation: &str,
    join: fn(Expr, Expr) -> Expr,
    columns: &Columns,
) -> Lowered<Expr> {
    let terms = nodes.iter().map(|node| lower(node, columns)?.boolean(operation));
    Ok(balanced(terms.collect::<Lowered<Vec<Expr>>>()?, join))
}

/// Joins terms two by two, so that a list of thousands gives a tree of a dozen levels.
fn balanced(mut terms: Vec<Expr>, join: fn(Expr, Expr) -> Expr) -> Expr {
    while terms.len() > 1 {
        let mut joined = Vec::with_capacity(terms.len().div_ceil(2));
        let mut left = terms.into_iter();
        while let Some(one) = left.next() {
            joined.push(match left.next() {
                Some(other) => join(one, other),
                None => one,
            });
        }
        terms = joined;
    }
    // The grammar gives no empty list; the conjunction of nothing would be true.
    terms.pop().unwrap_or_else(|| lit(true))
}
