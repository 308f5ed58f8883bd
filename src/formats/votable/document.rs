//! The walk over a document's elements.

use std::io::BufRead;

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::VoTableError;
use super::source::Source;

/// Deeper nesting is no table but an attempt to fill the memory.
const DEEPEST: usize = 64;
/// The most attributes of a tag that are looked at.
const MOST_ATTRIBUTES: usize = 64;

/// The elements that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    VoTable,
    Info,
    Param,
    Table,
    Field,
    Values,
    Description,
    Data,
    TableData,
    Tr,
    Td,
    Binary,
    Binary2,
    Stream,
    Fits,
    Other,
}

impl Tag {
    fn named(name: &[u8]) -> Self {
        match name {
            b"VOTABLE" => Self::VoTable,
            b"INFO" => Self::Info,
            b"PARAM" => Self::Param,
            b"TABLE" => Self::Table,
            b"FIELD" => Self::Field,
            b"VALUES" => Self::Values,
            b"DESCRIPTION" => Self::Description,
            b"DATA" => Self::Data,
            b"TABLEDATA" => Self::TableData,
            b"TR" => Self::Tr,
            b"TD" => Self::Td,
            b"BINARY" => Self::Binary,
            b"BINARY2" => Self::Binary2,
            b"STREAM" => Self::Stream,
            b"FITS" => Self::Fits,
            _ => Self::Other,
        }
    }

    fn has_attributes(self) -> bool {
        matches!(self, Self::Info | Self::Param | Self::Field | Self::Values | Self::Stream)
    }
}

/// Attributes of a tag.
#[derive(Debug, Clone, Default)]
pub(super) struct Attributes(Vec<(String, String)>);

impl Attributes {
    /// The trimmed value of an attribute that is there and not empty.
    pub fn of(&self, name: &str) -> Option<String> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty())
    }
}

/// What the walk meets; an element without content is started and ended.
pub(super) enum Item {
    Start(Tag, Attributes),
    End(Tag),
    Eof,
}

/// A document on the way.
pub(super) struct Document<'a> {
    reader: Reader<Source<'a>>,
    buffer: Vec<u8>,
    open: Vec<Tag>,
    /// Text since the last start tag.
    text: String,
    /// Bytes taken from the source without the parser's knowing.
    unseen: u64,
}

impl<'a> Document<'a> {
    pub fn new(inner: Box<dyn BufRead + 'a>) -> Self {
        let mut reader = Reader::from_reader(Source::new(inner));
        reader.config_mut().expand_empty_elements = true;
        Self { reader, buffer: Vec::new(), open: Vec::new(), text: String::new(), unseen: 0 }
    }

    /// Place in the unpacked document, from 0.
    pub fn byte(&self) -> u64 {
        self.reader.buffer_position() + self.unseen
    }

    pub fn xml(&self, problem: impl Into<String>) -> VoTableError {
        VoTableError::Xml { byte: self.byte(), problem: problem.into() }
    }

    /// Text since the last start tag, entities resolved.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The bytes of the document from here on, for what is no XML; tell [`Document::skipped`] how
    /// many were taken.
    pub fn source(&mut self) -> &mut Source<'a> {
        self.reader.get_mut()
    }

    pub fn skipped(&mut self, bytes: u64) {
        self.unseen += bytes;
    }

    /// The next tag.
    pub fn next(&mut self) -> Result<Item, VoTableError> {
        loop {
            self.reader.get_mut().rearm();
            self.buffer.clear();
            let mut buffer = std::mem::take(&mut self.buffer);
            let event = self.reader.read_event_into(&mut buffer);
            let item = match event {
                Err(error) => Err(self.xml(error.to_string())),
                Ok(event) => self.item(event),
            };
            self.buffer = buffer;
            if let Some(item) = item? {
                return Ok(item);
            }
        }
    }

    /// What an event means; `None` for what only adds to the text, or nothing.
    fn item(&mut self, event: Event<'_>) -> Result<Option<Item>, VoTableError> {
        match event {
            Event::Start(start) => self.start(&start).map(Some),
            Event::End(_) => Ok(Some(Item::End(self.open.pop().unwrap_or(Tag::Other)))),
            Event::Text(text) => {
                let text = text.xml10_content().map_err(|error| self.xml(error.to_string()))?;
                self.add(&text)
            }
            Event::CData(text) => {
                let text = text.decode().map_err(|error| self.xml(error.to_string()))?;
                self.add(&text)
            }
            Event::GeneralRef(name) => {
                let text = self.resolved(&name)?;
                self.add(text.encode_utf8(&mut [0; 4]))
            }
            Event::Eof if !self.open.is_empty() => Err(self.xml("the document breaks off")),
            Event::Eof => Ok(Some(Item::Eof)),
            _ => Ok(None),
        }
    }

    fn add(&mut self, text: &str) -> Result<Option<Item>, VoTableError> {
        if self.text.len() + text.len() > super::source::LONGEST_ITEM_BYTES {
            return Err(self.xml("the text of an element is longer than any cell"));
        }
        self.text.push_str(text);
        Ok(None)
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<Item, VoTableError> {
        let tag = Tag::named(start.local_name().as_ref());
        if self.open.is_empty() && tag != Tag::VoTable {
            let name = start.local_name();
            let root = name.as_ref().escape_ascii().take(40).map(char::from).collect();
            return Err(VoTableError::NotVoTable { byte: self.byte(), root });
        }
        if self.open.len() == DEEPEST {
            return Err(self.xml(format!("more than {DEEPEST} elements inside each other")));
        }
        self.open.push(tag);
        self.text.clear();
        let attributes = match tag.has_attributes() {
            true => self.attributes(start)?,
            false => Attributes::default(),
        };
        Ok(Item::Start(tag, attributes))
    }

    fn attributes(&self, start: &BytesStart<'_>) -> Result<Attributes, VoTableError> {
        let mut found = Vec::new();
        for attribute in start.attributes().take(MOST_ATTRIBUTES) {
            let attribute = attribute.map_err(|error| self.xml(error.to_string()))?;
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|error| self.xml(error.to_string()))?;
            let name = String::from_utf8_lossy(attribute.key.local_name().as_ref()).into_owned();
            found.push((name, value.into_owned()));
        }
        Ok(Attributes(found))
    }

    fn resolved(&self, name: &BytesRef<'_>) -> Result<char, VoTableError> {
        let wrong = || {
            let name: String = name.escape_ascii().take(20).map(char::from).collect();
            self.xml(format!("`&{name};` stands for nothing known"))
        };
        match name.resolve_char_ref() {
            Ok(Some(character)) => return Ok(character),
            Err(_) => return Err(wrong()),
            Ok(None) => (),
        }
        match &**name {
            b"amp" => Ok('&'),
            b"lt" => Ok('<'),
            b"gt" => Ok('>'),
            b"quot" => Ok('"'),
            b"apos" => Ok('\''),
            _ => Err(wrong()),
        }
    }
}
