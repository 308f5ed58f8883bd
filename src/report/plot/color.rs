//! Colors that readers with any color vision tell apart: the eight of Okabe & Ito (2008) for
//! classes, viridis (van der Walt & Smith 2015) for quantities.

/// A color with opacity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Color {
    /// Red, green and blue.
    pub rgb: [u8; 3],
    /// Opacity, 0 to 1.
    pub alpha: f32,
}

impl Color {
    /// An opaque color, `0xRRGGBB`.
    pub const fn hex(rgb: u32) -> Self {
        Self { rgb: [(rgb >> 16) as u8, (rgb >> 8) as u8, rgb as u8], alpha: 1.0 }
    }

    /// The same color at another opacity.
    pub const fn alpha(self, alpha: f32) -> Self {
        Self { rgb: self.rgb, alpha }
    }

    /// An opaque color as CSS writes it: `#0072b2`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        u32::from_str_radix(digits, 16).ok().map(Self::hex)
    }

    /// As CSS writes it, opacity left out.
    pub fn css(self) -> String {
        let [r, g, b] = self.rgb;
        format!("#{r:02x}{g:02x}{b:02x}")
    }
}

/// Text and axes.
pub const INK: Color = Color::hex(0x1a_1a_1a);
/// Grids, frames of empty panels and what stands back.
pub const PALE: Color = Color::hex(0x8c_8c_8c);
/// The sheet.
pub const PAPER: Color = Color::hex(0xff_ff_ff);

/// Okabe & Ito: blue, vermillion, green, orange, purple, sky blue, yellow, black.
pub const OKABE_ITO: [Color; 8] = [
    Color::hex(0x00_72_b2),
    Color::hex(0xd5_5e_00),
    Color::hex(0x00_9e_73),
    Color::hex(0xe6_9f_00),
    Color::hex(0xcc_79_a7),
    Color::hex(0x56_b4_e9),
    Color::hex(0xf0_e4_42),
    Color::hex(0x00_00_00),
];

/// Viridis at 17 equal steps.
const VIRIDIS: [u32; 17] = [
    0x44_01_54, 0x48_18_6a, 0x47_2d_7b, 0x42_40_86, 0x3b_52_8b, 0x33_63_8d, 0x2c_72_8e, 0x26_82_8e,
    0x21_91_8c, 0x1f_a0_88, 0x28_ae_80, 0x3f_bc_73, 0x5e_c9_62, 0x84_d4_4b, 0xad_dc_30, 0xd8_e2_19,
    0xfd_e7_25,
];

/// Viridis at `fraction` of its range; outside of 0 to 1 its ends.
pub fn viridis(fraction: f64) -> Color {
    let place = if fraction.is_finite() { fraction.clamp(0.0, 1.0) * 16.0 } else { 0.0 };
    let low = (place.floor() as usize).min(15);
    let part = place - low as f64;
    let (from, to) = (Color::hex(VIRIDIS[low]).rgb, Color::hex(VIRIDIS[low + 1]).rgb);
    let mix =
        |i: usize| (f64::from(from[i]) * (1.0 - part) + f64::from(to[i]) * part).round() as u8;
    Color { rgb: [mix(0), mix(1), mix(2)], alpha: 1.0 }
}
