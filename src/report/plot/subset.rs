//! Cuts a TrueType font down to the glyphs of some characters, so that a figure can carry its font.
//!
//! Tables and their fields: OpenType specification 1.9. Hinting programs are left out: a drawing is
//! scaled, never fitted to a grid of pixels.

use std::collections::BTreeSet;

use ttf_parser::{Face, Tag};

/// Flag of a composite glyph's part: words instead of bytes follow.
const WORDS: u16 = 0x0001;
/// One scale, two scales or a matrix follow.
const SCALES: [(u16, usize); 3] = [(0x0008, 2), (0x0040, 4), (0x0080, 8)];
const MORE_PARTS: u16 = 0x0020;
const INSTRUCTIONS: u16 = 0x0100;

/// The font with the glyphs of `characters` alone; `None` if it lacks a table that is needed.
pub fn subset(font: &[u8], characters: &BTreeSet<char>) -> Option<Vec<u8>> {
    let face = Face::parse(font, 0).ok()?;
    let source = Source::new(&face)?;
    let known: Vec<(u16, u16)> = characters
        .iter()
        .filter_map(|&c| Some((u16::try_from(u32::from(c)).ok()?, face.glyph_index(c)?.0)))
        .collect();
    let mut kept = vec![0_u16];
    kept.extend(known.iter().map(|&(_, old)| old));
    let glyphs = source.with_parts(&mut kept)?;
    let codes: Vec<(u16, u16)> =
        known.iter().enumerate().map(|(i, &(code, _))| (code, i as u16 + 1)).collect();
    let (glyf, loca) = joined(&glyphs);
    let count = (kept.len() as u16).to_be_bytes();
    let table = |name: &[u8; 4]| face.raw_face().table(Tag::from_bytes(name));
    let tables = vec![
        (*b"OS/2", table(b"OS/2")?.to_vec()),
        (*b"cmap", cmap(&codes)),
        (*b"glyf", glyf),
        (*b"head", patched(table(b"head")?, 50, [0, 1])?),
        (*b"hhea", patched(table(b"hhea")?, 34, count)?),
        (*b"hmtx", source.metrics(&kept)?),
        (*b"loca", loca),
        (*b"maxp", patched(table(b"maxp")?, 4, count)?),
        (*b"name", table(b"name")?.to_vec()),
        (*b"post", post(table(b"post")?)?),
    ];
    Some(assembled(tables))
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn patched(table: &[u8], at: usize, value: [u8; 2]) -> Option<Vec<u8>> {
    let mut table = table.to_vec();
    table.get_mut(at..at + 2)?.copy_from_slice(&value);
    Some(table)
}

/// Version 3: no glyph names.
fn post(table: &[u8]) -> Option<Vec<u8>> {
    let mut table = table.get(..32)?.to_vec();
    table[..4].copy_from_slice(&[0, 3, 0, 0]);
    Some(table)
}

/// The tables that glyphs are read from.
struct Source<'a> {
    glyf: &'a [u8],
    loca: &'a [u8],
    hmtx: &'a [u8],
    long_loca: bool,
    n_advances: usize,
}

impl<'a> Source<'a> {
    fn new(face: &Face<'a>) -> Option<Self> {
        let table = |name: &[u8; 4]| face.raw_face().table(Tag::from_bytes(name));
        Some(Self {
            glyf: table(b"glyf")?,
            loca: table(b"loca")?,
            hmtx: table(b"hmtx")?,
            long_loca: word(table(b"head")?, 50)? == 1,
            n_advances: usize::from(word(table(b"hhea")?, 34)?),
        })
    }

    fn bytes(&self, glyph: u16) -> Option<&'a [u8]> {
        let offset = |i: usize| -> Option<usize> {
            Some(if self.long_loca {
                long(self.loca, 4 * i)? as usize
            } else {
                2 * usize::from(word(self.loca, 2 * i)?)
            })
        };
        self.glyf.get(offset(usize::from(glyph))?..offset(usize::from(glyph) + 1)?)
    }

    /// The glyphs of `kept`, renumbered; parts of composite glyphs are added to `kept`.
    fn with_parts(&self, kept: &mut Vec<u16>) -> Option<Vec<Vec<u8>>> {
        let mut glyphs = Vec::new();
        let mut next = 0;
        while let Some(&old) = kept.get(next) {
            let bytes = self.bytes(old)?;
            glyphs.push(match word(bytes, 0) {
                None => Vec::new(),
                Some(contours) if (contours as i16) < 0 => composite(bytes, kept)?,
                Some(contours) => simple(bytes, usize::from(contours))?,
            });
            next += 1;
        }
        Some(glyphs)
    }

    fn metrics(&self, kept: &[u16]) -> Option<Vec<u8>> {
        let mut table = Vec::with_capacity(4 * kept.len());
        let last = self.n_advances.checked_sub(1)?;
        for &old in kept {
            let old = usize::from(old);
            table.extend(self.hmtx.get(4 * old.min(last)..4 * old.min(last) + 2)?);
            let bearing =
                if old <= last { 4 * old + 2 } else { 4 * last + 4 + 2 * (old - last - 1) };
            table.extend(self.hmtx.get(bearing..bearing + 2)?);
        }
        Some(table)
    }
}

/// A glyph of contours, without its program.
fn simple(bytes: &[u8], contours: usize) -> Option<Vec<u8>> {
    let at = 10 + 2 * contours;
    let program = usize::from(word(bytes, at)?);
    let mut glyph = bytes.get(..at)?.to_vec();
    glyph.extend([0, 0]);
    glyph.extend(bytes.get(at + 2 + program..)?);
    Some(glyph)
}

/// A glyph of other glyphs, with their new numbers, without its program.
fn composite(bytes: &[u8], kept: &mut Vec<u16>) -> Option<Vec<u8>> {
    let mut glyph = bytes.get(..10)?.to_vec();
    let mut at = 10;
    loop {
        let (flags, part) = (word(bytes, at)?, word(bytes, at + 2)?);
        let new = kept.iter().position(|&k| k == part).unwrap_or_else(|| {
            kept.push(part);
            kept.len() - 1
        });
        let scale = SCALES.iter().find(|(flag, _)| flags & flag != 0).map_or(0, |(_, n)| *n);
        let length = if flags & WORDS != 0 { 4 } else { 2 } + scale;
        glyph.extend((flags & !INSTRUCTIONS).to_be_bytes());
        glyph.extend((new as u16).to_be_bytes());
        glyph.extend(bytes.get(at + 4..at + 4 + length)?);
        at += 4 + length;
        if flags & MORE_PARTS == 0 {
            return Some(glyph);
        }
    }
}

/// Tables `glyf` and (long) `loca`.
fn joined(glyphs: &[Vec<u8>]) -> (Vec<u8>, Vec<u8>) {
    let (mut glyf, mut loca) = (Vec::new(), vec![0; 4]);
    for glyph in glyphs {
        glyf.extend(glyph);
        glyf.resize(glyf.len().next_multiple_of(4), 0);
        loca.extend((glyf.len() as u32).to_be_bytes());
    }
    (glyf, loca)
}

/// Character map of format 4 from `(code, glyph)` in ascending order of code.
fn cmap(codes: &[(u16, u16)]) -> Vec<u8> {
    let mut runs: Vec<(u16, u16, u16)> = Vec::new();
    for &(code, glyph) in codes.iter().filter(|(code, _)| *code != u16::MAX) {
        match runs.last_mut() {
            Some((first, last, start))
                if *last + 1 == code && *start + (code - *first) == glyph =>
            {
                *last = code;
            }
            _ => runs.push((code, code, glyph)),
        }
    }
    runs.push((u16::MAX, u16::MAX, 0));
    let n = runs.len();
    let power = n.ilog2();
    let search = 2 << power;
    let mut words: Vec<u16> = vec![0, 1, 3, 1, 0, 12, 4, (16 + 8 * n) as u16, 0];
    words.extend([2 * n as u16, search as u16, power as u16, (2 * n - search) as u16]);
    words.extend(runs.iter().map(|run| run.1));
    words.push(0);
    words.extend(runs.iter().map(|run| run.0));
    // The last run maps U+FFFF to glyph 0, as the format asks.
    words.extend(runs.iter().map(|run| run.2.wrapping_sub(run.0)));
    words.extend(std::iter::repeat_n(0, n));
    words.iter().flat_map(|w| w.to_be_bytes()).collect()
}

fn checksum(bytes: &[u8]) -> u32 {
    bytes.chunks(4).fold(0_u32, |sum, chunk| {
        let mut word = [0; 4];
        word[..chunk.len()].copy_from_slice(chunk);
        sum.wrapping_add(u32::from_be_bytes(word))
    })
}

/// A font file of `tables`, which are in the order of their names.
fn assembled(tables: Vec<([u8; 4], Vec<u8>)>) -> Vec<u8> {
    let n = tables.len();
    let power = n.ilog2();
    let search = 16 << power;
    let mut file = vec![0, 1, 0, 0];
    for value in [n, search, power as usize, 16 * n - search] {
        file.extend((value as u16).to_be_bytes());
    }
    let mut offset = 12 + 16 * n;
    let mut head = 0;
    for (name, table) in &tables {
        if name == b"head" {
            head = offset;
        }
        file.extend(name);
        file.extend(checksum(&unadjusted(name, table)).to_be_bytes());
        file.extend((offset as u32).to_be_bytes());
        file.extend((table.len() as u32).to_be_bytes());
        offset += table.len().next_multiple_of(4);
    }
    for (name, table) in &tables {
        file.extend(unadjusted(name, table));
        file.resize(file.len().next_multiple_of(4), 0);
    }
    let adjustment = 0xB1B0_AFBA_u32.wrapping_sub(checksum(&file));
    file[head + 8..head + 12].copy_from_slice(&adjustment.to_be_bytes());
    file
}

/// A table as it counts in checksums: `head` without its adjustment.
fn unadjusted(name: &[u8; 4], table: &[u8]) -> Vec<u8> {
    let mut table = table.to_vec();
    if name == b"head" {
        table[8..12].fill(0);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_font_has_the_outlines_and_advances_of_the_whole_one() {
        struct Trace(String);
        impl ttf_parser::OutlineBuilder for Trace {
            fn move_to(&mut self, x: f32, y: f32) {
                self.0 += &format!("M{x} {y}");
            }
            fn line_to(&mut self, x: f32, y: f32) {
                self.0 += &format!("L{x} {y}");
            }
            fn quad_to(&mut self, a: f32, b: f32, x: f32, y: f32) {
                self.0 += &format!("Q{a} {b} {x} {y}");
            }
            fn curve_to(&mut self, a: f32, b: f32, c: f32, d: f32, x: f32, y: f32) {
                self.0 += &format!("C{a} {b} {c} {d} {x} {y}");
            }
            fn close(&mut self) {
                self.0 += "Z";
            }
        }
        let characters: BTreeSet<char> = "AÅbé0−Δσ±≤".chars().collect();
        let bytes = subset(notosans::REGULAR_TTF, &characters).expect("a font");
        assert!(bytes.len() < 10_000, "{} bytes", bytes.len());
        let (whole, cut) =
            (Face::parse(notosans::REGULAR_TTF, 0).unwrap(), Face::parse(&bytes, 0).unwrap());
        for c in characters {
            let drawn = [&whole, &cut].map(|face| {
                let glyph = face.glyph_index(c).unwrap_or_else(|| panic!("no {c}"));
                let mut trace = Trace(String::new());
                face.outline_glyph(glyph, &mut trace);
                (trace.0, face.glyph_hor_advance(glyph))
            });
            assert!(drawn[0].0.len() > 10, "{c} has an outline");
            assert_eq!(drawn[0], drawn[1], "{c}");
        }
        assert!(cut.glyph_index('x').is_none());
    }
}
