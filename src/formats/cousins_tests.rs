//! Every reader on files that are nearly of its format: the list of what it says.

use std::sync::Arc;

use insta::assert_snapshot;

use super::btsettl;
use super::catalog::read_typed;
use super::csv::{CsvOptions, read_csv};
use super::gzip::packed;
use super::hdf5::DustFile;
use super::lamost::read_spectrum;
use super::{Format, beginning};

/// A name that says what node the file is.
const NODE: &str = "lte035.0-5.0-0.0a+0.0.BT-Settl.spec.7";

/// A small good file of each format that is plain text, and one column of it.
fn good(format: Format) -> Vec<u8> {
    let text = match format {
        Format::Csv => "id,ra\n1,2.5\n2,3.5\n",
        Format::VoTable => {
            "<VOTABLE><TABLE><FIELD name='id' datatype='int'/><DATA><TABLEDATA><TR><TD>1</TD></TR>\
             </TABLEDATA></DATA></TABLE></VOTABLE>"
        }
        Format::Ecsv => "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: id, datatype: int32}\nid\n1\n",
        Format::Parsec => "# id ra\n1 2\n",
        Format::Mrt | Format::Cds => {
            "Byte-by-byte Description of file: t.dat\n------\nheads\n------\n   1- 2 I2 --- id A \
             number\n------\n12\n"
        }
        Format::BtSettl => "1.0E+04 -3.0 -4.0\n1.1E+04 -3.1 -4.0\n1.2E+04 -3.1 -4.0\n",
        Format::FitsTable | Format::LamostLrs => "SIMPLE  =                    T",
        Format::Hdf5 => "\u{89}HDF",
    };
    text.as_bytes().to_vec()
}

/// What a reader says of bytes: the error, or that it read them.
fn said(format: Format, bytes: &[u8]) -> String {
    let columns = ["nothing".to_owned()];
    let error = match format {
        Format::LamostLrs => read_spectrum(bytes).err().map(|why| (why.to_string(), why.hint())),
        Format::Hdf5 => {
            DustFile::open(Arc::new(bytes.to_vec())).err().map(|why| (why.to_string(), why.hint()))
        }
        Format::BtSettl => btsettl::read_spectrum(NODE, bytes, &btsettl::Options::default())
            .err()
            .map(|why| (why.to_string(), why.hint())),
        Format::Csv => {
            let options = CsvOptions { columns: Some(columns.to_vec()), ..CsvOptions::default() };
            read_csv(bytes, &options).err().map(|why| (why.to_string(), why.hint()))
        }
        Format::Cds => read_typed(format, &[("ReadMe", bytes), ("t.dat", b"12\n")], Some(&columns))
            .err()
            .map(|why| (why.to_string(), why.hint())),
        _ => read_typed(format, &[("file", bytes)], Some(&columns))
            .err()
            .map(|why| (why.to_string(), why.hint())),
    };
    match error {
        Some((error, hint)) => {
            assert!(!hint.is_empty());
            error.lines().next().unwrap_or_default().chars().take(150).collect()
        }
        None => "is read".into(),
    }
}

#[test]
fn what_each_reader_says_of_its_cousins() {
    let page =
        b"<!DOCTYPE html>\n<html><head><title>Log in</title></head><body>Please log in</body>"
            .to_vec();
    let mut list = String::new();
    for format in Format::ALL {
        list.push_str(&format!("{format}\n"));
        let whole = good(format);
        let gz = packed(&whole.repeat(50));
        let cousins: [(&str, Vec<u8>); 6] = [
            ("an empty file", Vec::new()),
            ("a web page", page.clone()),
            ("without the column", whole.clone()),
            ("a gzip that is cut", gz[..gz.len() - 9].to_vec()),
            ("a zip archive", b"PK\x03\x04\x14\0\0\0\x08\0".to_vec()),
            ("bytes of nothing", vec![0xf7; 64]),
        ];
        for (what, bytes) in cousins {
            let said = said(format, &bytes);
            list.push_str(&format!("  {what}: {said}\n"));
            if what == "a web page" || what == "an empty file" {
                assert_ne!(said, "is read", "{format}: {what}");
                assert!(!beginning::can_be(&beginning::beginning_of(&bytes), format));
            }
        }
    }
    assert_snapshot!(list);
}
