//! Row-wise functions as polars expressions: each value depends on its own row only, missing gives missing.

use polars::prelude::{
    BooleanChunked, ChunkApply, Column, DataType, Expr, Field, Float64Chunked, Int64Chunked,
    IntoColumn, PolarsError, PolarsResult, Schema, StringChunked,
};

use super::polygon::ConvexPolygon;

/// Applies `f` to a float.
pub(super) fn unary(operand: Expr, f: fn(f64) -> f64) -> Expr {
    operand.map(move |column| Ok(column.f64()?.apply_values(f).into_column()), float)
}

/// Applies `f` to two floats.
pub(super) fn binary(left: Expr, right: Expr, f: fn(f64, f64) -> f64) -> Expr {
    let apply = move |columns: &mut [Column]| {
        let [left, right] = aligned(columns)?;
        let pairs = left.f64()?.iter().zip(right.f64()?.iter());
        let values: Float64Chunked = pairs.map(|(x, y)| Some(f(x?, y?))).collect();
        Ok(named(values, &left))
    };
    left.map_many(apply, &[right], |schema, fields| float(schema, &fields[0]))
}

/// Makes NaN null.
pub(super) fn nan_to_null(operand: Expr) -> Expr {
    let apply = |column: Column| {
        let values = column.f64()?;
        let clean: Float64Chunked =
            values.iter().map(|value| value.filter(|x| !x.is_nan())).collect();
        Ok(named(clean, &column))
    };
    operand.map(apply, float)
}

/// Whether a float is a finite number; false when missing.
pub(super) fn is_finite(operand: Expr) -> Expr {
    test_float(operand, |value| Some(value.is_some_and(f64::is_finite)))
}

/// Whether a float equals one of the literals; missing when it is.
pub(super) fn float_in(operand: Expr, literals: Vec<f64>) -> Expr {
    test_float(operand, move |value| value.filter(|x| !x.is_nan()).map(|x| literals.contains(&x)))
}

/// Whether an integer equals one of the literals.
pub(super) fn integer_in(operand: Expr, literals: Vec<i64>) -> Expr {
    test_integer(operand, move |value| literals.contains(&value))
}

/// Whether bit `bit` (0 to 63) of an integer is set.
pub(super) fn bit(operand: Expr, bit: i64) -> Expr {
    test_integer(operand, move |value| (value >> bit) & 1 == 1)
}

/// Whether a text equals one of the literals.
pub(super) fn text_in(operand: Expr, literals: Vec<String>) -> Expr {
    let apply = move |column: Column| {
        let values = column.str()?.iter();
        let found: BooleanChunked = values
            .map(|value| value.map(|text| literals.iter().any(|known| known == text)))
            .collect();
        Ok(named(found, &column))
    };
    operand.map(apply, boolean)
}

/// Applies a test to two texts.
pub(super) fn text_test(text: Expr, part: Expr, test: fn(&str, &str) -> bool) -> Expr {
    let apply = move |columns: &mut [Column]| {
        let [text, part] = aligned(columns)?;
        let pairs = text.str()?.iter().zip(part.str()?.iter());
        let found: BooleanChunked = pairs.map(|(text, part)| Some(test(text?, part?))).collect();
        Ok(named(found, &text))
    };
    text.map_many(apply, &[part], |schema, fields| boolean(schema, &fields[0]))
}

/// Whether the point is strictly inside the polygon; missing when a coordinate is.
pub(super) fn inside(x: Expr, y: Expr, polygon: ConvexPolygon) -> Expr {
    let apply = move |columns: &mut [Column]| {
        let [x, y] = aligned(columns)?;
        let points = x.f64()?.iter().zip(y.f64()?.iter());
        let found: BooleanChunked = points.map(|(px, py)| polygon.contains(px?, py?)).collect();
        Ok(named(found, &x))
    };
    x.map_many(apply, &[y], |schema, fields| boolean(schema, &fields[0]))
}

/// Takes the first branch where the condition is true, the second where it is false, and nothing where it is
/// undecidable; polars' own `when` takes a null condition for false.
pub(super) fn choose(condition: Expr, branches: Vec<Expr>) -> Expr {
    let apply = |columns: &mut [Column]| {
        let [condition, yes, no] = aligned(columns)?;
        let chosen = match yes.dtype() {
            DataType::Float64 => {
                let chosen: Float64Chunked = pick(&condition, yes.f64()?.iter(), no.f64()?.iter())?;
                chosen.into_column()
            }
            DataType::Int64 => {
                let chosen: Int64Chunked = pick(&condition, yes.i64()?.iter(), no.i64()?.iter())?;
                chosen.into_column()
            }
            DataType::Boolean => {
                let chosen: BooleanChunked =
                    pick(&condition, yes.bool()?.iter(), no.bool()?.iter())?;
                chosen.into_column()
            }
            _ => {
                let chosen: StringChunked = pick(&condition, yes.str()?.iter(), no.str()?.iter())?;
                chosen.into_column()
            }
        };
        Ok(chosen.with_name(condition.name().clone()))
    };
    let kind = |_: &Schema, fields: &[Field]| {
        Ok(Field::new(fields[0].name().clone(), fields[1].dtype().clone()))
    };
    condition.map_many(apply, &branches, kind)
}

fn pick<T, C: FromIterator<Option<T>>>(
    condition: &Column,
    yes: impl Iterator<Item = Option<T>>,
    no: impl Iterator<Item = Option<T>>,
) -> PolarsResult<C> {
    let rows = condition.bool()?.iter().zip(yes.zip(no));
    Ok(rows.map(|(condition, (yes, no))| if condition? { yes } else { no }).collect())
}

fn test_float(
    operand: Expr,
    test: impl Fn(Option<f64>) -> Option<bool> + Send + Sync + 'static,
) -> Expr {
    let apply = move |column: Column| {
        let found: BooleanChunked = column.f64()?.iter().map(&test).collect();
        Ok(named(found, &column))
    };
    operand.map(apply, boolean)
}

fn test_integer(operand: Expr, test: impl Fn(i64) -> bool + Send + Sync + 'static) -> Expr {
    let apply = move |column: Column| {
        let found: BooleanChunked = column.i64()?.iter().map(|value| value.map(&test)).collect();
        Ok(named(found, &column))
    };
    operand.map(apply, boolean)
}

/// Takes the columns and repeats those of one row (literals) to the length of the others.
fn aligned<const N: usize>(columns: &mut [Column]) -> PolarsResult<[Column; N]> {
    let n_row = columns.iter().map(Column::len).find(|&length| length != 1).unwrap_or(1);
    let repeated: Vec<Column> =
        columns
            .iter()
            .map(|column| {
                if column.len() == n_row { column.clone() } else { column.new_from_index(0, n_row) }
            })
            .collect();
    let n_column = repeated.len();
    repeated.try_into().map_err(|_| {
        PolarsError::ComputeError(format!("{n_column} columns where {N} are needed").into())
    })
}

fn named(values: impl IntoColumn, like: &Column) -> Column {
    values.into_column().with_name(like.name().clone())
}

fn float(_: &Schema, field: &Field) -> PolarsResult<Field> {
    Ok(Field::new(field.name().clone(), DataType::Float64))
}

fn boolean(_: &Schema, field: &Field) -> PolarsResult<Field> {
    Ok(Field::new(field.name().clone(), DataType::Boolean))
}
