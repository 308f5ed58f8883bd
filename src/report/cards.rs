//! Model cards: what a model was trained with, what it chose, how well it does, and where it must not be trusted.

use serde::{Deserialize, Serialize};

use crate::report::tables::Table;

/// A model's card.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// Name of the model: `slam_ap`.
    pub name: String,
    /// One line.
    pub title: String,
    /// What it is for.
    pub purpose: String,
    /// Its parts in order.
    pub parts: Vec<CardPart>,
}

/// A part of a card.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CardPart {
    /// Heading.
    pub heading: String,
    /// Name and value.
    pub facts: Vec<(String, String)>,
    /// Tables.
    pub tables: Vec<Table>,
    /// Plain sentences.
    pub sentences: Vec<String>,
}

impl ModelCard {
    /// The card as Markdown.
    pub fn markdown(&self) -> String {
        let mut text = format!("# {}: {}\n\n{}\n", self.name, self.title, self.purpose);
        for part in &self.parts {
            text.push_str(&format!("\n## {}\n", part.heading));
            let facts = part.facts.iter().map(|(name, value)| format!("- {name}: {value}"));
            text.push_str(&block(facts.collect()));
            for table in &part.tables {
                text.push_str(&format!("\n{}\n", table.markdown().trim_end()));
            }
            text.push_str(&block(part.sentences.iter().map(|s| format!("- {s}")).collect()));
        }
        text
    }
}

/// Lines after an empty one; nothing of none.
fn block(lines: Vec<String>) -> String {
    lines
        .into_iter()
        .enumerate()
        .map(|(at, line)| {
            let before = if at == 0 { "\n" } else { "" };
            format!("{before}{line}\n")
        })
        .collect()
}
