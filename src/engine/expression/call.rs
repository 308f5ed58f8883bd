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
    if let Some(f) = function_of_one(function) {
        let operation = format!("`{}`", function.name());
        let operand = lower(&arguments[0], columns)?.number(&operation)?;
        return Ok((kernels::unary(operand, f), Type::Float));
    }
    match function {
        Function::Min => extreme(arguments, "`min`", smaller, columns),
        Function::Max => extreme(arguments, "`max`", larger, columns),
        Function::If => choice(arguments, columns),
        Function::Coalesce => first_present(arguments, columns),
        _ => Ok((test(function, arguments, columns)?, Type::Boolean)),
    }
}

fn function_of_one(function: Function) -> Option<fn(f64) -> f64> {
    match function {
        Function::Abs => Some(f64::abs),
        Function::Sqrt => Some(f64::sqrt),
        Function::Log10 => Some(f64::log10),
        Function::Ln => Some(f64::ln),
        Function::Exp => Some(f64::exp),
        Function::Floor => Some(f64::floor),
        _ => None,
    }
}

/// Lowers the functions whose answer is yes or no.
fn test(function: Function, arguments: &[Node], columns: &Columns) -> Lowered<Expr> {
    let first = lower(&arguments[0], columns)?;
    match function {
        Function::IsNull => Ok(first.nan_to_null().is_null()),
        Function::IsFinite => Ok(kernels::is_finite(first.number("`is_finite`")?)),
        Function::In => within(first, &arguments[1..]),
        Function::Flag => flag(first, &arguments[1]),
        Function::StartsWith => {
            let part = lower(&arguments[1], columns)?.text("`startswith`")?;
            let text = first.text("`startswith`")?;
            Ok(kernels::text_test(text, part, |text, part| text.starts_with(part)))
        }
        _ => {
            let part = lower(&arguments[1], columns)?.text("`contains`")?;
            let text = first.text("`contains`")?;
            Ok(kernels::text_test(text, part, |text, part| text.contains(part)))
        }
    }
}

fn extreme(
    arguments: &[Node],
    operation: &str,
    pick: fn(f64, f64) -> f64,
    columns: &Columns,
) -> Lowered<(Expr, Type)> {
    let number = |node: &Node| lower(node, columns)?.number(operation);
    let first = number(&arguments[0])?;
    let joined = arguments[1..]
        .iter()
        .try_fold(first, |one, other| Ok(kernels::binary(one, number(other)?, pick)));
    Ok((joined?, Type::Float))
}

fn choice(arguments: &[Node], columns: &Columns) -> Lowered<(Expr, Type)> {
    let condition = lower(&arguments[0], columns)?.boolean("`if`")?;
    let (branches, kind) = of_one_type(&arguments[1..], "`if`", columns)?;
    Ok((kernels::choose(condition, branches), kind))
}

fn first_present(arguments: &[Node], columns: &Columns) -> Lowered<(Expr, Type)> {
    let (exprs, kind) = of_one_type(arguments, "`coalesce`", columns)?;
    let present = exprs.into_iter().map(|expr| match kind {
        Type::Float => kernels::nan_to_null(expr),
        _ => expr,
    });
    Ok((coalesce(&present.collect::<Vec<Expr>>()), kind))
}

/// The smaller number; NaN when either is, where `f64::min` would return the other.
fn smaller(x: f64, y: f64) -> f64 {
    if x.is_nan() || y.is_nan() { f64::NAN } else { x.min(y) }
}

fn larger(x: f64, y: f64) -> f64 {
    if x.is_nan() || y.is_nan() { f64::NAN } else { x.max(y) }
}

/// Lowers values that must have one type: integers among floats become floats.
fn of_one_type(nodes: &[Node], operation: &str, columns: &Columns) -> Lowered<(Vec<Expr>, Type)> {
    let values = nodes.iter().map(|node| lower(node, columns)).collect::<Lowered<Vec<Value>>>()?;
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
