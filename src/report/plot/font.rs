//! Noto Sans, regular and bold: widths, outlines, and the web font that a page or an SVG embeds.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use ttf_parser::{Face, GlyphId};

use super::base64::base64;
use super::subset::subset;

/// Family name in SVG and CSS.
pub const FAMILY: &str = "Noto Sans";
/// Height of capitals and digits over the font size.
pub const CAP_HEIGHT: f64 = 0.714;

/// Weight of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// 400.
    Regular,
    /// 700.
    Bold,
}

impl Weight {
    fn bytes(self) -> &'static [u8] {
        match self {
            Weight::Regular => notosans::REGULAR_TTF,
            Weight::Bold => notosans::BOLD_TTF,
        }
    }

    /// As CSS counts weights.
    pub fn css(self) -> u16 {
        match self {
            Weight::Regular => 400,
            Weight::Bold => 700,
        }
    }
}

/// The parsed font; `None` only if the embedded bytes were no font.
pub fn face(weight: Weight) -> Option<&'static Face<'static>> {
    static REGULAR: OnceLock<Option<Face<'static>>> = OnceLock::new();
    static BOLD: OnceLock<Option<Face<'static>>> = OnceLock::new();
    let cell = match weight {
        Weight::Regular => &REGULAR,
        Weight::Bold => &BOLD,
    };
    cell.get_or_init(|| Face::parse(weight.bytes(), 0).ok()).as_ref()
}

/// The glyph of a character, or the box of a missing one.
pub fn glyph(face: &Face<'_>, character: char) -> GlyphId {
    face.glyph_index(character).unwrap_or(GlyphId(0))
}

/// Advance of a text in units of the font size.
pub fn advance(weight: Weight, text: &str) -> f64 {
    let Some(face) = face(weight) else {
        return 0.55 * text.chars().count() as f64;
    };
    let units: u32 =
        text.chars().map(|c| u32::from(face.glyph_hor_advance(glyph(face, c)).unwrap_or(0))).sum();
    f64::from(units) / f64::from(face.units_per_em())
}

/// A CSS `@font-face` rule with the glyphs of `characters` inside.
pub fn font_rule(weight: Weight, characters: &BTreeSet<char>) -> String {
    let font = subset(weight.bytes(), characters).unwrap_or_else(|| weight.bytes().to_vec());
    format!(
        "@font-face{{font-family:\"{FAMILY}\";font-weight:{};src:url(data:font/ttf;base64,{}) format(\"truetype\")}}",
        weight.css(),
        base64(&font)
    )
}

/// Both weights with the characters that reports use: ASCII, Latin-1, Greek and the signs of mathematics.
pub fn web_font() -> String {
    let latin = (' '..='~').chain('\u{a0}'..='\u{ff}');
    let greek = 'Α'..='ω';
    let signs = "–—‘’“”…•−≤≥≠≈∞√∆∂←↑→↓◦′″".chars();
    let characters: BTreeSet<char> = latin.chain(greek).chain(signs).collect();
    [Weight::Regular, Weight::Bold].map(|weight| font_rule(weight, &characters)).concat()
}
