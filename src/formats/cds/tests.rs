use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, Int64Type};

use super::*;
use crate::formats::gzip::packed;
use crate::formats::meaning::{DESCRIPTION, UNIT, entry};

/// Written by astropy.
const MRT: &str = include_str!("fixtures/astropy.mrt");

#[test]
fn a_table_of_astropy_reads() {
    for bytes in [MRT.as_bytes().to_vec(), packed(MRT.as_bytes())] {
        let batch = read_mrt(&bytes, None).unwrap();
        assert_eq!((batch.num_rows(), batch.num_columns()), (3, 5));
        let of = |name: &str| batch.column_by_name(name).unwrap();
        let names = of("Name").as_string::<i32>();
        assert_eq!(names.iter().flatten().collect::<Vec<_>>(), ["LP 1", "Wolf 359", "GJ 3"]);
        assert_eq!(of("RAh").as_primitive::<Int64Type>().values(), &[1, 23, 0]);
        assert_eq!(of("Teff").as_primitive::<Float64Type>().values(), &[3200.5, 2800.0, 3900.25]);
        let error = of("e_Teff").as_primitive::<Int64Type>();
        assert_eq!(error.iter().collect::<Vec<_>>(), [Some(60), None, Some(50)]);
        let schema = batch.schema();
        let teff = schema.field_with_name("Teff").unwrap();
        assert_eq!(entry(teff, UNIT), Some("K"));
        assert_eq!(entry(teff, DESCRIPTION), Some("Effective temperature"));
        assert_eq!(entry(schema.field_with_name("Name").unwrap(), UNIT), None);
    }
}

const README: &str = "J/x/1  A catalog (Nobody+, 2021)
================================================================================
Byte-by-byte Description of file: table1.dat
--------------------------------------------------------------------------------
   Bytes Format Units   Label     Explanations
--------------------------------------------------------------------------------
       1  A1    ---     Flag      [AB] A flag
--------------------------------------------------------------------------------

Byte-by-byte Description of file (# 1): table2.dat  part?.dat
--------------------------------------------------------------------------------
   Bytes Format Units   Label     Explanations
--------------------------------------------------------------------------------
   1-  6  A6    ---     Name      ?='none' A name that
                                  goes on in a second line
   8- 14  E7.1  mas     plx       [-5/800]?=-9.9D1 Parallax
  16- 18  I3    ---     N         ? Number of
                                  30 stars or more
--------------------------------------------------------------------------------
Note (1): nothing
--------------------------------------------------------------------------------
";
const DATA: &str = "LP 1   1.5D+01  12\nnone   -9.9D1\n\nGJ 3   2.E-1    -1\n";

fn read(data: &str) -> Result<RecordBatch, CdsError> {
    read_cds(README.as_bytes(), "a/table2.dat.gz", data.as_bytes(), None)
}

#[test]
fn a_readme_describes_several_files() {
    let batch = read(DATA).unwrap();
    let names = batch.column(0).as_string::<i32>();
    assert_eq!(names.iter().collect::<Vec<_>>(), [Some("LP 1"), None, Some("GJ 3")]);
    let parallax = batch.column(1).as_primitive::<Float64Type>();
    assert_eq!((parallax.value(0), parallax.is_null(1), parallax.value(2)), (15.0, true, 0.2));
    let n = batch.column(2).as_primitive::<Int64Type>();
    assert_eq!(n.iter().collect::<Vec<_>>(), [Some(12), None, Some(-1)]);
    let schema = batch.schema();
    assert_eq!(entry(schema.field(0), DESCRIPTION), Some("A name that goes on in a second line"));
    assert_eq!(entry(schema.field(2), DESCRIPTION), Some("Number of 30 stars or more"));
    let wanted = ["N".to_owned(), "PLX".to_owned()];
    let some = read_cds(README.as_bytes(), "part7.dat", DATA.as_bytes(), Some(&wanted)).unwrap();
    assert_eq!(some.schema().field(1).name(), "PLX");
    let flag = read_cds(README.as_bytes(), "table1.dat", b"A\n\nB\n", None).unwrap();
    assert_eq!(flag.num_rows(), 2);
    assert!(is_description(README.as_bytes()) && !is_description(DATA.as_bytes()));
}

#[test]
fn faults_of_data_and_descriptions() {
    let said = |data: &str| {
        let error = read(data).unwrap_err();
        assert!(!error.hint().is_empty());
        error.to_string()
    };
    assert_eq!(said("LP 1   abc     12\n"), "line 1, bytes 8-14 (`plx`): `abc` is not a number");
    assert_eq!(
        said("LP 1   1.5     1.5\n"),
        "line 1, bytes 16-18 (`N`): `1.5` is not a whole number of 64 bits"
    );
    let outside = "line 1 has text at byte 20, which no column has: \"more\"";
    assert_eq!(said("LP 1   1.5      12 more\n"), outside);
    // A sign that has slipped over the edge of its column would else be lost.
    assert!(said("LP 1  -1.5\n").starts_with("line 1 has text at byte 7, which no column has"));
    assert!(said(&"x".repeat(2 << 20)).contains("line 1 has more than 1048576 bytes"));
    let other = read_cds(README.as_bytes(), "table9.dat", b"", None).unwrap_err().to_string();
    assert!(other.ends_with("file: table9.dat`; described are table1.dat, table2.dat, part?.dat"));
    let missing = read_cds(README.as_bytes(), "table1.dat", b"", Some(&["x".to_owned()]));
    assert_eq!(missing.unwrap_err().to_string(), "no column `x`; the file has Flag");
    let readme = |from: &str, to: &str| {
        let readme = README.replace(from, to);
        read_cds(readme.as_bytes(), "table2.dat", b"", None).unwrap_err().to_string()
    };
    assert!(readme("8- 14", "14- 8").contains("column `plx` is at bytes 14-8"));
    assert!(readme("E7.1", "E9.1").contains("column `plx` has format E9.1 for 7 bytes"));
    assert!(readme("plx ", "Name").contains("label `Name` stands twice"));
    assert!(readme("8- 14", "8-99999999999").contains("`plx` is at bytes 8-99999999999"));
    assert!(
        read_mrt(b"a b c\n1 2 3\n", None).unwrap_err().to_string().contains("described are none")
    );
}

#[test]
fn random_damage_never_panics() {
    let mut seed = 5_u64;
    for round in 0..3000 {
        let mut bytes = MRT.as_bytes().to_vec();
        let mut readme = README.as_bytes().to_vec();
        for _ in 0..=round % 5 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let place = (seed >> 33) as usize;
            let (length, other) = (bytes.len(), readme.len());
            bytes[place % length] = (seed >> 16) as u8;
            readme[place % other] = (seed >> 16) as u8;
        }
        let _ = read_mrt(&bytes, None);
        let _ = read_cds(&readme, "table2.dat", DATA.as_bytes(), None);
    }
}
