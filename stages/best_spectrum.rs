//! Best spectrum (§5): one row a star, for what counts stars and not spectra.
//!
//! Port `rows` (whole): row id, star, signal-to-noise ratio, the columns of the condition.
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `best` | the row of each star with the highest ratio, of equals the one with the smallest id | all of `rows`, `n_obs_star` |
//! | `all` | all | all of `rows`, `n_obs_star`, `is_best_snr` |
//!
//! A row without a star is a star of its own. Rows that fail the condition are counted but never the best.
//!
//! Deviation: the paper does not say which spectrum of a star it takes.

use std::collections::BTreeMap;

use arrow::array::UInt32Array;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{bool_array, f64s, ids, u32_array};
use super::figures::{check_filters, chosen};
use super::keys::keys;
use crate::engine::params::Formula;
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Job, Need, NewColumn, Output, Port, Product, Schemas, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, I64, Type, U32};

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<BestSpectrum>("best_spectrum", 1, "takes the best spectrum of each star");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BestSpectrum {
    /// Row id.
    id: String,
    /// The star: whole number or text.
    star_id: String,
    /// The signal-to-noise ratio that decides.
    snr: String,
    /// Which rows may be the best.
    #[serde(default, rename = "where")]
    filter: Option<Formula>,
}

impl Stage for BestSpectrum {
    fn ports(&self) -> Vec<Port> {
        let mut needs =
            vec![Need::of(&self.id, I64), Need::any(&self.star_id), Need::any(&self.snr)];
        needs.extend(self.filter.iter().flat_map(|f| f.0.columns()).map(Need::any));
        vec![Port::whole("rows", needs)]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        let rows = &inputs["rows"];
        check_filters(self.filter.iter(), rows)?;
        let counted = || {
            let meta = ColumnMeta::new("n_obs_star", U32).ucd("meta.number");
            NewColumn::new(meta.about("spectra of this star in the table")).from(
                "rows",
                &self.star_id,
                "derived: count",
            )
        };
        let best = ColumnMeta::new("is_best_snr", Type::Bool)
            .ucd("meta.code.qual")
            .about("whether it is the spectrum of the star with the highest signal-to-noise ratio");
        let best = NewColumn::new(best).from("rows", &self.snr, "derived: largest of the star");
        Ok(vec![
            Output::selected("best", "rows", rows, vec![counted()]).id(&self.id),
            Output::widened("all", "rows", rows, vec![counted(), best]).id(&self.id),
        ])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let ids = ids(job, "rows", &self.id)?;
        let snr = f64s(job, "rows", &self.snr)?;
        let stars = keys(job, "rows", &self.star_id)?;
        let may = chosen(self.filter.as_ref(), job.table("rows")?)?;
        let (counts, best) = best_of_stars(&ids, &stars, &snr, &may);
        let kept: Vec<usize> = (0..ids.len()).filter(|row| best[*row]).collect();
        let rows = UInt32Array::from_iter_values(kept.iter().map(|row| *row as u32));
        let kept_counts = u32_array(kept.iter().map(|row| counts[*row]).collect());
        Ok(vec![
            Product::new("best", vec![kept_counts]).rows("rows", rows),
            Product::new("all", vec![u32_array(counts), bool_array(best)]),
        ])
    }
}

/// Rows of a star, and the best of them.
type Counted = (u32, Option<usize>);

/// Rows of each row's star, and whether it is the best of them; all `(n_row,)`.
fn best_of_stars(
    ids: &[i64],
    stars: &[Option<String>],
    snr: &[f64],
    may: &[bool],
) -> (Vec<u32>, Vec<bool>) {
    let mut order: Vec<usize> = (0..ids.len()).collect();
    order.sort_by_key(|row| ids[*row]);
    let mut of_star: BTreeMap<(Option<&str>, usize), Counted> = BTreeMap::new();
    // A row without a star stands alone: its number tells it from the others.
    let star = |row: usize| (stars[row].as_deref(), if stars[row].is_some() { 0 } else { row });
    for row in order {
        let (count, best) = of_star.entry(star(row)).or_default();
        *count += 1;
        // Without a ratio a spectrum never wins over one that has it.
        let wins = |best: usize| snr[row] > snr[best] || (snr[best].is_nan() && !snr[row].is_nan());
        if may[row] && best.is_none_or(wins) {
            *best = Some(row);
        }
    }
    let of = |row: usize| of_star.get(&star(row)).copied().unwrap_or((1, Some(row)));
    (0..ids.len()).map(|row| (of(row).0, of(row).1 == Some(row))).unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stars(names: &[&str]) -> Vec<Option<String>> {
        names.iter().map(|name| (!name.is_empty()).then(|| (*name).to_owned())).collect()
    }

    #[test]
    fn the_highest_ratio_wins_and_of_equals_the_smallest_id() {
        let ids = [9, 4, 7, 5, 6];
        let stars = stars(&["a", "a", "b", "b", "a"]);
        let snr = [30.0, 50.0, 20.0, 20.0, 40.0];
        let (counts, best) = best_of_stars(&ids, &stars, &snr, &[true; 5]);
        assert_eq!(counts, [3, 3, 2, 2, 3]);
        assert_eq!(best, [false, true, false, true, false]);
    }

    #[test]
    fn unknown_stars_stand_alone_and_missing_ratios_lose() {
        let ids = [1, 2, 3, 4];
        let stars = stars(&["", "", "a", "a"]);
        let snr = [10.0, f64::NAN, f64::NAN, 5.0];
        let (counts, best) = best_of_stars(&ids, &stars, &snr, &[true; 4]);
        assert_eq!((counts, best), (vec![1, 1, 2, 2], vec![true, true, false, true]));
    }

    #[test]
    fn rows_that_fail_the_condition_are_counted_but_never_best() {
        let stars = stars(&["a", "a", "b"]);
        let (counts, best) =
            best_of_stars(&[1, 2, 3], &stars, &[90.0, 20.0, 50.0], &[false, true, false]);
        assert_eq!((counts, best), (vec![2, 2, 1], vec![false, true, false]));
    }
}
