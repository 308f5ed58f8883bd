//! Types are checked against a schema before anything is evaluated.

use arrow::datatypes::{DataType, Field, Schema};

use super::super::{ExpressionError, Type};
use super::evaluation::stars;
use super::parse;

fn schema() -> Schema {
    let fields = [
        ("x", DataType::Float32),
        ("id", DataType::Int64),
        ("s", DataType::Utf8),
        ("d", DataType::Date32),
    ];
    Schema::new(fields.map(|(name, kind)| Field::new(name, kind, true)).to_vec())
}

#[test]
fn types_follow_from_the_columns() {
    for (text, kind) in [
        ("x + id", Type::Float),
        ("if(x > 1, id, 0)", Type::Integer),
        ("if(x > 1, id, x)", Type::Float),
        ("coalesce(s, '')", Type::Text),
        ("(x > 1) == (id > 1)", Type::Boolean),
        ("-id", Type::Float),
    ] {
        assert_eq!(parse(text).check(&schema()).unwrap(), kind, "{text}");
    }
}

#[test]
fn misfits_are_found_before_anything_is_evaluated() {
    for (text, message) in [
        ("s < 5", "`<` at bytes 0..5 needs two numbers or two texts, found a text and an integer"),
        ("1 + s", "`+` at bytes 4..5 needs a number, found a text"),
        ("x and id > 1", "`and` at bytes 0..1 needs a boolean, found a float"),
        ("(x > 1) < (x > 2)", "needs two numbers or two texts, found a boolean and a boolean"),
        ("flag(x, 1)", "`flag` at bytes 5..6 needs an integer column, found a float"),
        ("contains(x, 'a')", "`contains` at bytes 9..10 needs a text, found a float"),
        ("if(x > 1, s, 2)", "`if` at bytes 13..14 needs a text as before, found an integer"),
        ("in(s, 'a', 1)", "`in` at bytes 11..12"),
        ("ix > 1", "no column `ix` at bytes 0..2; did you mean `id`?"),
        ("ruwe > 1", "no column `ruwe` at bytes 0..4; there are `d`, `id`, `s`, `x`"),
        ("d > 1", "column `d` at bytes 0..1 has type Date32"),
    ] {
        let error = parse(text).check(&schema()).unwrap_err().to_string();
        assert!(error.contains(message), "{text}: {error}");
    }
}

#[test]
fn value_must_have_the_type_that_is_asked_for() {
    let error = parse("x + 1").evaluate_bool(&stars()).unwrap_err();
    let expected = "the expression `x + 1` gives a float, where a boolean is needed";
    assert_eq!(error.to_string(), expected);
    assert!(matches!(parse("b").evaluate_f64(&stars()), Err(ExpressionError::Outcome { .. })));
}
