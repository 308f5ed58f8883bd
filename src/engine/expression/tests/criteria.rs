//! Criteria: who is rejected, by what, and the account of it.

use proptest::prelude::*;

use super::super::{Criteria, CriteriaError, Criterion, Failure, Verdicts};
use super::{batch, criteria, floats, integers, texts};

const NAN: Option<f64> = Some(f64::NAN);

fn table() -> arrow::array::RecordBatch {
    batch(vec![
        ("teff", floats(&[Some(3500.0), Some(2500.0), Some(4800.0), NAN, None, Some(4500.0)])),
        ("snri", floats(&[Some(50.0), Some(3.0), Some(80.0), Some(90.0), Some(2.0), NAN])),
        ("id", integers(&[Some(1), Some(2), Some(3), Some(4), Some(5), Some(6)])),
        ("class", texts(&[Some("M0"), Some("M1"), Some("K"), Some("M2"), Some("M"), None])),
    ])
}

fn first(verdicts: &Verdicts, row: usize) -> Failure {
    verdicts.rows[row].first.unwrap()
}

#[test]
fn each_rejected_row_has_its_mask_first_failure_value_and_threshold() {
    let verdicts = criteria(&["snri > 5", "2800 < teff < 4500 and startswith(class, 'M')"])
        .apply(&table())
        .unwrap();
    assert_eq!(verdicts.kept(), [0]);
    assert_eq!(verdicts.rejected(), [1, 2, 3, 4, 5]);
    let masks: Vec<u64> = verdicts.rows.iter().map(|verdict| verdict.failed).collect();
    assert_eq!(masks, [0, 0b11, 0b10, 0b10, 0b11, 0b11]);
    let failure = |criterion, atom, value, threshold, missing| Failure {
        criterion,
        atom,
        value,
        threshold,
        missing,
    };
    assert_eq!(first(&verdicts, 1), failure(0, Some(0), Some(3.0), Some(5.0), false));
    assert_eq!(first(&verdicts, 2), failure(1, Some(1), Some(4800.0), Some(4500.0), false));
    assert_eq!(first(&verdicts, 3), failure(1, Some(0), None, Some(2800.0), true));
    assert_eq!(first(&verdicts, 4), failure(0, Some(0), Some(2.0), Some(5.0), false));
    assert_eq!(first(&verdicts, 5), failure(0, Some(0), None, Some(5.0), true));
    let counts: Vec<[u64; 5]> = verdicts
        .attrition
        .rows
        .iter()
        .map(|row| [row.n_in, row.n_failing_alone, row.n_cut, row.n_missing, row.n_out])
        .collect();
    assert_eq!(counts, [[6, 3, 3, 1, 3], [3, 5, 2, 1, 1]]);
}

#[test]
fn nan_is_missing_and_never_passes_a_lower_bound() {
    let table = batch(vec![
        ("x", floats(&[NAN, None, Some(9.0)])),
        ("y", floats(&[Some(9.0), Some(9.0), NAN])),
    ]);
    for text in ["x > 5", "x >= y or x > 5", "not x < 5", "x != 5", "x > 5 or y > 5"] {
        let verdicts = criteria(&[text]).apply(&table).unwrap();
        assert!(!verdicts.kept().contains(&0) && !verdicts.kept().contains(&1), "{text}");
        assert!(first(&verdicts, 0).missing && first(&verdicts, 1).missing, "{text}");
    }
    let either = criteria(&["x > 5 or y > 5"]).apply(&table).unwrap();
    let rejected =
        Failure { criterion: 0, atom: None, value: None, threshold: None, missing: true };
    assert_eq!(first(&either, 2), rejected, "true, but for a column that is missing");
}

#[test]
fn columns_whose_absence_is_provided_for_are_not_missing() {
    let table = batch(vec![
        ("x", floats(&[NAN, None, Some(9.0), Some(1.0)])),
        ("y", floats(&[Some(1.0); 4])),
    ]);
    for (text, kept) in [
        ("is_null(x) or x > 5", vec![0, 1, 2]),
        ("is_finite(x)", vec![2, 3]),
        ("coalesce(x, 7) > 5", vec![0, 1, 2]),
        ("coalesce(x, y) > 5", vec![2]),
        ("is_null(y) or x > 5", vec![2]),
    ] {
        assert_eq!(criteria(&[text]).apply(&table).unwrap().kept(), kept, "{text}");
    }
    let verdicts = criteria(&["is_finite(x)"]).apply(&table).unwrap();
    assert!(!first(&verdicts, 0).missing, "answered, not undecidable");
    // Undecidable although provided for: it may not pass.
    let verdicts = criteria(&["is_null(y) or sqrt(0 - y) > coalesce(x, 0)"]).apply(&table).unwrap();
    assert_eq!(verdicts.kept(), Vec::<u32>::new());
    assert!(first(&verdicts, 3).missing);
}

#[test]
fn conjunctions_and_chains_are_flattened_into_atoms() {
    let atoms = |text: &str| Criterion::parse("c", text).unwrap().atoms();
    assert_eq!(
        atoms(
            "2800<teff<4500 and (s<100 and not flag(bits,3)) and inside(x,y,[[0,0],[1,0],[0,1]])"
        ),
        [
            "2800 < teff",
            "teff < 4500",
            "s < 100",
            "not flag(bits, 3)",
            "inside(x, y, [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])"
        ]
    );
    assert_eq!(atoms("a < 1 or b < 1"), ["a < 1 or b < 1"]);
}

#[test]
fn mistakes_name_the_criterion() {
    let message = |texts: &[&str]| criteria(texts).apply(&table()).unwrap_err().to_string();
    assert_eq!(
        message(&["teff + 1"]),
        "criterion `c0`: the expression `teff + 1` gives a float, where a boolean is needed"
    );
    assert!(message(&["snri > 5", "snr > 5"]).starts_with("criterion `c1`: no column `snr`"));
    assert!(matches!(Criterion::parse("c", "a >"), Err(CriteriaError::Expression { .. })));
    let same = vec![Criterion::parse("c", "a > 1").unwrap(); 2];
    assert_eq!(Criteria::new(same), Err(CriteriaError::SameName { name: "c".to_owned() }));
    let many =
        (0..65).map(|index| Criterion::parse(&format!("c{index}"), "a > 1").unwrap()).collect();
    assert_eq!(Criteria::new(many), Err(CriteriaError::TooMany { n_criteria: 65 }));
}

#[test]
fn no_criteria_keep_all_and_64_fill_the_mask() {
    assert_eq!(criteria(&[]).apply(&table()).unwrap().kept(), [0, 1, 2, 3, 4, 5]);
    let verdicts = criteria(&["id < 0"; 64]).apply(&table()).unwrap();
    assert!(verdicts.rows.iter().all(|verdict| verdict.failed == u64::MAX));
    assert_eq!(criteria(&["id > 0"]).apply(&table().slice(0, 0)).unwrap().rows, []);
}

/// A column of one-digit numbers with gaps.
fn gappy() -> impl Strategy<Value = Vec<Option<f64>>> {
    let value = prop_oneof![6 => (0_i32..9).prop_map(|x| Some(f64::from(x))), 1 => Just(None), 1 => Just(NAN)];
    prop::collection::vec(value, 40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_row_is_accounted_for_whatever_the_order_and_the_parts(
        (x, y) in (gappy(), gappy()),
        order in Just(vec!["x > 2", "y < 6", "1 < x + y < 12", "is_null(y) or y != 3"]).prop_shuffle(),
        cut in 0_usize..40,
    ) {
        let table = batch(vec![("x", floats(&x)), ("y", floats(&y))]);
        let listed = ["x > 2", "y < 6", "1 < x + y < 12", "is_null(y) or y != 3"];
        let straight = criteria(&listed).apply(&table).unwrap();
        let shuffled = criteria(&order).apply(&table).unwrap();
        prop_assert_eq!(straight.kept(), shuffled.kept());
        let brute: Vec<u32> = (0_u32..40).zip(x.iter().zip(&y)).filter_map(|(row, (x, y))| {
            let (x, y) = (x.filter(|x| !x.is_nan())?, y.filter(|y| !y.is_nan())?);
            (x > 2.0 && y < 6.0 && 1.0 < x + y && x + y < 12.0 && y != 3.0).then_some(row)
        }).collect();
        prop_assert_eq!(straight.kept(), brute);
        for verdicts in [&straight, &shuffled] {
            prop_assert_eq!(verdicts.kept().len() + verdicts.rejected().len(), 40);
            let mut n_in = 40;
            for row in &verdicts.attrition.rows {
                prop_assert_eq!(row.n_in, n_in);
                prop_assert_eq!(row.n_in, row.n_cut + row.n_out);
                prop_assert!(row.n_missing <= row.n_cut && row.n_cut <= row.n_failing_alone);
                n_in = row.n_out;
            }
            prop_assert_eq!(usize::try_from(n_in).unwrap(), verdicts.kept().len());
        }
        let one = criteria(&listed).apply(&table.slice(0, cut)).unwrap();
        let other = criteria(&listed).apply(&table.slice(cut, 40 - cut)).unwrap();
        let mut merged = one.attrition.clone();
        merged.merge(&other.attrition).unwrap();
        prop_assert_eq!(merged, straight.attrition);
        prop_assert_eq!([one.rows, other.rows].concat(), straight.rows);
    }
}
