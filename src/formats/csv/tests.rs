//! Reading against counts and values taken with Python's `csv` module, and round trips.

use std::path::PathBuf;

use arrow::array::{
    Array, AsArray, BooleanArray, Float32Array, Float64Array, Int64Array, StringArray,
};
use arrow::datatypes::{DataType, Float64Type, Int64Type};

use super::*;

fn read(text: &str) -> RecordBatch {
    read_csv(text.as_bytes(), &CsvOptions::default()).unwrap()
}

fn fails(text: &str, options: &CsvOptions) -> String {
    let error = read_csv(text.as_bytes(), options).unwrap_err();
    assert!(!error.hint().is_empty());
    error.to_string()
}

fn shared(name: &str) -> Option<Vec<u8>> {
    let root = std::env::var_os("MDWARF_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared")),
        PathBuf::from,
    );
    let bytes = std::fs::read(root.join("data").join(name)).ok();
    if bytes.is_none() {
        eprintln!("skipped: csv needs ../shared/data/{name}");
    }
    bytes
}

fn text<'a>(batch: &'a RecordBatch, column: &str, row: usize) -> &'a str {
    batch.column_by_name(column).unwrap().as_string::<i32>().value(row)
}

fn real(batch: &RecordBatch, column: &str, row: usize) -> f64 {
    batch.column_by_name(column).unwrap().as_primitive::<Float64Type>().value(row)
}

fn whole(batch: &RecordBatch, column: &str, row: usize) -> i64 {
    batch.column_by_name(column).unwrap().as_primitive::<Int64Type>().value(row)
}

#[test]
fn types_come_from_all_rows() {
    let batch =
        read("\u{feff}id,x,t,ok,n\r\n3156028903802300416,1,05 31 27,true,\r\n,2.5,M1,,null\r\n");
    assert_eq!(batch.num_rows(), 2);
    let kinds: Vec<_> = batch.schema().fields().iter().map(|f| f.data_type().clone()).collect();
    let expected =
        [DataType::Int64, DataType::Float64, DataType::Utf8, DataType::Boolean, DataType::Utf8];
    assert_eq!(kinds, expected);
    assert_eq!(whole(&batch, "id", 0), 3_156_028_903_802_300_416);
    assert_eq!(batch.column(0).null_count(), 1);
    assert_eq!(batch.column(4).null_count(), 2);
    assert_eq!(text(&batch, "t", 0), "05 31 27");
}

#[test]
fn a_late_gap_does_not_make_ids_floats() {
    let mut csv = "id\n".to_owned();
    for row in 0..20_000_i64 {
        csv.push_str(&format!("{}\n", 4_000_000_000_000_000_001 + row));
    }
    csv.push_str("\n7\n");
    let batch = read(&csv);
    assert_eq!(batch.num_rows(), 20_002);
    assert!(batch.column(0).is_null(20_000));
    assert_eq!(whole(&batch, "id", 19_999), 4_000_000_000_000_020_000);
    assert_eq!(whole(&batch, "id", 20_001), 7);
}

#[test]
fn columns_and_types_are_chosen() {
    let options = CsvOptions {
        separator: b';',
        comment: Some(b'#'),
        nulls: vec!["--".to_owned()],
        types: BTreeMap::from([("b".to_owned(), ColumnType::Text)]),
        columns: Some(vec!["c".to_owned(), "b".to_owned(), "column_1".to_owned()]),
    };
    let batch = read_csv(b"# made by hand\n;b;c\n1;2;--\n3;4;0.5\n", &options).unwrap();
    assert_eq!(batch.schema().field(2).name(), "column_1");
    assert_eq!(whole(&batch, "column_1", 1), 3);
    assert_eq!(text(&batch, "b", 0), "2");
    assert!(batch.column(0).is_null(0));
    assert_eq!(real(&batch, "c", 1), 0.5);
}

#[test]
fn errors_name_row_and_column() {
    let plain = CsvOptions::default();
    let typed = |name: &str, kind| CsvOptions {
        types: BTreeMap::from([(name.to_owned(), kind)]),
        ..CsvOptions::default()
    };
    assert_eq!(fails("", &plain), "file has no header line");
    assert_eq!(
        fails("a,b\n1,2\n\n3\n", &plain),
        "row 2 (line 4) has 1 fields where the header has 2"
    );
    assert_eq!(fails("a,b\n1,2,3\n", &plain), "row 1 (line 2) has 3 fields where the header has 2");
    assert_eq!(fails("a,b,a\n", &plain), "column `a` stands at positions 1 and 3 of the header");
    assert_eq!(
        fails("a,b\n", &typed("x", ColumnType::Int)),
        "no column `x`; the file has `a`, `b`"
    );
    let message = fails("a,b\n1,2\n1,2.0\n", &typed("b", ColumnType::Int));
    assert_eq!(message, "row 2 (line 3), column `b`: `2.0` is not a whole number of 64 bits");
    let bytes = read_csv(b"a\n1\n\xff\n", &plain).unwrap_err().to_string();
    assert_eq!(bytes, "line 3: byte 4 of the file is not UTF-8");
    let only_b = CsvOptions { columns: Some(vec!["b".to_owned()]), ..CsvOptions::default() };
    assert_eq!(read_csv(b"a,b,a\n1,2,3\n", &only_b).unwrap().num_columns(), 1);
}

const REALS: [f64; 7] = [0.1, -0.0, 1e-300, 1.5e300, f64::NAN, f64::NEG_INFINITY, 5.0];

fn awkward_values() -> RecordBatch {
    let ids = [Some(i64::MAX), None, Some(0), Some(-5), Some(1), Some(2), Some(3)];
    let texts = ["a,b", "-", "", "null", " x ", "\"q\"", "é\nz"];
    let texts = texts.map(|text| (text != "-").then_some(text));
    let logicals = [Some(true), None, Some(false), Some(true), None, None, None];
    let columns: [(&str, ArrayRef); 4] = [
        ("f64", Arc::new(Float64Array::from(REALS.to_vec()))),
        ("id", Arc::new(Int64Array::from(ids.to_vec()))),
        ("text", Arc::new(StringArray::from(texts.to_vec()))),
        ("ok", Arc::new(BooleanArray::from(logicals.to_vec()))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

#[test]
fn what_is_written_reads_back() {
    let batch = awkward_values();
    let mut bytes = Vec::new();
    write_csv(&batch, &mut bytes).unwrap();
    let again = read_csv(&bytes, &CsvOptions::default()).unwrap();
    for index in 1..4 {
        assert_eq!(again.column(index), batch.column(index));
    }
    for (row, value) in REALS.iter().enumerate() {
        assert_eq!(real(&again, "f64", row).to_bits(), value.to_bits());
    }
    let mut second = Vec::new();
    write_csv(&again, &mut second).unwrap();
    assert_eq!(bytes, second);
}

#[test]
fn single_precision_is_written_in_its_own_digits() {
    let array: ArrayRef = Arc::new(Float32Array::from(vec![0.1_f32, 16_777_216.0]));
    let batch = RecordBatch::try_from_iter([("x", array)]).unwrap();
    let mut bytes = Vec::new();
    write_csv(&batch, &mut bytes).unwrap();
    assert_eq!(bytes, b"x\n0.1\n16777216.0\n");
}

#[test]
fn real_files_have_their_rows_and_columns() {
    // Rows and columns as counted by Python's csv module.
    for (name, rows, columns) in [
        ("b20/Table6_safe_sample.csv.gz", 5875, 40),
        ("binaries/b20_field_wide_pairs.csv", 11, 15),
        ("clusters/gaia_hrd_tab1a_dr2.csv", 5629, 48),
        ("clusters/hyades_paper_cuts_gaia_dr2.csv", 166, 48),
        ("isochrones/bhac15_splat.csv", 259, 9),
        ("lamost_x_gaia/subdwarfs_lamost_gaia_dr2.csv", 3131, 47),
        ("literature/Pass2018.csv", 300, 12),
        ("literature/Schw2019.csv", 293, 12),
        ("literature/Yee2017.csv", 404, 12),
        ("literature/cif20.Mother.v01.csv", 2483, 175),
        ("literature/fit_catalog_A.csv", 409, 9),
        ("literature/gaidos14.csv", 2974, 65),
        ("literature/label_other_ref_Mald2020.csv", 201, 9),
        ("literature/mann15.stars.csv", 183, 58),
        ("occam/occam_x_b20.csv", 951, 24),
        ("expected/lamost_gaia_dr2.csv", 39, 15),
    ] {
        let Some(bytes) = shared(name) else { return };
        let batch = read_csv(&bytes, &CsvOptions::default()).unwrap();
        assert_eq!((batch.num_rows(), batch.num_columns()), (rows, columns), "{name}");
    }
}

#[test]
fn values_of_real_files_are_exact() {
    let Some(bytes) = shared("lamost_x_gaia/subdwarfs_lamost_gaia_dr2.csv") else {
        return;
    };
    let batch = read_csv(&bytes, &CsvOptions::default()).unwrap();
    assert_eq!(whole(&batch, "ID", 0), 3_156_028_903_802_300_416);
    assert_eq!(whole(&batch, "ID", 3130), 1_676_587_057_260_029_952);
    let ids = batch.column_by_name("ID").unwrap().as_primitive::<Int64Type>().values();
    assert_eq!(ids.iter().map(|id| id % 1_000_003).sum::<i64>(), 1_502_279_958);
    assert_eq!(real(&batch, "ruwe", 3130), 0.9801412);
    assert_eq!(batch.column_by_name("parallax").unwrap().null_count(), 202);
}

#[test]
fn ids_with_gaps_of_a_real_file_are_exact() {
    let Some(bytes) = shared("literature/cif20.Mother.v01.csv") else {
        return;
    };
    let batch = read_csv(&bytes, &CsvOptions::default()).unwrap();
    assert_eq!(whole(&batch, "gaia_id_1", 0), 2_799_053_590_080_242_560);
    assert_eq!(whole(&batch, "gaia_id_1", 2482), 1_927_517_417_630_958_208);
    assert_eq!(batch.column_by_name("gaia_id_1").unwrap().null_count(), 58);
    assert_eq!(whole(&batch, "gaia_id_2", 0), 2_799_053_590_080_742_912);
    assert_eq!(batch.column_by_name("gaia_id_2").unwrap().null_count(), 2122);
    assert_eq!(*batch.column_by_name("Qf_u").unwrap().data_type(), DataType::Boolean);
}

#[test]
fn sexagesimal_text_and_rounded_ids_of_real_files() {
    let Some(bytes) = shared("literature/gaidos14.csv") else {
        return;
    };
    let batch = read_csv(&bytes, &CsvOptions::default()).unwrap();
    assert_eq!(
        (text(&batch, "RAJ2000", 5), text(&batch, "DEJ2000", 5)),
        ("00 03 19.0", "+04 41 12")
    );
    assert_eq!((whole(&batch, "Teff", 5), real(&batch, "[Fe/H]", 5)), (3745, -0.13));
    assert_eq!(batch.column_by_name("HIP").unwrap().null_count(), 1980);

    let Some(bytes) = shared("b20/Table6_safe_sample.csv.gz") else {
        return;
    };
    let batch = read_csv(&bytes, &CsvOptions::default()).unwrap();
    assert_eq!(text(&batch, "APOGEE_ID", 100), "2M01471839+8454501");
    assert_eq!(real(&batch, "TEFF_APOGEE", 100), 4084.8);

    let Some(bytes) = shared("literature/mann15.stars.csv") else {
        return;
    };
    let batch = read_csv(&bytes, &CsvOptions::default()).unwrap();
    assert_eq!((text(&batch, "Name", 0), whole(&batch, "Teff", 0)), ("LSPM J2106+3844S", 4021));
}

#[test]
fn any_text_reads_or_fails_by_name() {
    let signs: Vec<char> = ",,\"\n\r 1-.eé;#x".chars().collect();
    let mut seed = 77_u64;
    let mut read = 0;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..12 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            text.push(signs[(seed >> 33) as usize % signs.len()]);
        }
        let options = CsvOptions { comment: Some(b'#'), ..CsvOptions::default() };
        match read_csv(text.as_bytes(), &options) {
            Ok(_) => read += 1,
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    assert!((2_000..18_000).contains(&read), "{read}");
    let options = CsvOptions { separator: 0xc3, ..CsvOptions::default() };
    assert_eq!(fails("é", &options), "byte 195 cannot separate fields");
}

#[test]
fn giants_of_fields_and_rows_are_refused() {
    let options = CsvOptions::default();
    let long = format!("x\n1\n{}\n", "y".repeat((16 << 20) + 1));
    assert_eq!(fails(&long, &options), "line 3: a field has more than 16 MiB");
    let quoted = format!("x\n\"{}\"\n", "y".repeat((16 << 20) + 1));
    assert_eq!(fails(&quoted, &options), "line 2: a field has more than 16 MiB");
    let wide = format!("x\n{}\n", ",".repeat(200_000));
    assert_eq!(fails(&wide, &options), "line 2 has more than 100000 fields");
    let fits = format!("x\n{}\n", "y".repeat(1 << 20));
    assert_eq!(text(&read(&fits), "x", 0).len(), 1 << 20);
}

#[test]
fn a_header_of_very_many_names_is_read_and_shown_in_part() {
    let names: Vec<String> = (0..50_000).map(|i| format!("c{i}")).collect();
    let file = format!("{}\n{}\n", names.join(","), vec!["1"; names.len()].join(","));
    assert_eq!(read(&file).num_columns(), names.len());
    let options = CsvOptions { columns: Some(vec!["d".into()]), ..CsvOptions::default() };
    let message = fails(&file, &options);
    assert!(message.ends_with("`c99` and 49900 more") && message.len() < 2000, "{message}");
}
