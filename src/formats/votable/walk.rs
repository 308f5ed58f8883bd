//! From a document to its first table.

use std::io::BufRead;

use super::binary;
use super::cells::Selection;
use super::document::{Attributes, Document, Item, Tag};
use super::field::{MOST_FIELDS, VoField};
use super::{Param, VoTable, VoTableError, VoTableOptions};
use crate::formats::columns::table;

/// Reads the first table that has data, and the document to its end.
pub(super) fn read(
    inner: Box<dyn BufRead + '_>,
    options: &VoTableOptions,
) -> Result<VoTable, VoTableError> {
    let mut document = Document::new(inner);
    let mut header = Header::default();
    loop {
        match document.next()? {
            Item::Start(Tag::Data, _) => break,
            Item::Start(tag, attributes) => header.start(&document, tag, &attributes)?,
            Item::End(tag) => header.end(tag, document.text()),
            Item::Eof => {
                return Err(header.status.error(options).unwrap_or(VoTableError::NoTable));
            }
        }
    }
    let Header { fields, params, mut status, .. } = header;
    if fields.is_empty() {
        return Err(VoTableError::NoTable);
    }
    let mut selection = Selection::new(fields, options)?;
    data(&mut document, &mut selection)?;
    trailer(&mut document, &mut status)?;
    match status.error(options) {
        Some(error) => Err(error),
        None => Ok(VoTable { table: table(selection.columns)?, params }),
    }
}

/// What stands before the data of a table.
#[derive(Default)]
struct Header {
    fields: Vec<VoField>,
    params: Vec<Param>,
    status: Status,
    in_field: bool,
}

impl Header {
    fn start(
        &mut self,
        document: &Document<'_>,
        tag: Tag,
        attributes: &Attributes,
    ) -> Result<(), VoTableError> {
        match tag {
            Tag::Field => {
                let number = self.fields.len() + 1;
                let name = attributes.of("name").unwrap_or_default();
                let byte = document.byte();
                let wrong = |problem| VoTableError::Field { byte, number, name, problem };
                if number > MOST_FIELDS {
                    return Err(wrong(format!("a table has at most {MOST_FIELDS} fields")));
                }
                self.fields.push(VoField::new(attributes, number).map_err(wrong)?);
                self.in_field = true;
            }
            Tag::Values if self.in_field => {
                if let Some(field) = self.fields.last_mut() {
                    field.null = field.null.take().or(attributes.of("null"));
                }
            }
            Tag::Param if self.params.len() < MOST_FIELDS => self.params.push(Param {
                name: attributes.of("name").unwrap_or_default(),
                value: attributes.of("value").unwrap_or_default(),
                unit: attributes.of("unit"),
            }),
            Tag::Info => self.status.start(attributes),
            // The fields of a table without data are none of the next one's.
            Tag::Table => self.fields.clear(),
            _ => (),
        }
        Ok(())
    }

    fn end(&mut self, tag: Tag, text: &str) {
        match tag {
            Tag::Field => self.in_field = false,
            Tag::Info => self.status.end(text),
            Tag::Description if self.in_field => {
                if let Some(field) = self.fields.last_mut() {
                    let words: Vec<&str> = text.split_whitespace().collect();
                    field.description = Some(words.join(" "));
                }
            }
            _ => (),
        }
    }
}

/// What the service says of its answer, before the data and once more behind them.
#[derive(Default)]
struct Status {
    worst: Option<(String, String)>,
    in_status: bool,
}

impl Status {
    fn start(&mut self, attributes: &Attributes) {
        self.in_status = attributes.of("name").as_deref() == Some("QUERY_STATUS");
        let status = attributes.of("value").unwrap_or_default().to_uppercase();
        if self.in_status && matches!(status.as_str(), "ERROR" | "OVERFLOW") {
            self.worst = Some((status, String::new()));
        }
    }

    fn end(&mut self, text: &str) {
        if let Some((_, message)) = self.worst.as_mut().filter(|_| self.in_status) {
            *message = text.trim().chars().take(400).collect();
        }
        self.in_status = false;
    }

    fn error(&self, options: &VoTableOptions) -> Option<VoTableError> {
        let (status, message) = self.worst.clone()?;
        let refused = status == "ERROR" || !options.allow_overflow;
        refused.then_some(VoTableError::Service { status, message })
    }
}

/// Reads what is inside `DATA`.
fn data(document: &mut Document<'_>, selection: &mut Selection) -> Result<(), VoTableError> {
    loop {
        match document.next()? {
            Item::Start(Tag::TableData, _) => rows(document, selection)?,
            Item::Start(Tag::Binary, _) => stream(document, selection, false)?,
            Item::Start(Tag::Binary2, _) => stream(document, selection, true)?,
            Item::Start(Tag::Fits, _) => {
                let what = "the data are a FITS file inside of the document".to_owned();
                return Err(VoTableError::Serialization { byte: document.byte(), what });
            }
            Item::End(Tag::Data) | Item::Eof => return Ok(()),
            _ => (),
        }
    }
}

/// Reads `TABLEDATA`.
fn rows(document: &mut Document<'_>, selection: &mut Selection) -> Result<(), VoTableError> {
    let expected = selection.fields.len();
    let (mut row, mut found) = (0, 0);
    loop {
        match document.next()? {
            Item::Start(Tag::Tr, _) => (row, found) = (row + 1, 0),
            Item::End(Tag::Td) => {
                if found < expected {
                    selection.push_text(found, document.text()).map_err(|problem| {
                        let column = selection.fields[found].name.clone();
                        VoTableError::Value { row, column, byte: document.byte(), problem }
                    })?;
                }
                found += 1;
            }
            Item::End(Tag::Tr) if found != expected => {
                return Err(VoTableError::Width { row, byte: document.byte(), found, expected });
            }
            Item::End(Tag::TableData) | Item::Eof => return Ok(()),
            _ => (),
        }
    }
}

/// Reads the `STREAM` of `BINARY` or `BINARY2`, to the end tag of either.
fn stream(
    document: &mut Document<'_>,
    selection: &mut Selection,
    masked: bool,
) -> Result<(), VoTableError> {
    loop {
        match document.next()? {
            Item::Start(Tag::Stream, attributes) => {
                let byte = document.byte();
                let refuse = |what: String| Err(VoTableError::Serialization { byte, what });
                if let Some(place) = attributes.of("href") {
                    return refuse(format!("the data are not in the document but at {place}"));
                }
                match attributes.of("encoding").as_deref() {
                    Some("base64") => binary::read(document, selection, masked)?,
                    other => {
                        let other = other.unwrap_or("none");
                        return refuse(format!("the binary data have encoding `{other}`"));
                    }
                }
            }
            Item::End(Tag::Binary | Tag::Binary2) | Item::Eof => return Ok(()),
            _ => (),
        }
    }
}

/// Walks to the end of the document: it may say there that the answer is not whole.
fn trailer(document: &mut Document<'_>, status: &mut Status) -> Result<(), VoTableError> {
    loop {
        match document.next()? {
            Item::Start(Tag::Info, attributes) => status.start(&attributes),
            Item::Start(Tag::Stream, _) => binary::skip(document)?,
            Item::End(Tag::Info) => status.end(document.text()),
            Item::Eof => return Ok(()),
            _ => (),
        }
    }
}
