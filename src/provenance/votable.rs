//! Provenance in the header of a VOTable: facts of the work as `INFO`s (under the names of the IVOA's note "Data Origin
//! in the VO" where it has one), each dataset as a `GROUP`, and each column as a `GROUP` that refers to its `FIELD`.
//! `utype`s name what the facts are in the IVOA's Provenance Data Model.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// What is told in the header.
#[derive(Clone, Debug, Default)]
pub struct Header {
    /// Facts of the work: name and value, in order.
    pub infos: Vec<(String, String)>,
    /// The datasets that the table rests on.
    pub datasets: Vec<Group>,
    /// The columns, by name.
    pub columns: BTreeMap<String, Group>,
}

/// What is told of one thing.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// What it is in the data model.
    pub utype: &'static str,
    /// In words; empty if nothing is said.
    pub about: String,
    /// Facts; those without value are left out.
    pub params: Vec<Param>,
}

/// A fact.
#[derive(Clone, Debug)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// What it is in the data model; empty if it has none there.
    pub utype: &'static str,
    /// Its value.
    pub value: String,
}

/// The document with its provenance before and after the `FIELD`s of its table.
///
/// `document` is as [`write_votable`](crate::formats::votable::write_votable) writes it: a tag of its own line each. One
/// that has no table stays as it is. Values of the table are not touched.
pub fn with_header(document: &str, header: &Header) -> String {
    let Some(data) = document.find("\n<DATA>\n") else { return document.to_owned() };
    let (head, data) = document.split_at(data);
    let mut text = String::with_capacity(document.len() + 4096);
    let mut ids = Ids::default();
    for line in head.lines() {
        if line.starts_with("<TABLE ") {
            push_infos(&mut text, &header.infos);
            header.datasets.iter().for_each(|group| push_group(&mut text, group, None));
        }
        match field_name(line) {
            Some(name) => {
                let id = ids.of(name);
                let rest = line.strip_prefix("<FIELD ").unwrap_or(line);
                text.push_str(&format!("<FIELD ID=\"{id}\" {rest}\n"));
            }
            None => text.push_str(&format!("{line}\n")),
        }
    }
    for (name, group) in &header.columns {
        if let Some(id) = ids.known.get(escaped(name).as_str()) {
            push_group(&mut text, group, Some(id));
        }
    }
    text.push_str(data.strip_prefix('\n').unwrap_or(data));
    text
}

/// The name of a field, as it is written.
fn field_name(line: &str) -> Option<&str> {
    line.strip_prefix("<FIELD name=\"")?.split('"').next()
}

/// Identifiers of the fields, by their written name.
#[derive(Default)]
struct Ids {
    known: BTreeMap<String, String>,
    taken: BTreeSet<String>,
}

impl Ids {
    /// The name itself where XML takes it as an identifier: some readers call columns by it.
    fn of(&mut self, name: &str) -> String {
        let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let mut id = match starts && name.chars().all(plain) {
            true => name.to_owned(),
            false => format!("column_{}", self.known.len() + 1),
        };
        while !self.taken.insert(id.clone()) {
            id.push('_');
        }
        self.known.insert(name.to_owned(), id.clone());
        id
    }
}

fn push_infos(text: &mut String, infos: &[(String, String)]) {
    for (name, value) in infos.iter().filter(|(_, value)| !value.is_empty()) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "<INFO name=\"{}\" value=\"{}\"/>", escaped(name), escaped(value));
    }
}

fn push_group(text: &mut String, group: &Group, field: Option<&String>) {
    let utype = attribute("utype", group.utype);
    // Readers make identifiers of these names.
    let name = group.name.replace(|c: char| !(c.is_ascii_alphanumeric() || c == '_'), "_");
    let _ = writeln!(text, "<GROUP name=\"{name}\"{utype}>");
    if !group.about.is_empty() {
        let _ = writeln!(text, "<DESCRIPTION>{}</DESCRIPTION>", escaped(&group.about));
    }
    if let Some(id) = field {
        let _ = writeln!(text, "<FIELDref ref=\"{id}\"/>");
    }
    for param in group.params.iter().filter(|param| !param.value.is_empty()) {
        let kind = if param.value.is_ascii() { "char" } else { "unicodeChar" };
        let (utype, value) = (attribute("utype", param.utype), escaped(&param.value));
        let _ = writeln!(
            text,
            "<PARAM name=\"{}\" datatype=\"{kind}\" arraysize=\"*\"{utype} value=\"{value}\"/>",
            param.name
        );
    }
    text.push_str("</GROUP>\n");
}

fn attribute(name: &str, value: &str) -> String {
    if value.is_empty() { String::new() } else { format!(" {name}=\"{}\"", escaped(value)) }
}

/// Text as it stands in an attribute or an element.
fn escaped(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    // An apostrophe stands as it is: fields were named without escaping it.
    quick_xml::escape::partial_escape(plain.as_str()).replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "<VOTABLE>\n<RESOURCE>\n<INFO name=\"a\" value=\"b\"/>\n<TABLE name=\"t\">\n\
        <FIELD name=\"x\" datatype=\"int\">\n</FIELD>\n<FIELD name=\"2 &lt; y\" datatype=\"int\">\n</FIELD>\n\
        <DATA>\n<BINARY2>\n</BINARY2>\n</DATA>\n</TABLE>\n</RESOURCE>\n</VOTABLE>\n";

    fn group(name: &str, value: &str) -> Group {
        let param = |value: &str| Param { name: "node", utype: "u:A.name", value: value.into() };
        let params = vec![param(value), param("")];
        Group { name: name.into(), utype: "", about: "a < b".into(), params }
    }

    #[test]
    fn facts_stand_before_the_table_and_columns_after_the_fields() {
        let header = Header {
            infos: vec![("k".into(), "\"q\"".into()), ("none".into(), String::new())],
            datasets: vec![group("gaia", "§3")],
            columns: ["x", "2 < y", "gone"].map(|n| (n.to_owned(), group(n, "n"))).into(),
        };
        let text = with_header(DOCUMENT, &header);
        let told = "<GROUP name=\"x\">\n<DESCRIPTION>a &lt; b</DESCRIPTION>\n<FIELDref ref=\"x\"/>\n\
            <PARAM name=\"node\" datatype=\"char\" arraysize=\"*\" utype=\"u:A.name\" value=\"n\"/>\n</GROUP>\n<DATA>";
        assert!(text.contains(told), "{text}");
        let before = text.split("<TABLE").next().unwrap_or_default();
        assert!(
            before.contains("<INFO name=\"k\" value=\"&quot;q&quot;\"/>\n<GROUP name=\"gaia\">")
        );
        assert!(before.contains("\"unicodeChar\"") && !before.contains("none"), "{before}");
        assert!(text.contains("<FIELD ID=\"x\" name=\"x\""), "{text}");
        assert!(text.contains("<FIELD ID=\"column_2\" name=\"2 &lt; y\""), "{text}");
        assert!(text.contains("<FIELDref ref=\"column_2\"/>") && !text.contains("gone"), "{text}");
        assert!(text.ends_with("</DATA>\n</TABLE>\n</RESOURCE>\n</VOTABLE>\n"));
    }

    #[test]
    fn what_is_no_table_stays_as_it_is() {
        assert_eq!(with_header("<VOTABLE/>", &Header::default()), "<VOTABLE/>");
    }

    #[test]
    fn identifiers_are_told_apart() {
        let mut ids = Ids::default();
        assert_eq!(["column_2", "a b", "c"].map(|n| ids.of(n)), ["column_2", "column_2_", "c"]);
    }
}
