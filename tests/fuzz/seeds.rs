//! Well-formed inputs, most of them from our own writers, to make mutants of.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, FixedSizeListArray, Float32Array, Float64Array, Int16Array, Int32Array,
    Int64Array, StringArray, UInt32Array,
};
use arrow::datatypes::Field;
use arrow::record_batch::RecordBatch;
use mdwarf::formats::csv::write_csv;
use mdwarf::formats::fits_table::write_table;

/// Between pipeline, profile and `--set` lines.
pub const PARTED: char = '\u{1e}';

pub const PROFILE: &str = "[profile]\nname = \"test\"\nabout = \"t\"\n\
    [dataset.stars]\npath = \"stars.csv\"\n[dataset.files]\nabsent = \"none\"\n";

const SMALL: &str = r#"
[pipeline]
name = "small"
seed = 1
[dataset.stars]
about = "numbers"
[dataset.files]
about = "spectra"
[node.spectra]
stage = "read_spectra"
section = "3.1"
dataset = "files"
buckets = 4
[node.stars]
stage = "read_table"
section = "-"
dataset = "stars"
format = "csv"
id = "star"
buckets = 2
columns = [{ name = "star", type = "i64" }, { name = "x", type = "f64", unit = "deg" }]
[node.squared]
stage = "derive"
section = "-"
in = { rows = "stars" }
columns = [{ name = "y", expr = "x * x + sqrt(abs(x)) - max(x, 2)", about = "square" }]
[node.kept]
stage = "cuts"
section = "-"
in = { stars = "squared" }
id = "star"
criteria = [["y", "0.25 < y < 9 and not (x == 3 or inside(x, y, [[0, 5], [1, 4], [5, 16.5]]))"]]
[publish]
"kept.csv" = "kept"
[method.released]
kept.criteria = [["y", "y > 1"]]
[[claim]]
id = "C1"
section = "-"
about = "rows kept"
paper = "7"
accept = [7, 7]
sample = "all"
statistic = "count"
value = { node = "kept", column = "y", where = { y = 2 }, statistic = "count" }
"#;

pub const TOML_WORDS: &[&str] = &[
    "[[",
    "]]",
    "[node.x]\n",
    "stage = \"derive\"\n",
    "\"\"\"",
    "'''",
    "\\u0000",
    "inf",
    "nan",
    "= [",
    "{ a = ",
    "in = { rows = \"stars\" }\n",
    "section = \"-\"\n",
    "buckets = 4294967295\n",
    " and ",
    " or ",
    "not ",
    "((((",
    "))))",
    "[[claim]]\n",
    "expr = \"",
    "1979-05-27",
    "0x7f",
    "\u{1e}",
    "é",
    "\u{feff}",
    "node.squared.columns = []\n",
    "-",
    "**",
    "startswith(",
    ".",
    "absent = \"x\"\n",
    "simulated = \"kept\"\n",
    "url = \"http://x\"\n",
    "training = \"kept\"",
];

pub fn pipelines() -> Vec<Vec<u8>> {
    let root = env!("CARGO_MANIFEST_DIR");
    let read = |name: &str| std::fs::read_to_string(format!("{root}/{name}")).expect("a text");
    let parted = |texts: &[&str]| texts.join(&PARTED.to_string()).into_bytes();
    let whole = read("pipeline.toml");
    let mut seeds = vec![
        parted(&[SMALL, PROFILE, "node.kept.id=\"star\"\nstars.buckets=3\npipeline.seed=4\n"]),
        parted(&[SMALL, PROFILE, "squared.rows=stars\n"]),
    ];
    for profile in ["simulated", "nearby", "archive"] {
        let path = format!("{root}/profiles/{profile}.toml");
        if let Ok(profile) = std::fs::read_to_string(path) {
            seeds.push(parted(&[&whole, &profile, ""]));
        }
    }
    // The small one more often: it is read faster.
    for _ in 0..8 {
        seeds.push(seeds[0].clone());
    }
    seeds
}

pub const FITS_WORDS: &[&str] = &[
    "NAXIS   =",
    "NAXIS1  =",
    "NAXIS2  =",
    "NAXIS   =                    2",
    "BITPIX  =",
    "BITPIX  =                  -64",
    "PCOUNT  =",
    "GCOUNT  =",
    "TFIELDS =",
    "TFORM1  =",
    "TFORM1  = '9999999999J'",
    "TFORM1  = '1PE(99)'",
    "TFORM1  = '1QJ'",
    "TFORM1  = '0A'",
    "TDIM1   = '(3,9999)'",
    "TZERO1  =",
    "TSCAL1  =",
    "TNULL1  =",
    "XTENSION= 'BINTABLE'",
    "XTENSION= 'IMAGE   '",
    "END     ",
    "SIMPLE  =                    T",
    "CONTINUE  '",
    "ZIMAGE  =",
    "ZCMPTYPE= 'RICE_1'",
    "ZTABLE  =",
    "EXTNAME = 'COADD'",
    "THEAP   =",
    "INHERIT =",
    "BLANK   =",
    "GROUPS  =                    T",
    "OBSID   =",
    "'",
    "/",
    "1E999",
];

fn card(text: &str) -> String {
    format!("{text:<80}")
}

fn blocks(mut bytes: Vec<u8>, fill: u8) -> Vec<u8> {
    bytes.resize(bytes.len().div_ceil(2880) * 2880, fill);
    bytes
}

/// A spectrum of few pixels as a 5-row image.
fn image(pixels: usize) -> Vec<u8> {
    let cards = [
        "SIMPLE  =                    T".to_owned(),
        "BITPIX  =                  -32".to_owned(),
        "NAXIS   =                    2".to_owned(),
        format!("NAXIS1  = {pixels:>20}"),
        "NAXIS2  =                    5".to_owned(),
        "OBSID   =               101001".to_owned(),
        "RA      =                 12.5".to_owned(),
        "SNRI    = '-9999.0 '".to_owned(),
        "Z       =              -9999.0".to_owned(),
        "VACUUM  =                    T".to_owned(),
        "SUBCLASS= 'M2      '           / type".to_owned(),
        "END".to_owned(),
    ];
    let header: String = cards.iter().map(|text| card(text)).collect();
    let mut bytes = blocks(header.into_bytes(), b' ');
    for value in 0..5 * pixels {
        bytes.extend_from_slice(&(value as f32).to_be_bytes());
    }
    blocks(bytes, 0)
}

fn vectors(values: ArrayRef, width: i32) -> ArrayRef {
    let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    Arc::new(FixedSizeListArray::new(item, width, values, None))
}

/// A spectrum as later releases have it: a row of vectors.
fn coadd(pixels: usize) -> Vec<u8> {
    let reals = || Arc::new(Float32Array::from_iter_values((0..pixels).map(|i| i as f32)));
    let bits = || Arc::new(Int32Array::from_iter_values((0..pixels).map(|i| i as i32)));
    let width = pixels as i32;
    let table = RecordBatch::try_from_iter([
        ("FLUX", vectors(reals(), width)),
        ("IVAR", vectors(reals(), width)),
        ("WAVELENGTH", vectors(reals(), width)),
        ("ANDMASK", vectors(bits(), width)),
        ("ORMASK", vectors(bits(), width)),
        ("NORMALIZATION", vectors(reals(), width)),
    ]);
    let written = write_table(&table.expect("a table"), "COADD").expect("FITS");
    let primary: String = [
        "SIMPLE  =                    T",
        "BITPIX  =                    8",
        "NAXIS   =                    0",
        "EXTEND  =                    T",
        "OBSID   =               101001",
        "SNRI    =                 33.5",
        "END",
    ]
    .iter()
    .map(|text| card(text))
    .collect();
    let mut bytes = blocks(primary.into_bytes(), b' ');
    let extension = written.windows(8).position(|at| at == b"XTENSION").expect("an extension");
    bytes.extend_from_slice(&written[extension..]);
    bytes
}

fn batch() -> RecordBatch {
    let nan = f64::NAN;
    RecordBatch::try_from_iter_with_nullable([
        ("source_id", Arc::new(Int64Array::from(vec![1, i64::MAX, -3])) as ArrayRef, true),
        ("ra", Arc::new(Float64Array::from(vec![Some(0.5), None, Some(nan)])), true),
        ("flux", Arc::new(Float32Array::from(vec![1.0, 2.5, -0.0])), true),
        ("flag", Arc::new(BooleanArray::from(vec![true, false, true])), true),
        ("small", Arc::new(Int16Array::from(vec![Some(1), None, Some(-7)])), true),
        ("bits", Arc::new(UInt32Array::from(vec![0, 1, u32::MAX])), true),
        ("name", Arc::new(StringArray::from(vec![Some("M2, \"x\""), None, Some("dM0")])), true),
    ])
    .expect("a table")
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("packed");
    encoder.finish().expect("packed")
}

pub fn fits_files() -> Vec<Vec<u8>> {
    let named = batch().project(&[0, 1, 2, 4, 5, 6]).expect("columns");
    let table = write_table(&batch(), "STARS").or_else(|_| write_table(&named, "STARS"));
    let plain = vec![image(40), coadd(40), table.expect("FITS"), image(4), coadd(1)];
    let gzipped: Vec<Vec<u8>> = plain[..3].iter().map(|bytes| packed(bytes)).collect();
    [plain, gzipped].concat()
}

pub const VOTABLE_WORDS: &[&str] = &[
    "<TR>",
    "</TR>",
    "<TD>",
    "</TD>",
    "<TD/>",
    "<FIELD name=\"x\" datatype=\"double\"/>",
    "arraysize=\"*\"",
    "arraysize=\"99999999999\"",
    "arraysize=\"3x*\"",
    "datatype=\"char\"",
    "datatype=\"bit\"",
    "datatype=\"unicodeChar\"",
    "datatype=\"long\"",
    "<VALUES null=\"-1\"/>",
    "<BINARY>",
    "<BINARY2>",
    "<STREAM encoding=\"base64\">",
    "</STREAM>",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "&amp;",
    "&#0;",
    "&#x110000;",
    "&lol;",
    "<!DOCTYPE x [<!ENTITY a \"b\">]>",
    "<INFO name=\"QUERY_STATUS\" value=\"ERROR\">",
    "</DATA>",
    "<TABLE>",
    "</TABLE>",
    "AAAA",
    "/////w==",
    "=",
    "\u{1F600}",
    "<?xml version=\"1.0\" encoding=\"UTF-16\"?>",
];

pub fn votables() -> Vec<Vec<u8>> {
    let plain = [
        &include_bytes!("../../src/formats/votable/fixtures/tabledata.vot")[..],
        include_bytes!("../../src/formats/votable/fixtures/binary.vot"),
        include_bytes!("../../src/formats/votable/fixtures/binary2.vot"),
    ]
    .map(<[u8]>::to_vec);
    let gzipped = plain.iter().map(|bytes| packed(bytes)).collect();
    [plain.to_vec(), gzipped].concat()
}

pub const ECSV_WORDS: &[&str] = &[
    "# %ECSV 1.0\n",
    "# ---\n",
    "# datatype:\n",
    "# - {name: x, datatype: int64}\n",
    "# delimiter: ','\n",
    "subtype: 'float64[null]'",
    "subtype: 'int64[99999999]'",
    "[1,2,3]",
    "[null]",
    "\"",
    "\"\"",
    "null",
    "{",
    "}",
    "[[[[",
    "!!omap\n",
    "# - - - - ",
    "\\U0010FFFF",
    "\\x",
    "&a ",
    "*a",
    "|\n",
    ">\n",
    "# meta: {ucd: x}\n",
    "\r",
    "\u{feff}",
    "nan",
    "1e999",
    "True",
];

pub fn ecsv_files() -> Vec<Vec<u8>> {
    let plain = [
        &include_bytes!("../../src/formats/ecsv/fixtures/blank.ecsv")[..],
        include_bytes!("../../src/formats/ecsv/fixtures/comma.ecsv"),
    ]
    .map(<[u8]>::to_vec);
    let gzipped = plain.iter().map(|bytes| packed(bytes)).collect();
    [plain.to_vec(), gzipped].concat()
}

pub const TABLE_WORDS: &[&str] = &[
    "\"",
    "\"\"",
    ",",
    "\r",
    "\r\n",
    "\n\n",
    "null",
    "nan",
    "1e999",
    "true",
    "\u{feff}",
    "BZh91AY&SY",
    "--------",
    "Byte-by-byte Description of file: x\n",
    "   1- 99999999 A20 --- x\n",
    "F99.99",
    "I4",
    "# Zini MH\n",
    "#isochrone terminated\n",
    "1D-5",
    "SIMPLE  =",
    "<VOTABLE>",
    "# Photometric system:",
    "1.0D+04",
    "Title: x\n",
    "---",
    "   1-  2",
];

const CMD: &str = "# File generated by CMD 3.7\n# Photometric system: <i>Gaia DR2</i> (Vega)\n\
    # Zini     MH   logAge Mini  logTe  logg  label Gmag    G_BPmag  G_RPmag\n\
    0.0152 0.00000 9.00000  0.1000000000 3.47 5.1 1 13.1 15.2 11.9\n\
    0.0152 0.00000 9.00000  0.2000000000 3.50 5.0 1 11.1 99.999 9.9\n\
    # Zini     MH   logAge Mini  logTe  logg  label Gmag    G_BPmag  G_RPmag\n\
    0.0304 0.30000 9.00000  0.1000000000 3.46 5.1 1 13.3 15.6 12.0\n#isochrone terminated\n";

pub fn tables() -> Vec<Vec<u8>> {
    let mut csv = Vec::new();
    write_csv(&batch(), &mut csv).expect("CSV");
    let native = "   4000.0123 -1.25D+00 -2.5D+01  x\n   4001.5 -1.30D+00 -2.5D+01 y\n";
    let settl =
        "# lte030-4.5-0.5a+0.2\n# column 1: WAVELENGTH (ANGSTROM)\n4000.5 1.25E-5\n4001 2E-5\n";
    let flux = RecordBatch::try_from_iter([
        ("WAVELENGTH", Arc::new(Float64Array::from(vec![0.4, 0.5])) as ArrayRef),
        ("FLUX", Arc::new(Float64Array::from(vec![1.0, 2.0]))),
    ]);
    let grid = write_table(&flux.expect("a table"), "SPECTRUM").expect("FITS");
    vec![
        csv.clone(),
        include_bytes!("../../src/formats/cds/fixtures/astropy.mrt").to_vec(),
        CMD.into(),
        native.into(),
        settl.into(),
        grid,
        packed(&csv),
        b"a;b\n1;\"x\ny\"\n".to_vec(),
    ]
}
