//! Score selection: which objects of a simulated survey the cuts keep: completeness and purity.
//!
//! | port (whole) | reads |
//! |---|---|
//! | `kept` | ids of the spectra that were kept |
//! | `stars` | the truth about stars |
//! | `spectra` (follows `stars`) | all spectra there are |
//!
//! Output `selection`: a row a bin: `n` spectra in it, `n_kept`, their share with Wilson's interval for as many
//! trials as stars. By `kind` and by planted `fault`; of single and multiple M dwarfs by true distance, color,
//! absolute magnitude, [M/H] and signal-to-noise ratio (the selection function); and `purity`, the share of M dwarfs
//! among what was kept (there `n` is what was kept, `n_kept` the dwarfs in it).

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{f64s, ids, optional_f64_array, text_array, u64_array};
use super::truth::{Truth, truth_ports};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Job, Need, NewColumn, Output, Port, Product, Schemas, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, F64, I64, Type, U64};
use crate::science::statistics::fraction;

/// The registry's entry.
pub const STAGE: StageDef = StageDef::of::<ScoreSelection>(
    "score_selection",
    1,
    "tells what the cuts keep of a simulated survey",
);

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScoreSelection {
    /// Row id of `kept`.
    #[serde(default = "obsid")]
    id: String,
    /// Lower edges of the bins of each true property; the last bin is open.
    #[serde(default = "edges")]
    edges: BTreeMap<String, Vec<f64>>,
}

fn obsid() -> String {
    "obsid".into()
}

fn edges() -> BTreeMap<String, Vec<f64>> {
    BTreeMap::from([
        ("distance".into(), vec![0.0, 50.0, 100.0, 200.0, 300.0, 500.0, 1000.0]),
        ("bp_rp".into(), vec![1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0]),
        ("abs_g".into(), vec![4.0, 6.0, 8.0, 9.0, 10.0, 11.0, 12.0, 14.0]),
        ("m_h".into(), vec![-2.5, -1.0, -0.5, -0.25, 0.0, 0.25]),
        ("a_v".into(), vec![0.0, 0.1, 0.3, 1.0, 2.0]),
    ])
}

/// A bin and who is in it.
struct Bin {
    by: String,
    value: Option<String>,
    range: (f64, f64),
    members: Vec<(i64, bool)>,
}

impl Stage for ScoreSelection {
    fn ports(&self) -> Vec<Port> {
        let mut ports = vec![Port::whole("kept", vec![Need::of(&self.id, I64)])];
        let properties: Vec<&str> = self.edges.keys().map(String::as_str).collect();
        ports.extend(truth_ports(&properties));
        ports
    }

    fn outputs(&self, _inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        let text = |name: &str, about: &str| {
            NewColumn::new(ColumnMeta::new(name, Type::Text).about(about))
        };
        let real =
            |name: &str, about: &str| NewColumn::new(ColumnMeta::new(name, F64).about(about));
        let count =
            |name: &str, about: &str| NewColumn::new(ColumnMeta::new(name, U64).about(about));
        let columns = vec![
            text("by", "what the bin is one of"),
            text("value", "the bin, where it is a word"),
            real("low", "lower edge of the bin"),
            real("high", "upper edge; null if open"),
            count("n", "spectra in the bin"),
            count("n_kept", "those kept; for `purity` the M dwarfs"),
            count("n_star", "stars in the bin"),
            real("share", "n_kept / n"),
            real("share_low", "lower end of its 95 % interval"),
            real("share_high", "upper end"),
        ];
        Ok(vec![Output::table("selection", columns)])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let truth = Truth::read(job)?;
        let kept: BTreeSet<i64> = ids(job, "kept", &self.id)?.into_iter().collect();
        let mut bins = words(&truth, &kept);
        for (property, edges) in &self.edges {
            bins.extend(ranges(&truth, &kept, property, &f64s(job, "stars", property)?, edges));
        }
        Ok(vec![Product::new("selection", arrays(&bins))])
    }
}

/// Bins by kind and by fault, and the purity.
fn words(truth: &Truth, kept: &BTreeSet<i64>) -> Vec<Bin> {
    let mut bins: BTreeMap<(&str, String), Vec<(i64, bool)>> = BTreeMap::new();
    for (obsid, spectrum) in &truth.spectra {
        let is_kept = kept.contains(obsid);
        let member = (spectrum.star_id, is_kept);
        let kind = truth.kind(spectrum);
        bins.entry(("kind", kind.to_owned())).or_default().push(member);
        for fault in truth.faults(spectrum) {
            bins.entry(("planted fault", fault.to_owned())).or_default().push(member);
        }
        if is_kept {
            let dwarf = (spectrum.star_id, kind == "dwarf");
            bins.entry(("purity", "M dwarfs".to_owned())).or_default().push(dwarf);
        }
    }
    let bin = |((by, value), members): ((&str, String), _)| Bin {
        by: by.to_owned(),
        value: Some(value),
        range: (f64::NAN, f64::NAN),
        members,
    };
    bins.into_iter().map(bin).collect()
}

/// M dwarfs by a true property.
fn ranges(
    truth: &Truth,
    kept: &BTreeSet<i64>,
    property: &str,
    values: &[f64],
    edges: &[f64],
) -> Vec<Bin> {
    let mut bins: Vec<Bin> = edges
        .iter()
        .enumerate()
        .map(|(bin, low)| Bin {
            by: property.to_owned(),
            value: None,
            range: (*low, edges.get(bin + 1).copied().unwrap_or(f64::INFINITY)),
            members: Vec::new(),
        })
        .collect();
    for (obsid, spectrum) in truth.spectra.iter().filter(|(_, s)| truth.kind(s) == "dwarf") {
        let value = values[spectrum.star];
        if let Some(bin) = bins.iter_mut().find(|bin| (bin.range.0..bin.range.1).contains(&value)) {
            bin.members.push((spectrum.star_id, kept.contains(obsid)));
        }
    }
    bins
}

fn arrays(bins: &[Bin]) -> Vec<arrow::array::ArrayRef> {
    let n_kept = |bin: &Bin| bin.members.iter().filter(|(_, kept)| *kept).count();
    let n_star =
        |bin: &Bin| bin.members.iter().map(|(star, _)| star).collect::<BTreeSet<_>>().len();
    let shares: Vec<_> =
        bins.iter().map(|bin| fraction(n_kept(bin), bin.members.len(), n_star(bin))).collect();
    let finite = |value: f64| value.is_finite().then_some(value);
    vec![
        text_array(bins.iter().map(|bin| Some(&bin.by))),
        text_array(bins.iter().map(|bin| bin.value.as_ref())),
        optional_f64_array(bins.iter().map(|bin| finite(bin.range.0)).collect()),
        optional_f64_array(bins.iter().map(|bin| finite(bin.range.1)).collect()),
        u64_array(bins.iter().map(|bin| bin.members.len() as u64).collect()),
        u64_array(bins.iter().map(|bin| n_kept(bin) as u64).collect()),
        u64_array(bins.iter().map(|bin| n_star(bin) as u64).collect()),
        optional_f64_array(shares.iter().map(|share| share.map(|s| s.value)).collect()),
        optional_f64_array(shares.iter().map(|share| share.map(|s| s.interval.low)).collect()),
        optional_f64_array(shares.iter().map(|share| share.map(|s| s.interval.high)).collect()),
    ]
}
