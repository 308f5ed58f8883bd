//! The drawing room: a figure is panels with axes on a sheet, drawn once and written as SVG, PNG and
//! numbers.
//!
//! Lengths are points (1/72 inch) from the sheet's upper left corner. Text is set in Noto Sans
//! (SIL Open Font License), of which each SVG carries the glyphs it uses.

mod axis;
mod base64;
mod color;
mod color_bar;
mod contour;
mod font;
mod frame;
mod hexbin;
mod marks;
mod notes;
mod numbers;
mod raster;
mod rich_text;
mod scene;
mod sheet;
mod subset;
mod svg;
#[cfg(test)]
mod tests;

pub use axis::{Axis, around};
pub use base64::base64;
pub use color::{Color, INK, OKABE_ITO, PALE, viridis};
pub use font::{Weight, web_font};
pub use frame::Frame;
pub use hexbin::Hexes;
pub use marks::{Dot, Line, Shape};
pub use notes::{Corner, Sample};
pub use numbers::{count, finite, fixed, rounded, signed};
pub use rich_text::{plain, runs, width as text_width};
pub use scene::{Anchor, Rect};
pub use sheet::{COLUMN_MM, Drawing, Figure, Measured, Origin, PAGE_MM, Panel, Sheet};
pub use svg::{escaped, without_font};
