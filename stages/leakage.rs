//! Leakage (§5): which rows of a validation training knew, by spectrum, by star or by a companion.
//!
//! | port | reads |
//! |---|---|
//! | `rows` (driving) | row id, star |
//! | `training` (whole) | spectrum and star of each training row; that of the model of `fits` where it is not bound |
//! | `fits` (whole, optional) | nothing: names the predictions whose training set is meant |
//! | `pairs` (whole, optional) | both stars of wide pairs |
//!
//! Output `rows`: all of `rows`, with `trained_spectrum`, `trained_star` (another spectrum of it may be the one),
//! `trained_companion`, and `leaked`: any of them. A row without a star is judged by its spectrum alone.
//!
//! Deviation: the paper's cluster and literature comparisons hold stars that were trained on (§5.1), unmarked.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::bool_array;
use super::keys::keys;
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Job, Need, NewColumn, Output, Port, Product, Schemas, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, I64, Type};

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<Leakage>("leakage", 1, "marks rows that training knew by star or companion");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Leakage {
    /// Row id, the spectrum.
    id: String,
    /// The star.
    star_id: String,
    /// The spectrum in `training`.
    #[serde(default = "id")]
    training_id: String,
    /// The star in `training`.
    #[serde(default = "star_id")]
    training_star_id: String,
    /// Both stars in `pairs`.
    #[serde(default = "source_ids")]
    pair_star_ids: [String; 2],
    /// Put before the names of the new columns.
    #[serde(default)]
    prefix: String,
}

fn id() -> String {
    "id".into()
}

fn star_id() -> String {
    "star_id".into()
}

fn source_ids() -> [String; 2] {
    ["source_id1".into(), "source_id2".into()]
}

/// New columns and what they say.
const MARKS: [(&str, &str); 4] = [
    ("trained_spectrum", "whether the spectrum is in the training set"),
    ("trained_star", "whether a spectrum of the star is in the training set"),
    ("trained_companion", "whether a wide companion of the star is in the training set"),
    ("leaked", "whether training knew the spectrum, the star or a companion"),
];

impl Stage for Leakage {
    fn ports(&self) -> Vec<Port> {
        let training = vec![Need::any(&self.training_id), Need::any(&self.training_star_id)];
        let pairs = self.pair_star_ids.iter().map(Need::any).collect();
        vec![
            Port::driving("rows", vec![Need::of(&self.id, I64), Need::any(&self.star_id)]),
            Port::whole("training", training).through("fits", "training"),
            Port::whole("fits", vec![Need::of(&self.id, I64)]).optional(),
            Port::whole("pairs", pairs).optional(),
        ]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        let column = |(name, about): &(&str, &str)| {
            let meta = ColumnMeta::new(format!("{}{name}", self.prefix), Type::Bool).about(*about);
            NewColumn::new(meta).from("rows", &self.id, "derived: looked up").from(
                "rows",
                &self.star_id,
                "derived: looked up",
            )
        };
        let columns = MARKS.iter().map(column).collect();
        Ok(vec![Output::widened("rows", "rows", &inputs["rows"], columns).id(&self.id)])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let pairs = match job.optional("pairs") {
            Some(_) => {
                let [first, second] = &self.pair_star_ids;
                let first = keys(job, "pairs", first)?;
                first.into_iter().zip(keys(job, "pairs", second)?).collect()
            }
            None => Vec::new(),
        };
        let known = Known::new(
            keys(job, "training", &self.training_id)?,
            keys(job, "training", &self.training_star_id)?,
            &pairs,
        );
        let spectra = keys(job, "rows", &self.id)?;
        let stars = keys(job, "rows", &self.star_id)?;
        let marks: Vec<[bool; 4]> = spectra
            .iter()
            .zip(&stars)
            .map(|(spectrum, star)| known.marks(spectrum, star))
            .collect();
        let column = |at: usize| bool_array(marks.iter().map(|mark| mark[at]).collect());
        Ok(vec![Product::new("rows", (0..MARKS.len()).map(column).collect())])
    }
}

/// An id as text, where there is one.
type Key = Option<String>;

/// What training knew.
struct Known {
    spectra: BTreeSet<String>,
    stars: BTreeSet<String>,
    /// Stars of which a companion was in training.
    companions: BTreeSet<String>,
}

impl Known {
    fn new(spectra: Vec<Key>, stars: Vec<Key>, pairs: &[(Key, Key)]) -> Self {
        let stars: BTreeSet<String> = stars.into_iter().flatten().collect();
        let mut partners: BTreeMap<&String, Vec<&String>> = BTreeMap::new();
        for (first, second) in pairs {
            if let (Some(first), Some(second)) = (first, second) {
                partners.entry(first).or_default().push(second);
                partners.entry(second).or_default().push(first);
            }
        }
        let trained = stars.iter().filter_map(|star| partners.get(star)).flatten();
        let companions = trained.map(|partner| (*partner).clone()).collect();
        Known { spectra: spectra.into_iter().flatten().collect(), stars, companions }
    }

    fn marks(&self, spectrum: &Key, star: &Key) -> [bool; 4] {
        let within =
            |key: &Key, set: &BTreeSet<String>| key.as_ref().is_some_and(|k| set.contains(k));
        let marks = [
            within(spectrum, &self.spectra),
            within(star, &self.stars),
            within(star, &self.companions),
        ];
        [marks[0], marks[1], marks[2], marks.contains(&true)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        (!text.is_empty()).then(|| text.to_owned())
    }

    #[test]
    fn repeats_and_companions_of_training_stars_are_marked() {
        let pairs = [(key("A"), key("B")), (key("C"), key("D")), (key(""), key("A"))];
        let known = Known::new(vec![key("1"), key("2")], vec![key("A"), key("")], &pairs);
        assert_eq!(known.marks(&key("1"), &key("A")), [true, true, false, true]);
        assert_eq!(known.marks(&key("9"), &key("A")), [false, true, false, true]);
        assert_eq!(known.marks(&key("8"), &key("B")), [false, false, true, true]);
        assert_eq!(known.marks(&key("7"), &key("C")), [false; 4]);
        assert_eq!(known.marks(&key("2"), &key("")), [true, false, false, true]);
    }
}
