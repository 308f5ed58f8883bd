use arrow::array::{Array, AsArray};

use super::*;
use crate::engine::stage::TableSchema;

fn join(more: &str) -> Join {
    let text = format!(r#"{{"id": "obsid", "key": "source_id", "table_key": "star"{more}}}"#);
    serde_json::from_str(&text).unwrap()
}

fn schemas() -> Schemas {
    let table = |columns: &[(&str, Type)]| {
        let columns = columns.iter().map(|(name, kind)| ColumnMeta::new(*name, kind.clone()));
        TableSchema { columns: columns.collect(), row_id: None }
    };
    let rows = table(&[("obsid", I64), ("source_id", I64), ("snr", Type::Float(64))]);
    let other = table(&[("star", Type::Text), ("snr", Type::Float(64)), ("Fe_H", Type::Float(64))]);
    Schemas::from([("rows".into(), rows), ("table".into(), other)])
}

fn carried(output: &Output) -> Vec<&str> {
    output.carried.iter().map(|c| c.name.as_str()).collect()
}

#[test]
fn columns_of_both_tables_are_carried_and_none_twice() {
    let outputs = join("").outputs(&schemas()).unwrap();
    assert_eq!(carried(&outputs[0]), ["obsid", "source_id", "snr", "star", "Fe_H"]);
    assert_eq!(outputs[0].rows, Rows::Select("rows".into()));
    let renamed = join(r#", "carry": {"Fe_H": "Fe_H_1"}, "keep_unmatched": true"#);
    let outputs = renamed.outputs(&schemas()).unwrap();
    assert_eq!(carried(&outputs[0]), ["obsid", "source_id", "snr", "Fe_H_1"]);
    assert!(renamed.accounts().is_none() && outputs[0].rows == Rows::Same("rows".into()));
    let twice = join(r#", "carry": {"Fe_H": "snr"}"#).outputs(&schemas()).unwrap_err();
    assert!(twice.to_string().contains("under another name"), "{twice}");
    let unknown = join(r#", "carry": {"M_H": "M_H"}"#).outputs(&schemas()).unwrap_err();
    assert!(unknown.to_string().contains("it has star, snr, Fe_H"), "{unknown}");
}

#[test]
fn rounded_keys_are_refused() {
    let float =
        serde_json::from_str::<Join>(r#"{"id": "obsid", "key": "snr", "table_key": "star"}"#);
    let why = float.unwrap().outputs(&schemas()).unwrap_err().to_string();
    assert!(why.contains("`snr` of port `rows` is f64"), "{why}");
    let by = join(r#", "by": "snr""#).outputs(&schemas()).unwrap_err().to_string();
    assert!(by.contains("belong together"), "{by}");
}

#[test]
fn duplicates_are_refused_or_decided() {
    let rank = [1.0, f64::NAN, 7.0, 7.0];
    let choose = |policy: &str, found: &[usize]| join(policy).choose(found, Some(&rank));
    assert_eq!(choose("", &[]).unwrap(), None);
    assert_eq!(choose("", &[3]).unwrap(), Some(3));
    assert!(choose("", &[1, 2]).unwrap_err().to_string().contains("2 rows"));
    assert_eq!(choose(r#", "duplicates": "first""#, &[1, 2]).unwrap(), Some(1));
    assert_eq!(choose(r#", "duplicates": "reject""#, &[1, 2]).unwrap(), None);
    let highest = r#", "duplicates": "highest", "by": "snr""#;
    assert_eq!(choose(highest, &[1, 0, 2, 3]).unwrap(), Some(2));
}

#[test]
fn every_row_is_matched_or_rejected_with_its_reason() {
    let rows = (
        vec![1, 2, 3, 4],
        [Some("7"), None, Some("8"), Some("9")].map(|k| k.map(str::to_owned)).to_vec(),
    );
    let found: Vec<&[usize]> = vec![&[5], &[], &[], &[2, 3]];
    let taken = [Some(5), None, None, None];
    let join = join(r#", "duplicates": "reject""#);
    let rejects = join.rejects(&rows, &found, &taken);
    let reasons = rejects[2].as_string::<i32>();
    assert_eq!(reasons.len(), 3);
    assert!(reasons.value(0).contains("missing") && reasons.value(1).contains("no row"));
    assert!(reasons.value(2).contains("2 rows"));
    let pairs = candidates(&rows, &[(0, 5), (3, 2), (3, 3)], &taken);
    assert_eq!(pairs[2].as_boolean().iter().flatten().collect::<Vec<_>>(), [true, false, false]);
}
