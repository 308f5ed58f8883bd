//! A table in LaTeX, as AASTeX's `deluxetable`.

use super::{Kind, Table};

impl Table {
    /// The environment, to be input in a document of class `aastex63` or later.
    pub fn latex(&self) -> String {
        let printed = self.printed();
        let mut text = self.begin(&printed);
        for row in 0..self.rows.len() {
            let cells: Vec<String> =
                printed.iter().map(|&place| cell(self.shown(row, place))).collect();
            let end = if row + 1 == self.rows.len() { "\n" } else { " \\\\\n" };
            text.push_str(&format!("{}{end}", cells.join(" & ")));
        }
        text.push_str("\\enddata\n");
        if !self.notes.is_empty() {
            let notes: Vec<String> = self.notes.iter().map(|note| escaped(note)).collect();
            text.push_str(&format!("\\tablecomments{{{}}}\n", notes.join(" ")));
        }
        text.push_str("\\end{deluxetable}\n");
        text
    }

    /// The environment up to the rows.
    fn begin(&self, printed: &[(usize, Option<usize>)]) -> String {
        let align: String = printed
            .iter()
            .map(|&(i, error)| match (self.columns[i].kind, error) {
                (Kind::Text, _) => 'l',
                (_, Some(_)) => 'c',
                _ => 'r',
            })
            .collect();
        let heads: Vec<String> = printed
            .iter()
            .map(|&(i, _)| format!("\\colhead{{{}}}", escaped(self.columns[i].title())))
            .collect();
        let units: Vec<String> = printed
            .iter()
            .map(|&(i, _)| match self.columns[i].unit.as_str() {
                "" => "\\colhead{}".to_owned(),
                unit => format!("\\colhead{{({})}}", escaped(unit)),
            })
            .collect();
        format!(
            "\\begin{{deluxetable}}{{{align}}}\n\\tablecaption{{{}\\label{{tab:{}}}}}\n\\tablehead{{\n{} \\\\\n{}\n}}\n\\startdata\n",
            escaped(&self.title),
            self.name,
            heads.join(" & "),
            units.join(" & ")
        )
    }
}

fn cell((value, error): (String, String)) -> String {
    match (value.is_empty(), error.is_empty()) {
        (true, _) => "\\nodata".to_owned(),
        (false, true) => escaped(&value),
        (false, false) => format!("{} $\\pm$ {}", escaped(&value), escaped(&error)),
    }
}

/// Marked text with LaTeX's own signs made safe; `T_{eff}` and `10^{3}` become mathematics.
fn escaped(text: &str) -> String {
    crate::report::plot::runs(text)
        .iter()
        .map(|run| {
            let body: String = run.text.chars().map(sign).collect();
            match run.drop {
                0.0 => body,
                drop if drop > 0.0 => format!("$_{{\\rm {body}}}$"),
                _ => format!("$^{{\\rm {body}}}$"),
            }
        })
        .collect()
}

fn sign(c: char) -> String {
    match c {
        '\\' => "\\textbackslash{}".to_owned(),
        '{' | '}' | '&' | '%' | '$' | '#' | '_' => format!("\\{c}"),
        '~' => "\\textasciitilde{}".to_owned(),
        '^' => "\\textasciicircum{}".to_owned(),
        '\u{2212}' => "$-$".to_owned(),
        '±' => "$\\pm$".to_owned(),
        '<' | '>' => format!("${c}$"),
        '≤' => "$\\leq$".to_owned(),
        '≥' => "$\\geq$".to_owned(),
        'σ' => "$\\sigma$".to_owned(),
        'Δ' => "$\\Delta$".to_owned(),
        'α' => "$\\alpha$".to_owned(),
        'χ' => "$\\chi$".to_owned(),
        'Å' => "\\AA{}".to_owned(),
        c => c.to_string(),
    }
}
