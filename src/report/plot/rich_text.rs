//! Text with subscripts and superscripts, written `T_{eff}` and `10^{-3}`.

use super::font::{Weight, advance};

/// Size of a subscript or superscript over that of its line.
pub const SMALL: f64 = 0.7;

/// A stretch of text on one baseline.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// The characters.
    pub text: String,
    /// Baseline below the line's in units of the font size; negative is above.
    pub drop: f64,
}

impl Run {
    /// Font size over the line's.
    pub fn scale(&self) -> f64 {
        if self.drop == 0.0 { 1.0 } else { SMALL }
    }
}

/// Splits marked text into runs; a mark that is not closed is taken literally.
pub fn runs(text: &str) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut push = |text: &str, drop: f64| {
        if !text.is_empty() {
            runs.push(Run { text: text.to_owned(), drop });
        }
    };
    let mut rest = text;
    while let Some((at, drop)) = next_mark(rest) {
        let Some(length) = rest[at + 2..].find('}') else { break };
        push(&rest[..at], 0.0);
        push(&rest[at + 2..at + 2 + length], drop);
        rest = &rest[at + 3 + length..];
    }
    push(rest, 0.0);
    runs
}

fn next_mark(text: &str) -> Option<(usize, f64)> {
    let (down, up) = (text.find("_{"), text.find("^{"));
    match (down, up) {
        (Some(d), Some(u)) if u < d => Some((u, -0.38)),
        (Some(d), _) => Some((d, 0.2)),
        (None, Some(u)) => Some((u, -0.38)),
        (None, None) => None,
    }
}

/// Width of marked text in units of the font size.
pub fn width(weight: Weight, text: &str) -> f64 {
    runs(text).iter().map(|run| advance(weight, &run.text) * run.scale()).sum()
}

/// Marked text as plain text, for JSON and for readers of the page.
pub fn plain(text: &str) -> String {
    runs(text).iter().map(|run| run.text.as_str()).collect()
}

/// Breaks text at blanks into lines of at most `width` units of the font size.
pub fn wrapped(weight: Weight, text: &str, limit: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(weight, &format!("{line} {word}")) <= limit => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_make_runs() {
        let found = runs("M_{G} (10^{-3} mag)");
        let texts: Vec<&str> = found.iter().map(|r| r.text.as_str()).collect();
        assert_eq!(texts, ["M", "G", " (10", "-3", " mag)"]);
        assert!(found[1].drop > 0.0 && found[3].drop < 0.0);
        assert_eq!(plain("T_{eff}"), "Teff");
        assert_eq!(runs("a_{b"), [Run { text: "a_{b".into(), drop: 0.0 }]);
        assert!(width(Weight::Regular, "T_{eff}") < width(Weight::Regular, "Teff"));
    }

    #[test]
    fn lines_are_no_longer_than_the_limit() {
        let lines = wrapped(Weight::Regular, "no star has both labels in this sample", 8.0);
        assert!(lines.len() > 1);
        assert!(lines.iter().all(|line| width(Weight::Regular, line) <= 8.0));
    }
}
