use std::path::PathBuf;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type};
use arrow::record_batch::RecordBatch;

use super::*;
use crate::formats::gzip::packed;
use crate::formats::meaning::{DESCRIPTION, UCD, UNIT, entry};

/// Written by astropy, the same table three times.
const TABLEDATA: &str = include_str!("fixtures/tabledata.vot");
const BINARY: &str = include_str!("fixtures/binary.vot");
const BINARY2: &str = include_str!("fixtures/binary2.vot");

fn read(text: &str) -> Result<RecordBatch, VoTableError> {
    read_votable(text.as_bytes(), &VoTableOptions::default()).map(|found| found.table)
}

fn fails(text: &str) -> String {
    let error = read(text).unwrap_err();
    assert!(!error.hint().is_empty());
    error.to_string()
}

fn only(names: &[&str]) -> VoTableOptions {
    let columns = Some(names.iter().map(|name| name.to_string()).collect());
    VoTableOptions { columns, ..Default::default() }
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> &'a arrow::array::ArrayRef {
    batch.column_by_name(name).unwrap()
}

#[test]
fn the_three_serializations_say_the_same() {
    for (text, binary) in [(TABLEDATA, false), (BINARY, true), (BINARY2, false)] {
        let batch = read(text).unwrap();
        assert_eq!((batch.num_rows(), batch.num_columns()), (3, 10));
        let ids = column(&batch, "source_id").as_primitive::<Int64Type>();
        assert_eq!(ids.values(), &[4_583_627_001_381_815_936, -1, 7]);
        let ra = column(&batch, "ra").as_primitive::<Float64Type>();
        assert_eq!(ra.value(0), 268.067_664_666_146_6);
        assert!(ra.value(1).is_nan() && (ra.is_null(2) || ra.value(2).is_nan()));
        let error = column(&batch, "parallax_error").as_primitive::<Float32Type>();
        assert_eq!((error.value(0), error.value(2)), (0.020_685_712, f32::INFINITY));
        // BINARY has no other way to say that a real number is missing.
        assert!(if binary { error.value(1).is_nan() } else { error.is_null(1) });
        let n = column(&batch, "n_obs").as_primitive::<Int16Type>();
        assert_eq!(n.iter().collect::<Vec<_>>(), [Some(1), Some(-32_768), None]);
        let count = column(&batch, "count").as_primitive::<Int32Type>();
        assert_eq!(count.iter().collect::<Vec<_>>(), [None, Some(2), Some(3)]);
        let flag = column(&batch, "flag").as_boolean();
        assert_eq!(flag.iter().flatten().collect::<Vec<_>>(), [true, false, true]);
        let name = column(&batch, "name").as_string::<i32>();
        assert_eq!(name.iter().flatten().collect::<Vec<_>>(), ["Gaia DR3 1", "<a&b>", "x"]);
        let unicode = column(&batch, "unicode").as_string::<i32>();
        assert_eq!(unicode.iter().flatten().collect::<Vec<_>>(), ["é", "ß", "Ω"]);
        let vector = column(&batch, "vector").as_list::<i32>().value(2);
        assert_eq!(vector.as_primitive::<Float64Type>().values(), &[5.0, 6.5]);
        let schema = batch.schema();
        let field = schema.field_with_name("ra").unwrap();
        assert_eq!(
            (entry(field, UNIT), entry(field, UCD)),
            (Some("deg"), Some("pos.eq.ra;meta.main"))
        );
        let id = schema.field_with_name("source_id").unwrap();
        assert_eq!(entry(id, DESCRIPTION), Some("Unique source & more"));
    }
}

#[test]
fn columns_are_chosen_and_packed_documents_read() {
    for text in [TABLEDATA, BINARY, BINARY2] {
        let stream = packed(text.as_bytes());
        let found = read_votable(&stream, &only(&["Vector", "ra", "ra"])).unwrap().table;
        let schema = found.schema();
        let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        assert_eq!(names, ["Vector", "ra", "ra"]);
        assert!(matches!(found.column(0).data_type(), DataType::List(_)));
        let missing = read_votable(&stream, &only(&["dec"])).unwrap_err().to_string();
        assert!(missing.starts_with("no column `dec`; the table has source_id, ra"));
    }
}

/// A document with one table of these fields and data.
fn document(fields: &str, data: &str) -> String {
    format!(
        "<?xml version='1.0'?><v:VOTABLE xmlns:v='x'><RESOURCE><INFO name='QUERY_STATUS' \
         value='OK'/><PARAM name='z' value='3' unit='K' datatype='int'/><TABLE>{fields}<DATA>\
         {data}</DATA></TABLE></RESOURCE></v:VOTABLE>"
    )
}

const INT: &str = "<FIELD name='a' datatype='int'><VALUES null='-1'/></FIELD>";

fn tabledata(fields: &str, rows: &str) -> String {
    document(fields, &format!("<TABLEDATA>{rows}</TABLEDATA>"))
}

#[test]
fn nulls_entities_parameters_and_empty_tables() {
    let rows = "<TR><TD>-1</TD></TR><TR><TD/></TR><TR><TD> 0x10 </TD></TR>";
    let batch = read(&tabledata(INT, rows)).unwrap();
    let values: Vec<_> = batch.column(0).as_primitive::<Int32Type>().iter().collect();
    assert_eq!(values, [None, None, Some(16)]);
    let found = read_votable(tabledata(INT, "").as_bytes(), &VoTableOptions::default()).unwrap();
    assert_eq!(found.table.num_rows(), 0);
    assert_eq!((&*found.params[0].name, &*found.params[0].value), ("z", "3"));
    let text = "<FIELD ID='t' datatype='char' arraysize='*'/>";
    let rows = "<TR><TD>a&lt;&#66;&amp;<![CDATA[<c>]]><!-- no --></TD></TR><TR><TD> </TD></TR>";
    let batch = read(&tabledata(text, rows)).unwrap();
    let texts = batch.column_by_name("t").unwrap().as_string::<i32>();
    assert_eq!((texts.value(0), texts.is_null(1)), ("a<B&<c>", true));
    let boolean = "<FIELD name='b' datatype='boolean'/>";
    let batch = read(&tabledata(boolean, "<TR><TD>T</TD></TR><TR><TD>?</TD></TR>")).unwrap();
    assert_eq!(batch.column(0).as_boolean().iter().collect::<Vec<_>>(), [Some(true), None]);
}

#[test]
fn what_the_service_says_is_heard() {
    let error = "<VOTABLE><RESOURCE><INFO name='QUERY_STATUS' value='ERROR'>no table gaiadr9\
                 </INFO></RESOURCE></VOTABLE>";
    assert_eq!(fails(error), "the service answered with ERROR: no table gaiadr9");
    // What is cut is told behind the data.
    let cut = tabledata(INT, "<TR><TD>1</TD></TR>")
        .replace("</TABLE>", "</TABLE><INFO name='QUERY_STATUS' value='OVERFLOW'/>");
    assert_eq!(fails(&cut), "the service answered with OVERFLOW: ");
    let options = VoTableOptions { allow_overflow: true, ..Default::default() };
    assert_eq!(read_votable(cut.as_bytes(), &options).unwrap().table.num_rows(), 1);
}

#[test]
fn malformed_documents_name_the_place() {
    assert_eq!(fails("<html><body/></html>"), "byte 6: the document is `html`, not `VOTABLE`");
    assert_eq!(fails(""), "the document has no table with data");
    assert_eq!(fails("<VOTABLE/>"), "the document has no table with data");
    let row = |row: &str| fails(&tabledata(INT, row));
    let said = row("<TR><TD>1</TD></TR><TR><TD>1</TD><TD>2</TD></TR>");
    assert!(
        said.starts_with("row 2 (byte ")
            && said.ends_with("has 2 cells where the table has 1 fields")
    );
    assert!(row("<TR/>").contains("has 0 cells where"));
    let said = row("<TR><TD>1.5</TD></TR>");
    assert!(said.starts_with("row 1, column `a` (byte ") && said.contains("`1.5` is not a whole"));
    assert!(row("<TR><TD>1</TR>").contains("expected `</TD>`"), "{}", row("<TR><TD>1</TR>"));
    assert!(row("<TR><TD>&boom;</TD></TR>").contains("`&boom;` stands for nothing known"));
    let whole = tabledata(INT, "<TR><TD>1</TD></TR>");
    for length in [whole.len() - 3, whole.len() - 20, whole.len() / 2, 30] {
        let said = fails(&whole[..length]);
        assert!(said.starts_with("byte "), "{said}");
    }
    let field = |field: &str| fails(&tabledata(field, ""));
    assert!(field("<FIELD name='a'/>").contains("field 1 `a`: it has no datatype"));
    assert!(field("<FIELD name='a' datatype='int128'/>").contains("`int128` is none of VOTable's"));
    assert!(field("<FIELD name='a' datatype='int' arraysize='-3'/>").contains("no array size"));
    let huge = "<FIELD name='a' datatype='int' arraysize='99999x99999x99999x99999x9'/>";
    assert!(field(huge).contains("field 1 `a`"), "{}", field(huge));
    assert!(field("").contains("no table"));
    let complex = "<FIELD name='a' datatype='floatComplex'/><FIELD name='b' datatype='int'/>";
    let text = tabledata(complex, "<TR><TD>1 2</TD><TD>3</TD></TR>");
    assert_eq!(read(&text).unwrap().num_columns(), 1);
    let unread = read_votable(text.as_bytes(), &only(&["a"])).unwrap_err().to_string();
    assert_eq!(unread, "column `a` is FloatComplex, which is not read");
    let elsewhere =
        document(INT, "<BINARY2><STREAM href='http://x/y' encoding='base64'/></BINARY2>");
    assert!(fails(&elsewhere).contains("not in the document but at http://x/y"));
    assert!(
        fails(&document(INT, "<BINARY><STREAM>AA</STREAM></BINARY>")).contains("encoding `none`")
    );
    assert!(fails(&document(INT, "<FITS><STREAM/></FITS>")).contains("a FITS file"));
}

fn binary(field: &str, base64: &str) -> String {
    let stream = format!("<STREAM encoding='base64'>{base64}</STREAM>");
    document(field, &format!("<BINARY>{stream}</BINARY>"))
}

#[test]
fn binary_rows_that_lie_are_found_out() {
    let good = read(&binary(INT, "AAAA\n AQAA AAI=")).unwrap();
    assert_eq!(good.column(0).as_primitive::<Int32Type>().values(), &[1, 2]);
    let said = fails(&binary(INT, "AAAAAQAA"));
    assert!(
        said.starts_with("row 2 (byte ") && said.ends_with("they end 2 bytes into 4"),
        "{said}"
    );
    assert!(fails(&binary(INT, "AA!A")).contains("`!` at byte 2 of it is no base64"));
    assert!(fails(&binary(INT, "AAAAAQ==AAAA")).contains("goes on after its end"));
    let text = "<FIELD name='t' datatype='char' arraysize='*'/>";
    // Length 0x7fffffff, then 0x00ffffff, with a few bytes behind.
    let said = fails(&binary(text, "f////0FB"));
    assert!(said.contains("column `t` claims 2147483647 elements, more than"), "{said}");
    let said = fails(&binary(text, "AP///0FB"));
    assert!(said.contains("they end 2 bytes into 16777215"), "{said}");
    let batch = read(&binary(text, "AAAAAkFCAAAAAA==")).unwrap();
    let texts = batch.column(0).as_string::<i32>();
    assert_eq!((texts.value(0), texts.is_null(1)), ("AB", true));
    let unfinished = binary(INT, "AAAAAQAA");
    assert!(fails(&unfinished[..unfinished.len() - 60]).starts_with("row 1"));
}

/// A document that is written while it is read: none of it lies in memory.
struct Endless {
    head: Vec<u8>,
    filler: u8,
    left: usize,
}

impl std::io::Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if !self.head.is_empty() {
            let count = self.head.len().min(buffer.len());
            buffer[..count].copy_from_slice(&self.head[..count]);
            self.head.drain(..count);
            return Ok(count);
        }
        let count = self.left.min(buffer.len());
        buffer[..count].fill(self.filler);
        self.left -= count;
        Ok(count)
    }
}

#[test]
fn a_gigabyte_in_one_tag_or_cell_is_refused_early() {
    let open = "<VOTABLE><RESOURCE><TABLE><FIELD name='a' datatype='char' arraysize='*'/><DATA>";
    for (head, filler) in [
        (format!("{open}<TABLEDATA><TR><TD>"), b'x'),
        (format!("{open}<TABLEDATA><TR><TD a='"), b'y'),
        ("<VOTABLE><!--".to_owned(), b'-'),
    ] {
        let endless = Endless { head: head.into_bytes(), filler, left: 1 << 30 };
        let reader = Box::new(std::io::BufReader::new(endless));
        let error = walk::read(reader, &VoTableOptions::default()).unwrap_err().to_string();
        assert!(error.contains("a tag or text has more than 16777216 bytes"), "{error}");
    }
    let fields = INT.repeat(10_001);
    assert!(fails(&tabledata(&fields, "")).contains("field 10001 `a`: a table has at most 10000"));
    let deep = format!("<VOTABLE>{}", "<RESOURCE>".repeat(100));
    assert!(fails(&deep).contains("more than 64 elements inside each other"));
}

#[test]
fn random_damage_never_panics() {
    let seeds = [TABLEDATA, BINARY, BINARY2].map(|text| text.as_bytes().to_vec());
    let mut seed = 7_u64;
    for round in 0..3000 {
        let mut bytes = seeds[round % 3].clone();
        for _ in 0..=round % 5 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let place = (seed >> 33) as usize % bytes.len();
            bytes[place] = (seed >> 16) as u8;
        }
        let _ = read_votable(&bytes, &VoTableOptions::default());
    }
}

fn shared(name: &str) -> Option<Vec<u8>> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared");
    let root = std::env::var_os("MDWARF_SHARED").map_or_else(|| default.into(), PathBuf::from);
    let found = std::fs::read(root.join("data/formats/gaia").join(name)).ok();
    if found.is_none() {
        eprintln!("skipped: votable needs ../shared/data/formats/gaia/{name}");
    }
    found
}

#[test]
fn answers_of_the_gaia_archive_read() {
    let (Some(table), Some(job)) = (shared("1710099405832VAL-result.vot"), shared("job_1.vot"))
    else {
        return;
    };
    let batch = read_votable(&table, &VoTableOptions::default()).unwrap().table;
    assert_eq!((batch.num_rows(), batch.num_columns()), (2, 152));
    let ids = column(&batch, "source_id").as_primitive::<Int64Type>();
    assert_eq!(ids.value(0), 4_583_627_001_381_815_936);
    let parallax = column(&batch, "parallax").as_primitive::<Float64Type>();
    assert_eq!(parallax.value(0), 2.303_408_643_021_092_5);
    let batch = read_votable(&job, &VoTableOptions::default()).unwrap().table;
    let alpha = column(&batch, "alpha").as_primitive::<Float64Type>();
    assert_eq!(alpha.values(), &[1.0, 3.0, 5.0]);
    let text = column(&batch, "source_id").as_string::<i32>();
    assert_eq!(text.iter().flatten().collect::<Vec<_>>(), ["a", "b", "c"]);
    // The third file of that set is a tar archive in spite of its name.
    if let Some(tar) = shared("job_2.vot.gz") {
        let error = read_votable(&tar, &VoTableOptions::default()).unwrap_err();
        assert!(error.to_string().contains("tar archive"), "{error}");
    }
}
