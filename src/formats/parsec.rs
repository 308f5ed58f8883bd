//! Isochrones of PARSEC (Bressan et al. 2012, 2012MNRAS.427..127B) as the CMD web form answers, and
//! tables like them: columns between blanks, named in the last `#` line above the data.
//!
//! One file may hold several metallicities and ages, each with its own line of names: all must name
//! the same columns. CMD says in its comments which photometric system the magnitudes are in; that
//! becomes part of their description, for `Gmag` alone does not tell DR2 from EDR3. CMD ends its
//! answers with `#isochrone terminated`; without it the file has been cut.
//!
//! Magnitudes that CMD could not compute are 99.999: a reader's sentinel.

use arrow::record_batch::RecordBatch;
use thiserror::Error;

use crate::formats::columns::{Column, Kind, Misfit, Spec, Value, listed, positions, table};
use crate::formats::compression::{CompressionError, stream};
use crate::formats::gzip::TABLE_LIMIT_BYTES;
use crate::formats::lines::{LineError, Lines};

/// The longest line: some hundred columns.
const LONGEST_LINE_BYTES: usize = 64 << 10;
/// What CMD writes behind the last isochrone.
const TERMINATOR: &str = "isochrone terminated";
/// Name of the column that numbers the isochrones of a file.
pub const ISOCHRONE: &str = "isochrone";

/// Why isochrones could not be read.
#[derive(Debug, Error)]
pub enum ParsecError {
    /// The packed stream is of an unread kind or damaged at its beginning.
    #[error(transparent)]
    Compression(#[from] CompressionError),
    /// The stream breaks off, or a line is too long.
    #[error(transparent)]
    Line(#[from] LineError),
    /// No line of names above the data.
    #[error("line {line}: {problem}")]
    Header {
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// A row with more or fewer values than there are columns.
    #[error("line {line} has {found} values where the header has {expected} names")]
    Width {
        /// Line, from 1.
        line: usize,
        /// Values of the row.
        found: usize,
        /// Names of the header.
        expected: usize,
    },
    /// A value that is no number.
    #[error("line {line}, column `{column}`: `{text}` is not a number")]
    Value {
        /// Line, from 1.
        line: usize,
        /// Name of the column.
        column: String,
        /// The value.
        text: String,
    },
    /// A column that was asked for is not in the file.
    #[error("no column `{column}`; the file has {available}")]
    Missing {
        /// The name.
        column: String,
        /// The names of the file.
        available: String,
    },
    /// An answer of CMD that ends early.
    #[error("line {line} is the last one, not `#{TERMINATOR}`: the file breaks off")]
    BreaksOff {
        /// Line, from 1.
        line: usize,
    },
    /// Arrow refused the table.
    #[error("table could not be built: {0}")]
    Table(#[from] arrow::error::ArrowError),
}

impl ParsecError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Compression(error) => error.hint(),
            Self::Line(_) | Self::BreaksOff { .. } => {
                "fetch the file again; the copy is incomplete"
            }
            Self::Header { .. } => "give the table as the CMD form answers, comments included",
            Self::Width { .. } | Self::Value { .. } => "mend the line, or fetch the file again",
            Self::Missing { .. } => "names are those of the `#` line above the data",
            Self::Table(_) => "read fewer columns",
        }
    }
}

/// Isochrones, and the photometric system that they were asked for in.
#[derive(Debug, Clone)]
pub struct Isochrones {
    /// The columns, all `Float64`.
    pub table: RecordBatch,
    /// What the comments call the photometric system, if they do.
    pub photometric_system: Option<String>,
}

/// Reads isochrones, plain or packed with gzip, bzip2 or xz.
///
/// `columns`: the columns to read, in this order (matched exactly, else without regard to case), or
/// all when `None`; a last column [`ISOCHRONE`] numbers the isochrones from 0 when it is asked for.
pub fn read_isochrones(
    bytes: &[u8],
    columns: Option<&[String]>,
) -> Result<Isochrones, ParsecError> {
    let mut lines = Lines::new(stream(bytes, TABLE_LIMIT_BYTES)?, LONGEST_LINE_BYTES);
    let mut reader = Reader { wanted: columns, ..Reader::default() };
    while let Some(line) = lines.next_line()? {
        let line = String::from_utf8_lossy(line).into_owned();
        let number = lines.number();
        match line.trim() {
            "" => (),
            text => match text.strip_prefix('#') {
                Some(comment) => reader.comment(comment.trim()),
                None => reader.row(number, text)?,
            },
        }
    }
    reader.finish(lines.number())
}

#[derive(Default)]
struct Reader<'a> {
    wanted: Option<&'a [String]>,
    /// The last comment: names, if data follow.
    last_comment: Option<String>,
    names: Vec<String>,
    targets: Vec<usize>,
    filled: Vec<Column>,
    photometric_system: Option<String>,
    is_of_cmd: bool,
    is_terminated: bool,
    isochrones: usize,
    values: Vec<String>,
}

impl Reader<'_> {
    fn comment(&mut self, text: &str) {
        if let Some((_, system)) = text.split_once("hotometric system:") {
            self.photometric_system = Some(without_markup(system));
        }
        self.is_of_cmd |= text.starts_with("File generated by CMD");
        self.is_terminated = text.starts_with(TERMINATOR);
        if !text.is_empty() {
            self.last_comment = Some(text.to_owned());
        }
    }

    fn row(&mut self, line: usize, text: &str) -> Result<(), ParsecError> {
        if let Some(comment) = self.last_comment.take() {
            self.begin(line, &comment)?;
        }
        self.is_terminated = false;
        if self.names.is_empty() {
            let problem = "data begin without a `#` line of names above them".to_owned();
            return Err(ParsecError::Header { line, problem });
        }
        let mut found = 0;
        self.values.resize(self.names.len(), String::new());
        for value in text.split_ascii_whitespace() {
            if let Some(place) = self.values.get_mut(found) {
                place.clear();
                place.push_str(value);
            }
            found += 1;
        }
        let expected = self.names.len();
        if found != expected {
            return Err(ParsecError::Width { line, found, expected });
        }
        for (column, target) in self.filled.iter_mut().zip(&self.targets) {
            let taken = match self.values.get(*target) {
                Some(value) => column.push(Value::Text(value)),
                None => column.push(Value::Double((self.isochrones - 1) as f64)),
            };
            taken.map_err(|Misfit| ParsecError::Value {
                line,
                column: column.spec().name.clone(),
                text: self.values[*target].chars().take(40).collect(),
            })?;
        }
        Ok(())
    }

    /// An isochrone begins; its names must be those of the one before.
    fn begin(&mut self, line: usize, comment: &str) -> Result<(), ParsecError> {
        // `log(age)` is one name; CMD puts tabs between some.
        let names: Vec<String> = comment.split_ascii_whitespace().map(str::to_owned).collect();
        self.isochrones += 1;
        if self.names == names {
            return Ok(());
        }
        if !self.names.is_empty() {
            let problem = "the names above this line are not those of the isochrone before";
            return Err(ParsecError::Header { line, problem: problem.to_owned() });
        }
        if let Some(name) = names.iter().enumerate().find(|(i, n)| names[..*i].contains(n)) {
            let problem = format!("column `{}` is named twice", name.1);
            return Err(ParsecError::Header { line, problem });
        }
        self.names = names;
        let mut known: Vec<&str> = self.names.iter().map(String::as_str).collect();
        if self.wanted.is_some() && !known.contains(&ISOCHRONE) {
            known.push(ISOCHRONE);
        }
        self.targets = positions(&known, self.wanted).map_err(|column| ParsecError::Missing {
            column: column.to_owned(),
            available: listed(&known),
        })?;
        let system = self.photometric_system.as_deref();
        self.filled = self
            .targets
            .iter()
            .enumerate()
            .map(|(order, target)| {
                let name = self.wanted.map_or(known[*target], |wanted| &wanted[order]);
                Column::new(meaning(known[*target], name, system))
            })
            .collect();
        Ok(())
    }

    fn finish(self, line: usize) -> Result<Isochrones, ParsecError> {
        if self.is_of_cmd && !self.is_terminated {
            return Err(ParsecError::BreaksOff { line });
        }
        if self.names.is_empty() {
            let problem = "the file has no data".to_owned();
            return Err(ParsecError::Header { line, problem });
        }
        let photometric_system = self.photometric_system;
        Ok(Isochrones { table: table(self.filled)?, photometric_system })
    }
}

/// Unit and description of the columns that CMD writes.
fn meaning(file_name: &str, name: &str, system: Option<&str>) -> Spec {
    let (unit, description) = match file_name {
        "Zini" => ("", "initial metal fraction"),
        "Z" => ("", "metal fraction at the surface"),
        "MH" => ("dex", "[M/H]"),
        "logAge" | "log(age)" | "log(age/yr)" => ("dex(yr)", "log10 of the age"),
        "Mini" | "M_ini" => ("solMass", "initial mass"),
        "Mass" | "Mact" | "M_act" => ("solMass", "present mass"),
        "logL" | "logl" | "logL/Lo" => ("dex(solLum)", "log10 of the luminosity"),
        "logTe" | "logt" => ("dex(K)", "log10 of the effective temperature"),
        "logg" | "logG" => ("dex(cm/s2)", "log10 of the surface gravity"),
        "int_IMF" => ("", "integral of the initial mass function"),
        ISOCHRONE => ("", "number of the isochrone in the file, from 0"),
        other if other.ends_with("mag") => ("mag", "absolute magnitude"),
        _ => ("", ""),
    };
    let described = match system.filter(|_| unit == "mag") {
        Some(system) => format!("{description}; {system}"),
        None => description.to_owned(),
    };
    Spec {
        unit: Some(unit.to_owned()),
        description: Some(described),
        ..Spec::plain(name, Kind::Float64)
    }
}

/// CMD's comments are lines of its web page.
fn without_markup(text: &str) -> String {
    let mut plain = String::new();
    let mut inside = false;
    for character in text.chars() {
        match character {
            '<' => inside = true,
            '>' if inside => inside = false,
            _ if inside => (),
            other => plain.push(other),
        }
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[path = "parsec_tests.rs"]
mod tests;
