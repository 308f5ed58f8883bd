//! The star browser: spectra with their models and labels, packed so that thousands fit into the page.
//!
//! A spectrum is averaged over neighboring pixels until all fit the budget; flux and model are steps of one byte
//! between the star's extremes: the model as differences from pixel to pixel, the flux as differences from the
//! model, which are small and pack well.

use maud::{Markup, html};
use serde_json::{Value, json};

use super::block::packed;
use crate::report::plot::{count, rounded};

/// One star's spectrum and labels.
#[derive(Debug, Clone)]
pub struct Star<'a> {
    /// Number of the spectrum.
    pub obsid: &'a str,
    /// A value for each of the block's columns; NaN where there is none.
    pub values: &'a [f64],
    /// Names of the flags that are set.
    pub flags: &'a [String],
    /// Where the spectrum comes from: file, training fold.
    pub source: &'a str,
    /// Normalized flux, `(n_pix,)`; not finite where a pixel is not used.
    pub flux: &'a [f32],
    /// Model at the best labels, `(n_pix,)`; empty if there is none.
    pub model: &'a [f32],
}

/// The stars of the browser: all of them, or a sample if they are more than some thousand.
#[derive(Debug, Clone)]
pub struct StarBlock<'a> {
    /// Vacuum wavelength, angstrom, `(n_pix,)`, equal steps in its logarithm.
    pub wave: &'a [f64],
    /// Names of the values of each star with unit and decimals: `("TEFF_AP", "K", 0)`.
    pub columns: &'a [(&'a str, &'a str, usize)],
    /// The stars.
    pub stars: &'a [Star<'a>],
    /// Column and the node, key or file that made it.
    pub provenance: &'a [(String, String)],
    /// Bytes that flux and model of all stars may have before packing.
    pub budget: usize,
}

impl StarBlock<'_> {
    /// What 6,000 stars need at four pixels in one, and a page of less than 10 MB leaves room for.
    pub const BUDGET: usize = 5_000_000;

    /// Pixels that are averaged into one.
    pub fn pixels_in_one(&self) -> usize {
        let all = 2 * self.stars.len() * self.wave.len();
        all.div_ceil(self.budget.max(1)).max(1)
    }

    /// Wavelengths of the averaged pixels.
    fn waves(&self) -> Vec<f64> {
        let groups = self.wave.chunks(self.pixels_in_one());
        groups.map(|g| g.iter().sum::<f64>() / g.len() as f64).collect()
    }
}

/// What is no number of steps: a pixel that is not used.
const NONE: u8 = 255;
/// Zero of the differences, which are of both signs.
const ZERO: i32 = 127;

/// The section's body.
pub fn body(block: Option<&StarBlock<'_>>) -> Markup {
    let Some(block) = block.filter(|b| !b.stars.is_empty()) else {
        return html! { p { "No star was labeled, or the stars were left out of this report." } };
    };
    let (head, bytes) = coded(block);
    let every = block.pixels_in_one();
    html! {
        p {
            (count(block.stars.len())) " spectra"
            @if every > 1 { ", " (every) " pixels averaged into one" }
            ". Search a spectrum by its obsid, or walk through the list; the list is sorted by the column chosen. A link that ends in #obsid= and a number opens that spectrum."
        }
        div #browser {
            div .controls {
                label { "obsid " input #star-search type="search" autocomplete="off" placeholder="part of an obsid"; }
                label { "sort by " select #star-sort {} }
                label { "flag " select #star-flag {} }
                button #star-before type="button" { "Previous" }
                button #star-next type="button" { "Next" }
            }
            div .columns {
                div #star-list role="listbox" aria-label="Spectra" tabindex="0" {}
                div {
                    div #star-view {}
                    div #star-facts {}
                }
            }
            noscript { p { "The browser of stars needs JavaScript." } }
        }
        (packed("star-head", head.to_string().as_bytes()))
        (packed("star-spectra", &bytes))
    }
}

/// Labels as JSON and spectra as bytes: for each star its models, then its fluxes.
pub(super) fn coded(block: &StarBlock<'_>) -> (Value, Vec<u8>) {
    let n_pix = block.waves().len();
    let (mut stars, mut bytes) = (Vec::new(), Vec::with_capacity(2 * n_pix * block.stars.len()));
    for star in block.stars {
        let every = block.pixels_in_one();
        let (flux, model) = (averaged(star.flux, every, n_pix), averaged(star.model, every, n_pix));
        let (low, step) = steps(&flux, &model);
        bytes.extend(code(&flux, &model, low, step));
        let values: Vec<Value> = star.values.iter().map(|&v| rounded(v)).collect();
        stars.push(json!([
            star.obsid,
            values,
            star.flags,
            star.source,
            rounded(low),
            rounded(step)
        ]));
    }
    let columns: Vec<Value> =
        block.columns.iter().map(|(name, unit, decimals)| json!([name, unit, decimals])).collect();
    let head = json!({
        "wave": block.waves().iter().map(|&w| rounded(w)).collect::<Vec<_>>(),
        "columns": columns,
        "provenance": block.provenance,
        "stars": stars,
    });
    (head, bytes)
}

/// Means of the finite values of each group, NaN where there is none; `n` groups.
fn averaged(values: &[f32], every: usize, n: usize) -> Vec<f64> {
    let mut means: Vec<f64> = values
        .chunks(every)
        .map(|group| {
            let finite: Vec<f64> =
                group.iter().filter(|v| v.is_finite()).map(|v| f64::from(*v)).collect();
            finite.iter().sum::<f64>() / finite.len() as f64
        })
        .collect();
    means.resize(n, f64::NAN);
    means
}

/// Least value and step of a star.
fn steps(flux: &[f64], model: &[f64]) -> (f64, f64) {
    let finite = || flux.iter().chain(model).copied().filter(|v| v.is_finite());
    let (low, high) =
        (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    if low < high {
        (low, (high - low) / 254.0)
    } else if low.is_finite() {
        (low, 1.0)
    } else {
        (0.0, 1.0)
    }
}

fn code(flux: &[f64], model: &[f64], low: f64, step: f64) -> Vec<u8> {
    let level = |value: f64| -> Option<i32> {
        value.is_finite().then(|| ((value - low) / step).round().clamp(0.0, 254.0) as i32)
    };
    let mut bytes = Vec::with_capacity(flux.len() + model.len());
    let mut last = 0;
    for value in model {
        // Differences modulo 255; 255 itself is a pixel without model.
        bytes.push(
            level(*value).map_or(NONE, |now| {
                (now - std::mem::replace(&mut last, now)).rem_euclid(255) as u8
            }),
        );
    }
    let mut last = ZERO;
    for (value, model) in flux.iter().zip(model) {
        let ground = level(*model).unwrap_or(last);
        bytes.push(level(*value).map_or(NONE, |now| (now - ground).rem_euclid(255) as u8));
        last = ground;
    }
    bytes
}
