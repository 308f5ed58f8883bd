//! The program's voice: results to stdout, talk to stderr. Nothing else prints.

use std::io::{IsTerminal, Write, stderr, stdout};

use owo_colors::OwoColorize;
use serde::Serialize;

use super::args::ColorChoice;

/// Where and how to speak.
#[derive(Clone, Copy, Debug)]
pub struct Talk {
    /// Whether messages are colored.
    pub color: bool,
    /// Whether stderr is a terminal, on which lines can be redrawn.
    pub terminal: bool,
}

impl Talk {
    /// Looks at the terminal and the user's choice.
    pub fn new(choice: ColorChoice) -> Self {
        let terminal = stderr().is_terminal();
        let color = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && std::env::var_os("NO_COLOR").is_none(),
        };
        Talk { color, terminal }
    }

    /// A line of talk.
    pub fn note(&self, line: &str) {
        // A closed stderr is no reason to fail.
        let _ = writeln!(stderr(), "{line}");
    }

    /// An error.
    pub fn error(&self, message: &str) {
        let word = "error:";
        if self.color {
            self.note(&format!("{} {message}", word.red().bold()));
        } else {
            self.note(&format!("{word} {message}"));
        }
    }

    /// A way out of an error.
    pub fn hint(&self, hint: &str) {
        let word = "hint:";
        if self.color {
            self.note(&format!("{} {hint}", word.cyan()));
        } else {
            self.note(&format!("{word} {hint}"));
        }
    }

    /// A line of results.
    pub fn out(&self, text: &str) {
        // A reader that closed the pipe has seen enough.
        let _ = writeln!(stdout(), "{text}");
    }

    /// A result as one line of JSON.
    pub fn json<T: Serialize>(&self, value: &T) {
        if let Ok(text) = serde_json::to_string(value) {
            self.out(&text);
        }
    }
}
