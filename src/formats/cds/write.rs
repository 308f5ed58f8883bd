//! A record batch as a table of CDS: a data file of fixed width, and the `ReadMe` that describes it byte by byte
//! ("Standards for Astronomical Catalogues", version 2.0).

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type};
use arrow::record_batch::RecordBatch;
use thiserror::Error;

use crate::formats::meaning::{DESCRIPTION, TableFacts, UNIT, entry, listed};

/// Width of a ReadMe.
const WIDTH: usize = 80;
/// Where notes and paragraphs begin.
const INDENT: usize = 4;
/// Decimals of a real number without a unit.
const PLAIN_DECIMALS: usize = 4;
/// Decimals by unit: a tenth or less of what the labels are known to, positions to a milliarcsecond.
const UNIT_DECIMALS: [(&str, usize); 9] = [
    ("K", 1),
    ("dex", 3),
    ("deg", 7),
    ("mag", 4),
    ("km/s", 2),
    ("arcsec", 4),
    ("mas", 4),
    ("mas/yr", 4),
    ("Angstrom", 3),
];
/// A line of the ReadMe that stands for the acknowledgements, until they are known.
pub const ACKNOWLEDGEMENTS: &str = "    [acknowledgements]";

/// Why a table could not be written.
#[derive(Debug, Error)]
#[error("column `{column}` of type {kind} has no form in a table of CDS")]
pub struct CdsWriteError {
    /// Name of the column.
    pub column: String,
    /// Its Arrow type.
    pub kind: DataType,
}

impl CdsWriteError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        "leave the column out, or cast it to numbers, logicals or text"
    }
}

/// The two files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CdsFiles {
    /// The ReadMe, lines of at most 80 bytes.
    pub readme: String,
    /// The rows, a line each.
    pub data: String,
}

/// Returns data file, named `file`, and ReadMe of `batch`.
///
/// Reals have the decimals that `decimals` says by column, else those of their unit, else four; logicals
/// are 1 and 0; what is missing, or is no finite number, is blank. A description that lists values ([`listed`]) becomes a note.
/// Text is ASCII: other signs become `?`. Errors on columns that are no numbers, logicals or text.
pub fn write_cds(
    batch: &RecordBatch,
    facts: &TableFacts,
    file: &str,
    decimals: &BTreeMap<String, usize>,
) -> Result<CdsFiles, CdsWriteError> {
    let schema = batch.schema();
    let mut columns = Vec::with_capacity(batch.num_columns());
    let mut first = 1;
    for (field, array) in schema.fields().iter().zip(batch.columns()) {
        let kind = kind_of(field, decimals).ok_or_else(|| CdsWriteError {
            column: field.name().clone(),
            kind: field.data_type().clone(),
        })?;
        let cells = cells(array, kind);
        let width = cells.iter().map(String::len).max().unwrap_or(0).max(1);
        columns.push(Column { field, kind, first, width, cells });
        first += width + 1;
    }
    let length = columns.last().map_or(0, |c| c.first + c.width - 1);
    let mut data = String::with_capacity((length + 1) * batch.num_rows());
    for row in 0..batch.num_rows() {
        let line: Vec<String> = columns.iter().map(|column| column.padded(row)).collect();
        data.push_str(line.join(" ").trim_end());
        data.push('\n');
    }
    Ok(CdsFiles { readme: readme(facts, file, &columns, length, batch.num_rows()), data })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Integer,
    Logical,
    Real(usize),
}

struct Column<'a> {
    field: &'a Field,
    kind: Kind,
    first: usize,
    width: usize,
    cells: Vec<String>,
}

impl Column<'_> {
    fn padded(&self, row: usize) -> String {
        let (cell, width) = (&self.cells[row], self.width);
        if self.kind == Kind::Text { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
    }

    fn format(&self) -> String {
        match self.kind {
            Kind::Text => format!("A{}", self.width),
            Kind::Integer | Kind::Logical | Kind::Real(0) => format!("I{}", self.width),
            Kind::Real(decimals) => format!("F{}.{decimals}", self.width),
        }
    }

    fn about(&self) -> &str {
        entry(self.field, DESCRIPTION).unwrap_or("---")
    }
}

fn kind_of(field: &Field, decimals: &BTreeMap<String, usize>) -> Option<Kind> {
    let unit = entry(field, UNIT).unwrap_or_default();
    Some(match field.data_type() {
        DataType::Boolean => Kind::Logical,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Kind::Text,
        kind if kind.is_integer() => Kind::Integer,
        kind if kind.is_floating() => {
            let of_unit = UNIT_DECIMALS.iter().find(|(name, _)| *name == unit).map(|(_, n)| *n);
            let named = decimals.get(field.name()).copied();
            Kind::Real(named.or(of_unit).unwrap_or(PLAIN_DECIMALS))
        }
        _ => return None,
    })
}

fn cells(array: &ArrayRef, kind: Kind) -> Vec<String> {
    // The kinds were chosen by the types, so that each of these casts is defined.
    let as_type = |kind: DataType| cast(array, &kind).unwrap_or_else(|_| array.clone());
    match kind {
        Kind::Text => {
            let texts = as_type(DataType::LargeUtf8);
            texts.as_string::<i64>().iter().map(|t| ascii(t.unwrap_or_default().trim())).collect()
        }
        Kind::Logical => {
            let mark = |v: Option<bool>| v.map_or(String::new(), |v| u8::from(v).to_string());
            array.as_boolean().iter().map(mark).collect()
        }
        Kind::Integer if array.data_type() == &DataType::UInt64 => {
            let numbers = array.as_primitive::<arrow::datatypes::UInt64Type>();
            numbers.iter().map(|v| v.map_or(String::new(), |v| v.to_string())).collect()
        }
        Kind::Integer => {
            let numbers = as_type(DataType::Int64);
            let numbers = numbers.as_primitive::<Int64Type>();
            numbers.iter().map(|v| v.map_or(String::new(), |v| v.to_string())).collect()
        }
        Kind::Real(decimals) => {
            let numbers = as_type(DataType::Float64);
            let numbers = numbers.as_primitive::<Float64Type>();
            let finite = |v: Option<f64>| v.filter(|v| v.is_finite());
            numbers
                .iter()
                .map(|v| finite(v).map_or(String::new(), |v| fixed(v, decimals)))
                .collect()
        }
    }
}

/// A number with decimals; what rounds to zero has no sign.
fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(bare) if bare.bytes().all(|b| b == b'0' || b == b'.') => bare.to_owned(),
        _ => text,
    }
}

fn readme(
    facts: &TableFacts,
    file: &str,
    columns: &[Column<'_>],
    length: usize,
    n_rows: usize,
) -> String {
    let rule = |sign: &str| format!("{}\n", sign.repeat(WIDTH));
    let mut text = wrapped("", 0, &facts.title);
    text.push_str(&rule("="));
    text.push_str(&wrapped("", 0, &facts.title));
    text.push_str(&wrapped("    ", INDENT, &facts.authors));
    for (name, value) in &facts.facts {
        text.push_str(&wrapped(&format!("    {name}: "), INDENT + 2, value));
    }
    text.push_str(&rule("="));
    text.push_str("\nDescription:\n");
    text.push_str(&wrapped("    ", INDENT, &facts.about));
    text.push_str("\nFile Summary:\n");
    text.push_str(&rule("-"));
    text.push_str(" FileName        Lrecl   Records   Explanations\n");
    text.push_str(&rule("-"));
    text.push_str("ReadMe             80         .   This file\n");
    let summary = format!("{file:<14} {length:>6} {n_rows:>9}   ");
    text.push_str(&wrapped(&summary, summary.len(), &facts.title));
    text.push_str(&rule("-"));
    text.push_str(&format!("\nByte-by-byte Description of file: {file}\n"));
    text.push_str(&rule("-"));
    let label = columns.iter().map(|c| c.field.name().len()).max().unwrap_or(0).max(5);
    text.push_str(&format!("   Bytes  Format Units    {:<label$} Explanations\n", "Label"));
    text.push_str(&rule("-"));
    let mut notes = Vec::new();
    for column in columns {
        text.push_str(&described(column, label, &mut notes));
    }
    text.push_str(&rule("-"));
    for (number, (head, entries)) in notes.iter().enumerate() {
        text.push_str(&wrapped(&format!("Note ({}): ", number + 1), INDENT, &format!("{head}:")));
        for (value, about) in entries {
            let head = format!("    {value} = ");
            text.push_str(&wrapped(&head, head.len(), about));
        }
    }
    if !notes.is_empty() {
        text.push_str(&rule("-"));
    }
    text.push_str("\nAcknowledgements:\n");
    text.push_str(ACKNOWLEDGEMENTS);
    text.push_str("\n\n");
    text.push_str(&rule("="));
    text.push_str("(End)\n");
    text
}

/// Lists of values and what they mean, by their heads.
type Notes = Vec<(String, Vec<(String, String)>)>;

/// The lines of a column; its list of values goes to the notes.
fn described(column: &Column<'_>, label: usize, notes: &mut Notes) -> String {
    let bytes = if column.width == 1 {
        format!("{:>9}", column.first)
    } else {
        format!("{:>4}-{:>4}", column.first, column.first + column.width - 1)
    };
    let unit = cds_unit(entry(column.field, UNIT).unwrap_or_default());
    let name = ascii(column.field.name()).replace(' ', "_");
    let head = format!("{bytes}  {:<6} {unit:<8} {name:<label$} ", column.format());
    let limits = if column.kind == Kind::Logical { "[0/1]" } else { "" };
    let lacks = if column.cells.iter().any(String::is_empty) { "?" } else { "" };
    let about = match listed(column.about()) {
        None => column.about().to_owned(),
        Some(list) => {
            let owned = |(a, b): (&str, &str)| (a.to_owned(), b.to_owned());
            let note =
                (list.head.to_owned(), list.entries.into_iter().map(owned).collect::<Vec<_>>());
            let known = notes.iter().position(|other| *other == note);
            let number = known.unwrap_or_else(|| {
                notes.push(note);
                notes.len() - 1
            });
            format!("{} ({})", list.head, number + 1)
        }
    };
    let marks = format!("{limits}{lacks}");
    let gap = if marks.is_empty() { "" } else { " " };
    wrapped(&head, head.len().min(50), &format!("{marks}{gap}{about}"))
}

/// A unit as CDS spells it.
fn cds_unit(unit: &str) -> String {
    match unit {
        "" => "---".to_owned(),
        "dex" => "[-]".to_owned(),
        "Msun" => "solMass".to_owned(),
        "au" => "AU".to_owned(),
        unit => ascii(unit).replace(' ', "."),
    }
}

/// Text in ASCII on one line.
fn ascii(text: &str) -> String {
    let mut plain = String::new();
    for sign in text.chars() {
        match sign {
            '\u{2212}' | '–' | '—' => plain.push('-'),
            '±' => plain.push_str("+-"),
            '≤' => plain.push_str("<="),
            '≥' => plain.push_str(">="),
            'Å' => plain.push_str("Angstrom"),
            '°' => plain.push_str("deg"),
            sign if sign.is_ascii_graphic() => plain.push(sign),
            sign if sign.is_whitespace() => plain.push(' '),
            _ => plain.push('?'),
        }
    }
    plain
}

/// Text broken at blanks, the first line after `head`, the others behind `indent` blanks.
///
/// No further line begins with a number: readers would take it for the bytes of a column.
pub fn wrapped(head: &str, indent: usize, text: &str) -> String {
    let mut lines: Vec<Vec<String>> = vec![Vec::new()];
    let mut length = head.len();
    for word in ascii(text).split_whitespace() {
        let line = lines
            .last_mut()
            .map(|line| (line.is_empty(), line))
            .filter(|(empty, line)| *empty || length + 1 + word.len() <= WIDTH || line.is_empty());
        if let Some((empty, line)) = line {
            length += word.len() + usize::from(!empty);
            line.push(word.to_owned());
            continue;
        }
        let mut next = vec![word.to_owned()];
        if let Some(line) = lines.last_mut() {
            let number = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
            while number(&next[0]) && line.len() > 1 {
                if let Some(before) = line.pop() {
                    next.insert(0, before);
                }
            }
        }
        length = indent + next.iter().map(|word| word.len() + 1).sum::<usize>() - 1;
        lines.push(next);
    }
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        let before = if at == 0 { head.to_owned() } else { " ".repeat(indent) };
        text.push_str(format!("{before}{}", line.join(" ")).trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BooleanArray, Float64Array, Int64Array, StringArray, UInt32Array};
    use arrow::datatypes::Schema;

    use super::*;
    use crate::formats::cds::read_cds;
    use crate::formats::meaning::with_meaning;

    fn table() -> RecordBatch {
        let list = "sum of bits, 0 for none: 1 = far off; 4 = near";
        let columns: Vec<(&str, &str, &str, ArrayRef)> = vec![
            (
                "id",
                "",
                "number of the spectrum",
                Arc::new(Int64Array::from(vec![11, 9_223_372_036_854_775_807, -3])),
            ),
            (
                "T",
                "K",
                "temperature",
                Arc::new(Float64Array::from(vec![Some(3512.26), None, Some(f64::NAN)])),
            ),
            (
                "z",
                "",
                "redshift",
                Arc::new(Float64Array::from(vec![-0.000_000_001, 0.000_123_456_7, -1e-4])),
            ),
            ("flags", "", list, Arc::new(UInt32Array::from(vec![5, 0, 1]))),
            ("other", "", list, Arc::new(UInt32Array::from(vec![5, 0, 1]))),
            ("ok", "", "fine", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
            (
                "type",
                "",
                "spectral type, which is given in a text that is so long that it goes on in a second line, where 12 is a number",
                Arc::new(StringArray::from(vec![Some("M3"), None, Some("K7 ±")])),
            ),
        ];
        let field = |(name, unit, about, array): &(&str, &str, &str, ArrayRef)| {
            let field = Field::new(*name, array.data_type().clone(), true);
            with_meaning(field, Some(unit), None, Some(about))
        };
        let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
        RecordBatch::try_new(Arc::new(schema), columns.into_iter().map(|c| c.3).collect()).unwrap()
    }

    fn files() -> CdsFiles {
        let facts = TableFacts {
            title: "Labels of stars".into(),
            authors: "Somebody".into(),
            about: "What it is.".into(),
            ..TableFacts::default()
        };
        let decimals = BTreeMap::from([("z".to_owned(), 7)]);
        write_cds(&table(), &facts, "t.dat", &decimals).unwrap()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let CdsFiles { readme, data } = files();
        let read = read_cds(readme.as_bytes(), "t.dat", data.as_bytes(), None).unwrap();
        assert_eq!((read.num_rows(), read.num_columns()), (3, 7));
        let numbers = |name: &str| {
            let column = cast(read.column_by_name(name).unwrap(), &DataType::Float64).unwrap();
            column.as_primitive::<Float64Type>().iter().collect::<Vec<_>>()
        };
        assert_eq!(numbers("T"), [Some(3512.3), None, None]);
        assert_eq!(numbers("z"), [Some(0.0), Some(0.000_123_5), Some(-0.0001)]);
        assert_eq!(numbers("ok"), [Some(1.0), Some(0.0), None]);
        let ids = read.column_by_name("id").unwrap().as_primitive::<Int64Type>().values().to_vec();
        assert_eq!(ids, [11, i64::MAX, -3]);
    }

    #[test]
    fn the_readme_is_of_eighty_bytes_and_lists_values_once() {
        let readme = files().readme;
        assert!(readme.lines().all(|line| line.len() <= 80 && line.is_ascii()), "{readme}");
        assert_eq!(readme.matches("4 = near").count(), 1, "{readme}");
        assert_eq!(readme.matches("sum of bits, 0 for none (1)").count(), 2, "{readme}");
        assert!(readme.contains("t.dat") && readme.contains(ACKNOWLEDGEMENTS));
        let lines = readme.lines().skip_while(|line| !line.contains("spectral type"));
        assert!(lines.take(4).all(|l| !l.trim().starts_with("12")), "{readme}");
    }
}
