//! Grammar, normal form, columns read, and the errors of parsing.

use super::super::{ExpressionError, MAX_DEPTH, MAX_LENGTH};
use super::{canonical, error, parse};

#[test]
fn operators_bind_as_documented() {
    for (text, explicit) in [
        ("1 + 2 * 3", "1 + (2 * 3)"),
        ("a - b - c", "(a - b) - c"),
        ("a / b * c", "(a / b) * c"),
        ("a ^ b ^ c", "a ^ (b ^ c)"),
        ("-a ^ 2", "-(a ^ 2)"),
        ("-2 ^ 2", "-(2 ^ 2)"),
        ("2 ^ -a * 3", "(2 ^ (-a)) * 3"),
        ("-a * b", "(-a) * b"),
        ("not a < b and c or d", "((not (a < b)) and c) or d"),
        ("a or b and c", "a or (b and c)"),
        ("not not a", "not (not a)"),
        ("a + 1 < b * 2", "(a + 1) < (b * 2)"),
        ("a < not b < c", "a < (not (b < c))"),
    ] {
        assert_eq!(parse(text), parse(explicit), "{text}");
    }
    for (one, other) in
        [("a - b - c", "a - (b - c)"), ("-2 ^ 2", "(-2) ^ 2"), ("a < b < c", "(a < b) < c")]
    {
        assert_ne!(parse(one), parse(other), "{one}");
    }
}

#[test]
fn normal_form_ignores_spelling_and_keeps_meaning() {
    for (text, normal) in [
        ("  ((a))+( b*c )", "a + b * c"),
        ("(a+b)*c", "(a + b) * c"),
        ("a-(b-c)", "a - (b - c)"),
        ("(a and (b and c)) and d", "a and b and c and d"),
        ("a and (b or c)", "a and (b or c)"),
        ("2800<Teff<=4500", "2800 < Teff <= 4500"),
        ("`Teff` > 1e3", "Teff > 1000.0"),
        ("`and` > 1.50", "`and` > 1.5"),
        ("`[Fe/H]` >-1", "`[Fe/H]` > -1"),
        ("s == \"it's\"", "s == 'it''s'"),
        ("(-2)^2", "(-2) ^ 2"),
        ("- -2 + --a", "2 + --a"),
        ("x^(-y)", "x ^ (-y)"),
        ("inside(x,y,[[0,0],[1,0],[0,1]])", "inside(x, y, [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])"),
        ("1e300 + 1E-9", "1e300 + 1e-9"),
    ] {
        assert_eq!(canonical(text), normal, "{text}");
        assert_eq!(canonical(normal), normal, "{text}");
        assert_eq!(parse(normal), parse(text), "{text}");
    }
    assert_ne!(
        canonical("id == 1"),
        canonical("id == 1.0"),
        "an exact comparison is not one of floats"
    );
}

#[test]
fn columns_are_exactly_those_read() {
    let columns = |text: &str| parse(text).columns().into_iter().collect::<Vec<_>>();
    assert_eq!(columns("min(1, 2) > 0.5"), Vec::<String>::new());
    assert_eq!(columns("2800 < Teff < 4500 and Teff > logg"), ["Teff", "logg"]);
    assert_eq!(
        columns("if(is_null(`[Fe/H]`), in(min, 1, 2), contains(s, 'min_x'))"),
        ["[Fe/H]", "min", "s"]
    );
    assert_eq!(columns("inside(x, y + z, [[0, 0], [1, 0], [0, 1]])"), ["x", "y", "z"]);
}

#[test]
fn errors_say_where_what_and_how_to_mend_it() {
    for (text, message) in [
        (
            "teff >",
            "expected a value: a number, text, column, function or parenthesis at bytes 6..6, found the end",
        ),
        ("a b", "expected an operator or the end at bytes 2..3, found the name `b`"),
        ("sqr(x)", "no function `sqr` at bytes 0..3; did you mean `sqrt`?"),
        ("a = 1", "at bytes 2..3, found `=`; equality is written `==`"),
        ("a ** 2", "at bytes 3..4, found `*`; a power is written `^`"),
        ("a AND b", "`and`, `or`, `not` are in lower case"),
        ("[Fe/H] > 0", "a column such as `[Fe/H]` is written in back quotes"),
        ("0 < a > 1", "expected comparisons of one direction in a chain at bytes 6..7"),
        ("a != b != c", "join different comparisons by `and`"),
        ("abs(1, 2)", "`abs` at bytes 0..9 takes 1 argument, found 2"),
        ("if(a, b)", "takes 3 arguments, found 2"),
        ("max(a)", "takes 2 or more arguments, found 1"),
        (
            "in(a, b)",
            "`in` at bytes 6..7 takes a value, then literals to compare it with, found `b`",
        ),
        ("flag(a, 64)", "found `64`"),
        ("min(a, )", "at bytes 7..8, found `)`"),
        ("(a", "expected an operator or `)` at bytes 2..2, found the end"),
        ("inside(x, y, [[0, 0, 0]])", "expected a vertex [x, y] at bytes 14..15, found 3 numbers"),
        ("id == 9223372036854775808", "integers have 64 bits"),
        ("", "at bytes 0..0, found the end"),
    ] {
        let found = error(text).to_string();
        assert!(found.contains(message), "{text}: {found}");
    }
}

#[test]
fn crossing_quadrangle_of_the_paper_is_refused_with_the_convex_order() {
    let text = "snri > 5 and inside(c, m, [[0.7, 5], [1.4, 5], [4, 16.5], [5, 16.5]])";
    let error = error(text);
    let span = error.span().unwrap();
    assert_eq!(&text[span], "[[0.7, 5], [1.4, 5], [4, 16.5], [5, 16.5]]");
    let message = error.to_string();
    assert!(message.contains("edges (1.4, 5)-(4, 16.5) and (5, 16.5)-(0.7, 5) cross"), "{message}");
    assert!(message.contains("[[0.7, 5.0], [1.4, 5.0], [5.0, 16.5], [4.0, 16.5]]"), "{message}");
}

#[test]
fn hostile_texts_are_errors_and_overflow_no_stack() {
    let n = MAX_LENGTH / 2 - 2;
    for text in [
        "(".repeat(n),
        "-".repeat(n) + "a",
        "not ".repeat(n / 4) + "a",
        "a^".repeat(n) + "a",
        "a+".repeat(n) + "a",
        "abs(".repeat(n / 4),
        "inside(".repeat(n / 4),
        "in(".repeat(n / 4) + "a",
        "a<b or (".repeat(n / 8) + "a",
    ] {
        assert!(matches!(error(&text), ExpressionError::TooDeep { .. }), "{}", &text[..12]);
    }
    assert!(matches!(error(&"[".repeat(n)), ExpressionError::Syntax { .. }));
    assert!(matches!(error(&" ".repeat(MAX_LENGTH + 1)), ExpressionError::TooLong { .. }));
    assert!(matches!(error(&("a<".repeat(n) + "a")), ExpressionError::TooLarge { .. }));
}

#[test]
fn doubled_operands_of_nested_chains_are_bounded() {
    let nested = (0..20).fold("a".to_owned(), |inner, _| format!("if(0 < {inner} < 1, 1, 2)"));
    assert!(matches!(error(&nested), ExpressionError::TooLarge { .. }));
}

#[test]
fn nesting_up_to_the_bound_is_accepted() {
    let deep = "(".repeat(MAX_DEPTH) + "a" + &")".repeat(MAX_DEPTH);
    assert_eq!(canonical(&deep), "a");
    let sum = vec!["a"; MAX_DEPTH].join(" + ");
    assert_eq!(canonical(&sum), sum);
    let many = vec!["a < b"; 2000].join(" and ");
    assert_eq!(canonical(&many), many);
}
