use std::path::PathBuf;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, UInt8Type};

use super::*;
use crate::formats::gzip::packed;
use crate::formats::meaning::{DESCRIPTION, UCD, UNIT, entry};

/// Written by astropy with either separator.
const BLANK: &str = include_str!("fixtures/blank.ecsv");
const COMMA: &str = include_str!("fixtures/comma.ecsv");

fn read(text: &str) -> Result<RecordBatch, EcsvError> {
    read_ecsv(text.as_bytes(), None)
}

fn fails(text: &str) -> String {
    let error = read(text).unwrap_err();
    assert!(!error.hint().is_empty());
    error.to_string()
}

#[test]
fn both_separators_say_the_same() {
    for text in [BLANK, COMMA] {
        let batch = read_ecsv(&packed(text.as_bytes()), None).unwrap();
        assert_eq!((batch.num_rows(), batch.num_columns()), (3, 10));
        let of = |name: &str| batch.column_by_name(name).unwrap();
        let ids = of("source_id").as_primitive::<Int64Type>();
        assert_eq!(ids.values(), &[4_583_627_001_381_815_936, -1, 7]);
        let ra = of("ra").as_primitive::<Float64Type>();
        assert!(ra.value(0) == 268.067_664_666_146_6 && ra.value(1).is_nan() && ra.is_null(2));
        let error = of("parallax_error").as_primitive::<Float32Type>();
        let expected = [Some(0.020_685_712), None, Some(f32::INFINITY)];
        assert_eq!(error.iter().collect::<Vec<_>>(), expected);
        let n = of("n_obs").as_primitive::<Int16Type>();
        assert_eq!(n.iter().collect::<Vec<_>>(), [Some(1), Some(-32_768), None]);
        assert!(of("count").as_primitive::<Int32Type>().is_null(0));
        assert_eq!(of("byte").as_primitive::<UInt8Type>().values(), &[0, 255, 7]);
        let flag = of("flag").as_boolean();
        assert_eq!(flag.iter().flatten().collect::<Vec<_>>(), [true, false, true]);
        let name = of("name").as_string::<i32>();
        assert_eq!(name.iter().flatten().collect::<Vec<_>>(), ["Gaia DR3 1", "say \"a b\"", "x,y"]);
        let vector = of("vector").as_list::<i32>().value(2);
        assert_eq!(vector.as_primitive::<Float64Type>().values(), &[5.0, 6.5]);
        let schema = batch.schema();
        let field = schema.field_with_name("ra").unwrap();
        assert_eq!(
            (entry(field, UNIT), entry(field, UCD)),
            (Some("deg"), Some("pos.eq.ra;meta.main"))
        );
        let about = entry(schema.field_with_name("source_id").unwrap(), DESCRIPTION).unwrap();
        assert!(about.starts_with("A long description: with a colon, 'quotes', and words enough"));
        assert!(about.ends_with("the writer fold the line after eighty characters"));
    }
}

fn ecsv(columns: &str, rows: &str) -> String {
    format!("# %ECSV 1.0\n# ---\n# delimiter: ','\n# datatype:\n{columns}{rows}")
}

const A: &str = "# - {name: a, datatype: int32}\n# - {name: b, datatype: string}\n";

#[test]
fn rows_may_go_on_and_columns_be_chosen() {
    let text = ecsv(A, "a,b\n# a comment\n1,\"two\nlines\"\n\nnull,null\n");
    let wanted = ["B".to_owned()];
    let batch = read_ecsv(text.as_bytes(), Some(&wanted)).unwrap();
    let texts = batch.column_by_name("B").unwrap().as_string::<i32>();
    assert_eq!((texts.len(), texts.value(0), texts.is_null(1)), (2, "two\nlines", true));
    assert_eq!(read(&ecsv(A, "a,b\n")).unwrap().num_rows(), 0);
    let lists = "# - {name: a, datatype: string, subtype: 'int64[null]'}\n\
                 # - {name: b, datatype: string, subtype: json}\n";
    let batch = read(&ecsv(lists, "a,b\n\"[1, null]\",x\n[],y\n")).unwrap();
    assert_eq!(batch.num_columns(), 1);
    let rows = batch.column(0).as_list::<i32>();
    assert_eq!((rows.value(0).len(), rows.value(0).null_count(), rows.value(1).len()), (2, 1, 0));
    let unread = read_ecsv(ecsv(lists, "a,b\n").as_bytes(), Some(&wanted)).unwrap_err();
    assert_eq!(
        unread.to_string(),
        "column `B` is of type string with subtype json, which is not read"
    );
}

#[test]
fn malformed_files_name_the_place() {
    assert_eq!(fails("a,b\n1,2\n"), "line 1 is \"a,b\", not `# %ECSV` with a version");
    assert_eq!(fails(""), "line 1 is \"\", not `# %ECSV` with a version");
    assert_eq!(fails("# %ECSV 1.0\na\n1"), "line 1 of the header: there is no list `datatype`");
    let said = |columns: &str, rows: &str| fails(&ecsv(columns, rows));
    assert_eq!(said(A, ""), "line 6 of the header: no line of names follows");
    assert_eq!(said(A, "a,c\n"), "line 7: column 2 is named `c`, but `b` in the header");
    assert_eq!(said(A, "a\n"), "row 0 (line 7) has 1 fields where the header has 2");
    assert_eq!(said(A, "a,b\n1,2\n1\n"), "row 2 (line 9) has 1 fields where the header has 2");
    let wrong = said(A, "a,b\n1,2\n1.5,x\n");
    assert_eq!(wrong, "row 2 (line 9), column `a`: `1.5` is not a whole number of 32 bits");
    assert_eq!(said(A, "a,b\n1,\"x\n"), "line 8: quote is not closed");
    assert_eq!(said(A, "a,b\n1,\"x\"y\n"), "line 8: text follows the closing quote");
    assert!(said("# - {name: a}\n", "a\n").contains("column `a` has no datatype"));
    assert!(said("# - {name: a, datatype: int}\n", "a\n").contains("`int`, which is none of ECSV"));
    assert!(
        said("# - {name: a, datatype: int32\n", "a\n").starts_with("line 5 of the header: `{`")
    );
    let separator = ecsv(A, "a,b\n").replace("','", "';;'");
    assert!(fails(&separator).contains("delimiter \";;\" is neither"));
    let missing = read_ecsv(ecsv(A, "a,b\n").as_bytes(), Some(&["x".to_owned()])).unwrap_err();
    assert_eq!(missing.to_string(), "no column `x`; the file has a, b");
    let stream = packed(ecsv(A, &format!("a,b\n{}", "1,2\n".repeat(50_000))).as_bytes());
    let cut = read_ecsv(&stream[..stream.len() - 20], None).unwrap_err().to_string();
    assert!(cut.contains("gzip stream breaks off"), "{cut}");
}

#[test]
fn a_line_or_header_without_end_is_refused() {
    let mut text = ecsv(A, "a,b\n1,").into_bytes();
    text.resize(LONGEST_ROW_BYTES + 1000, b'x');
    let error = read_ecsv(&text, None).unwrap_err().to_string();
    assert_eq!(error, format!("line 8 has more than {LONGEST_ROW_BYTES} bytes"));
    let columns: String = (0..100_010).map(|i| format!("# - {{name: a{i}}}\n")).collect();
    assert!(fails(&ecsv(&columns, "")).contains("the header is longer than any"));
}

#[test]
fn random_damage_never_panics() {
    let mut seed = 3_u64;
    for round in 0..3000 {
        let mut bytes = if round % 2 == 0 { BLANK } else { COMMA }.as_bytes().to_vec();
        for _ in 0..=round % 5 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let place = (seed >> 33) as usize % bytes.len();
            bytes[place] = (seed >> 16) as u8;
        }
        let _ = read_ecsv(&bytes, None);
    }
}

#[test]
fn the_answer_of_the_gaia_archive_reads() {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared");
    let root = std::env::var_os("MDWARF_SHARED").map_or_else(|| default.into(), PathBuf::from);
    let path = root.join("data/formats/gaia/1712337806100O-result.ecsv");
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("skipped: ecsv needs ../shared/data/formats/gaia/1712337806100O-result.ecsv");
        return;
    };
    let batch = read_ecsv(&bytes, None).unwrap();
    assert!(batch.num_rows() > 0 && batch.num_columns() > 100, "{}", batch.num_columns());
    let schema = batch.schema();
    let parallax = schema.field_with_name("parallax").unwrap();
    assert_eq!(
        (entry(parallax, UNIT), entry(parallax, UCD)),
        (Some("mas"), Some("pos.parallax.trig"))
    );
    assert!(batch.column_by_name("source_id").unwrap().as_primitive::<Int64Type>().value(0) > 0);
}
