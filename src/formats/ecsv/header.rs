//! The YAML header of an ECSV file.

use super::yaml::{Node, parse};
use super::{EcsvError, Lines};
use crate::formats::columns::{Kind, Spec};

/// The most lines of a header; 10,000 columns have a tenth of it.
const MOST_LINES: usize = 100_000;
/// The most bytes of a header.
const MOST_BYTES: usize = 16 << 20;

/// What a field of a column becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    Scalar,
    /// A vector of so many elements, or of any number.
    List(Option<usize>),
    /// A type that is not read, in words.
    Unread(String),
}

/// A column as declared.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct EcsvColumn {
    pub spec: Spec,
    pub kind: Type,
}

/// What stands above the data.
#[derive(Debug)]
pub(super) struct Header {
    pub columns: Vec<EcsvColumn>,
    pub separator: char,
    /// The line behind the header.
    pub first_row: Option<String>,
}

impl Header {
    pub fn read(lines: &mut Lines<'_>) -> Result<Self, EcsvError> {
        let first = lines.next_line()?.unwrap_or_default().escape_ascii().to_string();
        let is_ecsv = first.strip_prefix('#').is_some_and(|rest| rest.trim().starts_with("%ECSV"));
        if !is_ecsv {
            return Err(EcsvError::NotEcsv { found: first.chars().take(40).collect() });
        }
        let (yaml, first_row) = split(lines)?;
        let last = yaml.last().map_or(1, |(line, _)| *line);
        let wrong = |(line, problem): (usize, String)| EcsvError::Header { line, problem };
        let root = parse(&yaml).map_err(wrong)?;
        let separator = match root.get("delimiter").and_then(Node::text) {
            None => ' ',
            Some(text) => {
                let mut characters = text.chars();
                match (characters.next(), characters.next()) {
                    (Some(separator @ (' ' | ',')), None) => separator,
                    _ => {
                        let problem = format!("delimiter {text:?} is neither `,` nor a blank");
                        return Err(wrong((last, problem)));
                    }
                }
            }
        };
        let Some(Node::List(items)) = root.get("datatype") else {
            return Err(wrong((last, "there is no list `datatype`".to_owned())));
        };
        let columns = items.iter().map(column).collect::<Result<Vec<_>, String>>();
        let columns = columns.map_err(|problem| wrong((last, problem)))?;
        if columns.is_empty() {
            return Err(wrong((last, "`datatype` names no column".to_owned())));
        }
        Ok(Self { columns, separator, first_row })
    }
}

type Yaml = Vec<(usize, String)>;

/// Keys of the header that say how the file is to be read; the archive's own ones are not always
/// sound YAML (a query over many lines).
const NEEDED: [&str; 2] = ["delimiter:", "datatype:"];

/// Lines of the needed YAML with their numbers, and the first line behind the header.
fn split(lines: &mut Lines<'_>) -> Result<(Yaml, Option<String>), EcsvError> {
    let (mut yaml, mut bytes, mut lines_seen, mut needed) = (Yaml::new(), 0, 0, false);
    loop {
        let number = lines.number() + 1;
        let not_utf8 = EcsvError::Text { line: number, problem: "the line is not UTF-8" };
        let Some(line) = lines.next_line()? else { return Ok((yaml, None)) };
        let line = std::str::from_utf8(line).map_err(|_| not_utf8)?;
        let Some(rest) = line.strip_prefix('#') else {
            if line.trim().is_empty() {
                continue;
            }
            return Ok((yaml, Some(line.to_owned())));
        };
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        if !rest.starts_with([' ', '-']) {
            needed = NEEDED.iter().any(|key| rest.starts_with(key));
        }
        bytes += rest.len();
        if lines_seen == MOST_LINES || bytes > MOST_BYTES {
            let problem = "the header is longer than any".to_owned();
            return Err(EcsvError::Header { line: number, problem });
        }
        lines_seen += 1;
        if needed {
            yaml.push((number, rest.to_owned()));
        }
    }
}

fn column(item: &Node) -> Result<EcsvColumn, String> {
    let of = |key: &str| item.get(key).and_then(Node::text).map(str::to_owned);
    let name = of("name").ok_or("a column has no name")?;
    let datatype = of("datatype").ok_or_else(|| format!("column `{name}` has no datatype"))?;
    let subtype = of("subtype");
    let (kind, form) = types(&datatype, subtype.as_deref()).ok_or_else(|| {
        format!("column `{name}` has datatype `{datatype}`, which is none of ECSV")
    })?;
    let spec = Spec {
        name,
        kind,
        vector: matches!(form, Type::List(_)),
        unit: of("unit"),
        ucd: item.get("meta").and_then(|meta| meta.get("ucd")).and_then(Node::text).map(Into::into),
        description: of("description"),
    };
    Ok(EcsvColumn { spec, kind: form })
}

/// Type of the elements and form of the column; `None` for what ECSV does not know.
fn types(datatype: &str, subtype: Option<&str>) -> Option<(Kind, Type)> {
    if matches!(datatype, "complex64" | "complex128" | "complex256" | "float128") {
        return Some((Kind::Text, Type::Unread(datatype.to_owned())));
    }
    let kind = named(datatype)?;
    let Some(subtype) = subtype else { return Some((kind, Type::Scalar)) };
    let unread = Some((Kind::Text, Type::Unread(format!("{datatype} with subtype {subtype}"))));
    let Some((element, size)) = subtype.strip_suffix(']').and_then(|s| s.split_once('[')) else {
        return unread;
    };
    let length = match size.trim() {
        "null" => Ok(None),
        size => size.parse().map(Some),
    };
    match (named(element.trim()), length) {
        // Elements in quotes would need a reader of JSON.
        (Some(Kind::Text | Kind::Bool) | None, _) | (_, Err(_)) => unread,
        (Some(element), Ok(length)) => Some((element, Type::List(length))),
    }
}

fn named(datatype: &str) -> Option<Kind> {
    Some(match datatype {
        "bool" => Kind::Bool,
        "int8" => Kind::Int8,
        "int16" => Kind::Int16,
        "int32" => Kind::Int32,
        "int64" => Kind::Int64,
        "uint8" => Kind::UInt8,
        "uint16" => Kind::UInt16,
        "uint32" => Kind::UInt32,
        "uint64" => Kind::UInt64,
        "float16" | "float32" => Kind::Float32,
        "float64" => Kind::Float64,
        "string" => Kind::Text,
        _ => return None,
    })
}
