//! Figures, tables and the report of a run, drawn from plain numbers: structs of slices in, bytes and text out.
//!
//! | room | what |
//! |---|---|
//! | `plot` | the drawing room: font, colors, axes, panels, marks; one drawing becomes SVG and PNG |
//! | `figures` | Figures 1-9 of Li et al. 2021 and the diagnostics, a function each |
//! | `tables` | a table as Markdown, LaTeX (AASTeX) and machine-readable table; Tables 1-4 |
//! | `cards` | what a model is, for Markdown and the page |
//! | `page` | the report: one HTML file that needs no network, with slots for what a run tells when it has ended |
//!
//! Nothing here reads a file, a clock or the environment, and nothing panics: what cannot be drawn
//! is said in a plain sentence in its panel's place.

pub mod cards;
pub mod figures;
pub mod page;
pub mod plot;
pub mod tables;

pub use plot::{Figure, Measured, Origin, Panel};
