//! Types, and values with all that can be missing.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float32Array, Int16Array, LargeStringArray, RecordBatch, UInt64Array,
};
use arrow::datatypes::Int64Type;
use proptest::prelude::*;

use super::super::{Expression, MAX_DEPTH};
use super::{batch, booleans, floats, integers, parse, texts};

const NAN: Option<f64> = Some(f64::NAN);

pub(super) fn stars() -> RecordBatch {
    batch(vec![
        ("x", floats(&[Some(1.0), Some(-4.0), NAN, None, Some(f64::INFINITY)])),
        ("y", floats(&[Some(3.0), Some(2.0), Some(1.0), Some(0.5), NAN])),
        (
            "id",
            integers(&[
                Some(9_007_199_254_740_993),
                Some(9_007_199_254_740_992),
                Some(0),
                None,
                Some(-1),
            ]),
        ),
        ("s", texts(&[Some("dM0"), Some("M3"), Some(""), None, Some("K7")])),
        ("b", booleans(&[Some(true), Some(false), None, Some(true), Some(false)])),
    ])
}

fn numbers(text: &str) -> Vec<Option<f64>> {
    parse(text).evaluate_f64(&stars()).unwrap().iter().collect()
}

fn truths(text: &str) -> Vec<Option<bool>> {
    parse(text).evaluate_bool(&stars()).unwrap().iter().collect()
}

#[test]
fn arithmetic_is_that_of_f64_and_null_stays_null() {
    let y = [3.0, 2.0, 1.0, 0.5];
    for (text, f) in [
        ("y / 10", (|y| y / 10.0) as fn(f64) -> f64),
        ("2 ^ y - 1", |y| 2.0_f64.powf(y) - 1.0),
        ("-y * y + y", |y| -y * y + y),
        ("5 * log10(y / 100)", |y| 5.0 * (y / 100.0).log10()),
        ("sqrt(y) + ln(y) + exp(y)", |y| y.sqrt() + y.ln() + y.exp()),
        ("floor(y) + abs(-y)", |y| y.floor() + y),
        ("min(y, 1) + max(2, y, 0.5)", |y| y.min(1.0) + y.max(2.0)),
    ] {
        let values = numbers(text);
        for (row, &y) in y.iter().enumerate() {
            assert_eq!(values[row], Some(f(y)), "{text} of {y}");
        }
        assert!(values[4].unwrap().is_nan(), "{text}");
    }
    let sum = numbers("x + 1");
    assert_eq!((sum[3], sum[4]), (None, Some(f64::INFINITY)));
    assert!(sum[2].unwrap().is_nan() && numbers("sqrt(x)")[1].unwrap().is_nan());
    assert!(numbers("min(x, 1)")[2].unwrap().is_nan() && numbers("max(x, 1)")[3].is_none());
}

#[test]
fn literals_alone_are_repeated_for_every_row() {
    assert_eq!(numbers("2 ^ 3 ^ 2 / 4"), [Some(128.0); 5]);
    assert_eq!(truths("1 < 2 and abs(-1) == 1"), [Some(true); 5]);
    let empty = stars().slice(0, 0);
    for text in ["x > 1", "1 > 2", "if(b, x, y) > 0", "in(s, 'a')", "coalesce(x, 1) > 0"] {
        assert_eq!(parse(text).evaluate_bool(&empty).unwrap().len(), 0, "{text}");
    }
}

#[test]
fn nan_and_null_are_undecidable_in_comparisons_and_logic_is_three_valued() {
    // Polars orders NaN above every number: without care `x > 5` would be true for it.
    assert_eq!(truths("x > 0"), [Some(true), Some(false), None, None, Some(true)]);
    assert_eq!(truths("x != y"), [Some(true), Some(true), None, None, None]);
    assert_eq!(truths("x == x"), [Some(true), Some(true), None, None, Some(true)]);
    assert_eq!(truths("log10(x) > -9"), [Some(true), None, None, None, Some(true)]);
    assert_eq!(
        truths("x > 0 and y > 2"),
        [Some(true), Some(false), Some(false), Some(false), None]
    );
    assert_eq!(truths("x > 0 or y > 2"), [Some(true), Some(false), None, None, Some(true)]);
    assert_eq!(truths("not b"), [Some(false), Some(true), None, Some(false), Some(true)]);
    assert_eq!(truths("in(x, 1, -4.0)"), [Some(true), Some(true), None, None, Some(false)]);
    assert_eq!(
        truths("inside(x, y, [[0, 0], [4, 0], [0, 9]])"),
        [Some(true), Some(false), None, None, None]
    );
}

#[test]
fn missing_values_can_be_asked_for_and_replaced() {
    assert_eq!(
        truths("is_null(x)"),
        [Some(false), Some(false), Some(true), Some(true), Some(false)]
    );
    assert_eq!(
        truths("is_finite(x)"),
        [Some(true), Some(true), Some(false), Some(false), Some(false)]
    );
    assert_eq!(truths("is_null(s) or is_null(id)"), [false, false, false, true, false].map(Some));
    assert_eq!(numbers("coalesce(x, y, 7)"), [1.0, -4.0, 1.0, 0.5, f64::INFINITY].map(Some));
    assert_eq!(numbers("coalesce(y, 7)")[4], Some(7.0));
    assert_eq!(numbers("if(b, y, 0)"), [Some(3.0), Some(0.0), None, Some(0.5), Some(0.0)]);
    assert_eq!(truths("if(b, b, x > 0)"), [Some(true), Some(false), None, Some(true), Some(true)]);
    let text = parse("if(x > 0, s, 'none')").evaluate_utf8(&stars()).unwrap();
    assert_eq!(
        text.iter().collect::<Vec<_>>(),
        [Some("dM0"), Some("none"), None, None, Some("K7")]
    );
}

#[test]
fn chained_comparison_is_the_conjunction_of_its_pairs() {
    assert_eq!(truths("0.5 < y <= 2"), truths("0.5 < y and y <= 2"));
    assert_eq!(truths("1 < x + 1 < y < 9"), truths("1 < x + 1 and x + 1 < y and y < 9"));
    assert_eq!(truths("0.5 < y <= 2"), [Some(false), Some(true), Some(true), Some(false), None]);
}

#[test]
fn identifiers_are_compared_as_64_bit_integers() {
    // 2^53 and 2^53 + 1 are the same float.
    let first = [Some(true), Some(false), Some(false), None, Some(false)];
    assert_eq!(truths("id == 9007199254740993"), first);
    assert_eq!(truths("in(id, 9007199254740993, 5)"), first);
    assert_eq!(truths("id == -1"), [Some(false), Some(false), Some(false), None, Some(true)]);
    assert_eq!(
        truths("id == 9007199254740992.0")[0],
        Some(true),
        "a float literal asks for floats"
    );
    let kept = parse("coalesce(id, 9007199254740995)").evaluate(&stars()).unwrap();
    assert_eq!(kept.as_primitive::<Int64Type>().value(0), 9_007_199_254_740_993);
    assert_eq!(kept.as_primitive::<Int64Type>().value(3), 9_007_199_254_740_995);
    assert_eq!(truths("flag(id, 0)"), [Some(true), Some(false), Some(false), None, Some(true)]);
    assert_eq!(truths("flag(id, 53) and not flag(id, 63)")[0], Some(true));
}

#[test]
fn texts_are_tested_by_bytes_without_patterns() {
    assert_eq!(
        truths("startswith(s, 'M')"),
        [Some(false), Some(true), Some(false), None, Some(false)]
    );
    assert_eq!(
        truths("contains(s, 'M')"),
        [Some(true), Some(true), Some(false), None, Some(false)]
    );
    assert_eq!(
        truths("contains(s, '.')"),
        [Some(false), Some(false), Some(false), None, Some(false)]
    );
    assert_eq!(
        truths("startswith('dM0 star', s)"),
        [Some(true), Some(false), Some(true), None, Some(false)]
    );
    assert_eq!(
        truths("in(s, 'M3', 'K7')"),
        [Some(false), Some(true), Some(false), None, Some(true)]
    );
    assert_eq!(truths("s >= 'L'"), [Some(true), Some(true), Some(false), None, Some(false)]);
}

#[test]
fn widths_of_columns_do_not_matter_and_odd_names_are_only_names() {
    let table = batch(vec![
        ("*", Arc::new(Float32Array::from(vec![Some(1.5), None]))),
        ("^.*$", Arc::new(Int16Array::from(vec![3, 4]))),
        ("back`quote", Arc::new(LargeStringArray::from(vec!["M1", "K"]))),
        ("column_0", Arc::new(UInt64Array::from(vec![7, 8]))),
    ]);
    let value = parse("`*` + `^.*$` * column_0").evaluate_f64(&table).unwrap();
    assert_eq!(value.iter().collect::<Vec<_>>(), [Some(22.5), None]);
    let found = parse("`back``quote` == 'K'").evaluate_bool(&table).unwrap();
    assert_eq!(found.iter().collect::<Vec<_>>(), [Some(false), Some(true)]);
    let above = batch(vec![("u", Arc::new(UInt64Array::from(vec![u64::MAX])) as ArrayRef)]);
    let error = parse("u > 1").evaluate_bool(&above).unwrap_err();
    assert!(error.to_string().contains("column `u` cannot be read as an integer"), "{error}");
}

#[test]
fn deepest_and_largest_accepted_expressions_are_evaluated_on_a_small_stack() {
    let deep =
        (0..MAX_DEPTH / 2 - 1).fold("x".to_owned(), |inner, _| format!("if({inner} > 1, y, x)"));
    let sum = vec!["y"; MAX_DEPTH].join(" + ");
    let many = vec!["y < 4"; 2000].join(" and ");
    for text in [deep, sum, many] {
        let check = move || parse(&text).evaluate(&stars()).map(|array| array.len());
        let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(check).unwrap();
        assert_eq!(thread.join().unwrap(), Ok(5));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_row_does_not_depend_on_how_many_are_evaluated_together(
        values in prop::collection::vec((prop::option::of(-1e3..1e3_f64), any::<f64>()), 300),
    ) {
        let (x, y): (Vec<_>, Vec<_>) = values.into_iter().map(|(x, y)| (x, Some(y))).unzip();
        let table = batch(vec![("x", floats(&x)), ("y", floats(&y))]);
        let expression = Expression::parse("max(x / 7, 3 / y, (x + y) / y) ^ 0.3 - log10(x) / (y / y)").unwrap();
        let bits = |size: usize| -> Vec<Option<u64>> {
            let starts = (0..table.num_rows()).step_by(size);
            starts
                .flat_map(|start| {
                    let part = table.slice(start, size.min(table.num_rows() - start));
                    let values = expression.evaluate_f64(&part).unwrap();
                    values.iter().map(|value| value.map(f64::to_bits)).collect::<Vec<_>>()
                })
                .collect()
        };
        let whole = bits(300);
        for size in [1, 7, 256] {
            prop_assert_eq!(&bits(size), &whole);
        }
    }
}
