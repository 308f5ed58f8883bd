//! Properties of parsing: any tree survives its normal form, no text panics.

use proptest::prelude::*;

use super::super::Expression;
use super::parse;

/// A random expression as (fully parenthesised, with redundant parentheses and odd white space).
fn spellings() -> impl Strategy<Value = (String, String)> {
    let leaf = prop_oneof![
        "[a-z]{1,3}_".prop_map(|name| (name.clone(), format!("`{name}`"))),
        Just(("`[Fe/H]`".to_owned(), "(`[Fe/H]`)".to_owned())),
        (-1000_i64..1000).prop_map(|value| (value.to_string(), format!("( {value} )"))),
        any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(|value| {
            let plain = format!("{value:?}");
            (plain.clone(), format!("(\t{plain})"))
        }),
        Just(("'it''s'".to_owned(), "\"it's\"".to_owned())),
    ];
    leaf.prop_recursive(6, 60, 3, |inner| {
        let binary = prop::sample::select(vec!["+", "-", "*", "/", "^", "<", ">=", "==", "!=", "and", "or"]);
        prop_oneof![
            4 => (inner.clone(), binary, inner.clone())
                .prop_map(|(l, op, r)| (format!("({}){op}({})", l.0, r.0), format!("( ({} )\n{op} {})", group(&l.1), group(&r.1)))),
            1 => inner.clone().prop_map(|x| (format!("-({})", x.0), format!("(- {})", group(&x.1)))),
            1 => inner.clone().prop_map(|x| (format!("not({})", x.0), format!("not  {}", group(&x.1)))),
            1 => (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| (format!("({})<({})<=({})", a.0, b.0, c.0), format!("{} < {} <= {}", group(&a.1), group(&b.1), group(&c.1)))),
            1 => (inner.clone(), inner)
                .prop_map(|(a, b)| (format!("max({},{})", a.0, b.0), format!("max( {} , {} )", a.1, group(&b.1)))),
        ]
    })
}

fn group(text: &str) -> String {
    format!("(({text}))")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn spellings_of_one_tree_have_one_normal_form_that_parses_back((plain, odd) in spellings()) {
        let tree = parse(&plain);
        let normal = tree.canonical();
        prop_assert_eq!(&parse(&odd).canonical(), &normal);
        let again = parse(&normal);
        prop_assert_eq!(again.canonical(), normal);
        prop_assert_eq!(again.columns(), tree.columns());
        prop_assert_eq!(again, tree);
    }

    #[test]
    fn no_text_panics_and_spans_are_within_it(text in "\\PC{0,40}") {
        if let Err(error) = Expression::parse(&text) {
            let span = error.span().unwrap();
            prop_assert!(text.get(span).is_some(), "{}", error);
        }
    }

    #[test]
    fn no_soup_of_tokens_panics(
        words in prop::collection::vec(prop::sample::select(vec![
            "a", "1", "1.5", "'t'", "`q`", "(", ")", "[", "]", ",", "<", ">=", "==", "!=", "+", "-", "*", "/", "^",
            "and", "or", "not", "abs(", "if(", "in(", "flag(", "inside(", "[[0,0],[1,0],[0,1]]",
        ]), 0..24),
    ) {
        let text = words.join(" ");
        match Expression::parse(&text) {
            Ok(tree) => prop_assert_eq!(parse(&tree.canonical()), tree),
            Err(error) => prop_assert!(text.get(error.span().unwrap()).is_some()),
        }
    }
}
