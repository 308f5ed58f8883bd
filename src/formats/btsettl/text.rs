//! The text forms: native, two columns, SVO's with a header.

use std::io::BufRead;

use super::node::Partial;
use super::number::next_number;
use super::points::{Points, Scale};
use super::units::{flux_factor, wave_factor};
use super::{BtSettlError, Content, Form, Options};
use crate::formats::compression::Compression;
use crate::formats::lines::{LineError, Lines};

/// A line with all identifications of atomic and molecular lines has a few hundred bytes.
const LONGEST_LINE_BYTES: usize = 64 << 10;

/// Reads text from its first line on.
pub(super) fn read(
    text: Box<dyn BufRead + '_>,
    kind: Compression,
    options: &Options,
) -> Result<Content, BtSettlError> {
    let mut lines = Lines::new(text, LONGEST_LINE_BYTES);
    let mut header = Header::default();
    let mut reader: Option<Reader> = None;
    while let Some(line) = lines.next_line().map_err(|error| told(error, kind))? {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        if line[0] == b'#' {
            header.take(line);
            continue;
        }
        let reader = match &mut reader {
            Some(reader) => reader,
            none => none.insert(Reader::new(line, &header, options)?),
        };
        let point = reader.take(line);
        if reader.keep(point, lines.number(), lines.has_end())? {
            break;
        }
    }
    let Some(reader) = reader else {
        return Err(BtSettlError::Table { problem: "the text has no line of data".to_owned() });
    };
    let (wave_angstrom, flux) = reader.points.finish()?;
    Ok(Content { form: reader.form, header: header.node, wave_angstrom, flux })
}

fn told(error: LineError, kind: Compression) -> BtSettlError {
    match error {
        LineError::Stream { source, .. } => BtSettlError::stream(source, kind),
        LineError::TooLong { line, .. } => {
            let problem = "the line is longer than any of a spectrum";
            BtSettlError::Line { line, problem, text: String::new() }
        }
    }
}

/// Takes lines of data, once the first of them told the form.
struct Reader {
    form: Form,
    points: Points,
}

/// What is wrong with a line, and its beginning.
type Fault = (&'static str, String);

struct Point {
    wave: f64,
    /// Not read where the point is outside of the window.
    flux: f64,
    inside: bool,
}

impl Reader {
    fn new(first: &[u8], header: &Header, options: &Options) -> Result<Self, BtSettlError> {
        let logarithm = Scale { wave: 1.0, log_offset: Some(options.log_offset), flux: 1.0 };
        let (form, scale, sorted) = if header.lines > 0 {
            (Form::SvoText, header.scale()?, true)
        } else if has_three_numbers(first) {
            (Form::Native, logarithm, false)
        } else {
            (Form::TwoColumn, logarithm, true)
        };
        Ok(Self { form, points: Points::new(options.window_angstrom, scale, sorted) })
    }

    /// Keeps the point of line `number`; `true` when no more can come.
    fn keep(
        &mut self,
        point: Result<Point, Fault>,
        number: usize,
        has_end: bool,
    ) -> Result<bool, BtSettlError> {
        match point {
            // A number cut short is one still, so a last line without end is not believed.
            Ok(Point { inside: true, .. }) | Err(_) if !has_end => {
                Err(BtSettlError::BreaksOff { line: number })
            }
            Ok(point) => self.points.push(number, point.wave, point.flux),
            Err((problem, text)) => Err(BtSettlError::Line { line: number, problem, text }),
        }
    }

    /// The point on a line, or what is wrong with it.
    fn take(&self, line: &[u8]) -> Result<Point, Fault> {
        let fault = |problem| (problem, line[..line.len().min(40)].escape_ascii().to_string());
        let (wave, rest) = next_number(line).ok_or_else(|| fault("no wavelength"))?;
        if !(wave.is_finite() && wave > 0.0) {
            return Err(fault("wavelength is not positive"));
        }
        if !self.points.is_inside(wave) {
            return Ok(Point { wave, flux: 0.0, inside: false });
        }
        let (flux, _) = next_number(rest).ok_or_else(|| fault("no flux after the wavelength"))?;
        Ok(Point { wave, flux, inside: true })
    }
}

fn has_three_numbers(line: &[u8]) -> bool {
    let second = next_number(line).and_then(|(_, rest)| next_number(rest));
    second.and_then(|(_, rest)| next_number(rest)).is_some()
}

/// What the `#` lines of SVO say.
#[derive(Debug, Default)]
struct Header {
    lines: usize,
    node: Partial,
    wave_unit: Option<String>,
    flux_unit: Option<String>,
}

impl Header {
    fn take(&mut self, line: &[u8]) {
        self.lines += 1;
        let text = String::from_utf8_lossy(line);
        let text = text.trim_start_matches('#').trim();
        if let Some(column) = text.strip_prefix("column ") {
            self.column(column);
        } else if let Some((key, value)) = text.split_once('=') {
            let value = next_number(value.as_bytes()).map(|(value, _)| value);
            let place = match key.trim().to_lowercase().as_str() {
                "teff" => &mut self.node.teff_k,
                "logg" => &mut self.node.logg,
                "meta" | "feh" | "m_h" | "[m/h]" => &mut self.node.m_h,
                "alpha" | "afe" | "alpha_m" => &mut self.node.alpha_m,
                _ => return,
            };
            *place = place.or(value);
        }
    }

    /// `1: WAVELENGTH (ANGSTROM), Wavelength in Angstrom`
    fn column(&mut self, text: &str) {
        let Some((number, rest)) = text.split_once(':') else { return };
        let unit = rest.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
        let unit = unit.map(|(unit, _)| unit.trim().to_owned());
        match (number.trim(), rest.trim_start().to_lowercase()) {
            ("1", name) if name.starts_with("wavelength") => self.wave_unit = unit,
            ("2", name) if name.starts_with("flux") => self.flux_unit = unit,
            _ => (),
        }
    }

    fn scale(&self) -> Result<Scale, BtSettlError> {
        let silent = |what: &str| BtSettlError::Header {
            problem: format!("has no line `# column {what}` with a unit in parentheses"),
        };
        let wave = self.wave_unit.as_deref().ok_or_else(|| silent("1: WAVELENGTH"))?;
        let flux = self.flux_unit.as_deref().ok_or_else(|| silent("2: FLUX"))?;
        Ok(Scale { wave: wave_factor(wave)?, log_offset: None, flux: flux_factor(flux)? })
    }
}
