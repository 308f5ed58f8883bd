//! Function calls to polars expressions. The parser has checked how many arguments there are.

use polars::prelude::{Expr, coalesce};

use super::ast::{Kind, Node};
use super::check::Type;
use super::error::ExpressionError;
use super::function::Function;
use super::kernels;
use super::lower::{Columns, Lowered, Value, lower};

/// Builds the polars expression of a call.
pub(super) fn lower_call(
    function: Function,
    arguments: &[Node],
    columns: &Columns,
) -> Lowered<(Expr, Type)> {
    let operation = format!("`{}`", function.name());
    let value = |index: usize| lower(&arguments[index], columns);
    let number = |index: usize| value(index)?.number(&operation);
    Ok(match function {
        Function::Abs => (kernels::unary(number(0)?, f64::abs), Type::Float),
        Function::Sqrt => (kernels::unary(number(0)?, f64::sqrt), Type::Float),
        Function::Log10 => (kernels::unary(number(0)?, f64::log10), Type::Float),
        Function::Ln => (kernels::unary(number(0)?, f64::ln), Type::Float),
        Function::Exp => (kernels::unary(number(0)?, f64::exp), Type::Float),
        Function::Floor => (kernels::unary(number(0)?, f64::floor), Type::Float),
        Function::Min | Function::Max => {
            let pick = if function == Function::Min {
                smaller
            } else {
                larger
            };
            let rest = (1..arguments.len()).map(number);
            let joined = rest.fold(number(0), |one, other| {
                Ok(kernels::binary(one?, other?, pick))
            });
            (joined?, Type::Float)
        }
        Function::If => {
            let condition = value(0)?.boolean(&operation)?;
            let (branches, kind) = of_one_type(&arguments[1..], &operation, columns)?;
            (kernels::choose(condition, branches), kind)
        }
        Function::Coalesce => {
            let (exprs, kind) = of_one_type(arguments, &operation, columns)?;
            let clean = |expr| {
                if kind == Type::Float {
                    kernels::nan_to_null(expr)
                } else {
                    expr
                }
            };
            (
                coalesce(&exprs.into_iter().map(clean).collect::<Vec<Expr>>()),
                kind,
            )
        }
        Function::IsNull => (value(0)?.nan_to_null().is_null(), Type::Boolean),
        Function::IsFinite => (kernels::is_finite(number(0)?), Type::Boolean),
        Function::StartsWith | Function::Contains => {
            let test: fn(&str, &str) -> bool = match function {
                Function::StartsWith => |text, part| text.starts_with(part),
                _ => |text, part| text.contains(part),
            };
            let (text, part) = (value(0)?.text(&operation)?, value(1)?.text(&operation)?);
            (kernels::text_test(text, part, test), Type::Boolean)
        }
        Function::In => (within(value(0)?, &arguments[1..])?, Type::Boolean),
        Function::Flag => (flag(value(0)?, &arguments[1])?, Type::Boolean),
    })
}

/// The smaller number; NaN when either is, where `f64::min` would return the other.
fn smaller(x: f64, y: f64) -> f64 {
    if x.is_nan() || y.is_nan() {
        f64::NAN
    } else {
        x.min(y)
    }
}

fn larger(x: f64, y: f64) -> f64 {
    if x.is_nan() || y.is_nan() {
        f64::NAN
    } else {
        x.max(y)
    }
}

/// Lowers values that must have one type: integers among floats become floats.
fn of_one_type(nodes: &[Node], operation: &str, columns: &Columns) -> Lowered<(Vec<Expr>, Type)> {
    let values = nodes
        .iter()
        .map(|node| lower(node, columns))
        .collect::<Lowered<Vec<Value>>>()?;
    let first = values[0].kind;
    if values.iter().all(|value| value.kind == first) {
        return Ok((values.into_iter().map(|value| value.expr).collect(), first));
    }
    let expected = if first.is_numeric() {
        "a number as before".to_owned()
    } else {
        format!("{first} as before")
    };
    let exprs = values.into_iter().map(|value| {
        if first.is_numeric() && value.kind.is_numeric() {
            value.number(operation)
        } else if value.kind == first {
            Ok(value.expr)
        } else {
            Err(value.unfit(operation, &expected))
        }
    });
    Ok((exprs.collect::<Lowered<Vec<Expr>>>()?, Type::Float))
}

fn within(value: Value, literals: &[Node]) -> Lowered<Expr> {
    let mut integers = Vec::new();
    let mut floats = Vec::new();
    let mut texts = Vec::new();
    for literal in literals {
        match &literal.kind {
            Kind::Integer(number) if value.kind.is_numeric() => {
                integers.push(*number);
                floats.push(*number as f64);
            }
            Kind::Float(number) if value.kind.is_numeric() => floats.push(*number),
            Kind::Text(text) if value.kind == Type::Text => texts.push(text.clone()),
            _ => return Err(not_comparable(&value, literal)),
        }
    }
    Ok(match value.kind {
        Type::Text => kernels::text_in(value.expr, texts),
        Type::Integer if integers.len() == literals.len() => {
            kernels::integer_in(value.expr, integers)
        }
        _ => kernels::float_in(value.number("`in`")?, floats),
    })
}

fn not_comparable(value: &Value, literal: &Node) -> ExpressionError {
    ExpressionError::Operand {
        span: literal.span.clone(),
        operation: "`in`".to_owned(),
        expected: "a number or text, and literals of the same type".to_owned(),
        found: format!("{} and `{literal}`", value.kind),
    }
}

fn flag(bits: Value, bit: &Node) -> Lowered<Expr> {
    match (bits.kind, &bit.kind) {
        (Type::Integer, Kind::Integer(bit)) => Ok(kernels::bit(bits.expr, *bit)),
        _ => Err(bits.unfit("`flag`", "an integer column")),
    }
}
