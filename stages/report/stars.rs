//! The stars of the page: a sample of spectra with labels, and the model at these.

use arrow::array::RecordBatch;
use ndarray::Array2;

use crate::engine::stage::{Need, Port, StageError};
use crate::report::page::{Star, StarBlock};
use crate::science::draw::synthesize;
use crate::stages::columns::{f64_row, f64s_of};
use crate::stages::model::{model_needs, read_model, training_labels};
use crate::stages::support::{columns_of, training_port};

/// Label of a star: column, unit, decimals.
pub type Label = (String, String, usize);

/// Flags that are shown, and whether they are when the column is true.
const FLAGS: [(&str, bool, &str); 3] = [
    ("in_training", true, "in training"),
    ("in_hull", false, "outside hull"),
    ("inside_box", false, "outside box"),
];

/// Ports of the stars.
pub fn ports(labels: &[Label], prefix: &str) -> Vec<Port> {
    let mut names: Vec<String> = labels.iter().map(|(name, ..)| name.clone()).collect();
    names.extend(["obsid", "flux_norm"].map(str::to_owned));
    names.extend(FLAGS.map(|(name, ..)| format!("{prefix}{name}")));
    // Labels of the model, whatever the training set calls them.
    names.extend(["Teff", "M_H", "Fe_H", "logg"].map(|name| format!("{prefix}{name}")));
    names.sort_unstable();
    names.dedup();
    let needs = names.into_iter().map(|name| Need::any(name).if_there()).collect();
    vec![
        Port::whole("stars", needs).optional(),
        Port::whole("grid", vec![Need::any("wave_angstrom")]).optional(),
        Port::whole("model", model_needs()).optional(),
        training_port("training").through("model", "training").optional(),
    ]
}

/// What the page borrows of the stars.
#[derive(Default)]
pub struct Stars {
    /// Labels.
    pub columns: Vec<Label>,
    wave: Vec<f64>,
    ids: Vec<String>,
    values: Vec<Vec<f64>>,
    flags: Vec<Vec<String>>,
    flux: Vec<Vec<f32>>,
    model: Vec<Vec<f32>>,
}

impl Stars {
    /// At most `most` spectra, in equal steps of their ids.
    ///
    /// # Errors
    /// A column of another kind than stars have, or a model that does not fit its training set.
    pub fn read(
        at: &dyn Fn(&str) -> Option<RecordBatch>,
        labels: &[Label],
        prefix: &str,
        most: usize,
    ) -> Result<Stars, StageError> {
        let (Some(stars), Some(grid)) = (at("stars"), at("grid")) else {
            return Ok(Stars::default());
        };
        let (Some(ids), Some(wave)) =
            (stars.column_by_name("obsid"), grid.column_by_name("wave_angstrom"))
        else {
            return Ok(Stars::default());
        };
        let ids: Vec<i64> = f64s_of(ids)?.into_iter().map(|id| id as i64).collect();
        let rows = evenly(&ids, most);
        let known = labels.iter().filter(|(name, ..)| stars.column_by_name(name).is_some());
        let columns: Vec<Label> = known.cloned().collect();
        let names: Vec<String> = columns.iter().map(|(name, ..)| name.clone()).collect();
        let values = columns_of(&stars, &names)?;
        let mut found = Stars { columns, wave: f64s_of(wave)?, ..Stars::default() };
        for row in &rows {
            found.ids.push(ids[*row].to_string());
            found.values.push(values.row(*row).to_vec());
            found.flags.push(flags(&stars, prefix, *row));
            found.flux.push(flux(&stars, *row)?);
        }
        found.model = models(at, &stars, prefix, &rows)?;
        Ok(found)
    }

    /// The stars as the page has them.
    pub fn all(&self) -> Vec<Star<'_>> {
        (0..self.ids.len())
            .map(|at| Star {
                obsid: &self.ids[at],
                values: &self.values[at],
                flags: &self.flags[at],
                source: "",
                flux: &self.flux[at],
                model: self.model.get(at).map_or(&[], Vec::as_slice),
            })
            .collect()
    }

    /// Their block.
    pub fn block<'a>(
        &'a self,
        columns: &'a [(&'a str, &'a str, usize)],
        stars: &'a [Star<'a>],
    ) -> StarBlock<'a> {
        StarBlock { wave: &self.wave, columns, stars, provenance: &[], budget: StarBlock::BUDGET }
    }
}

/// Rows of at most `most` ids, in equal steps of their order.
fn evenly(ids: &[i64], most: usize) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..ids.len()).collect();
    rows.sort_by_key(|row| ids[*row]);
    let n = rows.len();
    let most = most.min(n);
    (0..most).map(|at| rows[at * n / most]).collect()
}

fn flags(stars: &RecordBatch, prefix: &str, row: usize) -> Vec<String> {
    use arrow::array::{Array, AsArray};
    let set = |(name, when, words): &(&str, bool, &str)| {
        let marks = stars.column_by_name(&format!("{prefix}{name}"))?.as_boolean_opt()?;
        (marks.is_valid(row) && marks.value(row) == *when).then(|| (*words).to_owned())
    };
    FLAGS.iter().filter_map(set).collect()
}

fn flux(stars: &RecordBatch, row: usize) -> Result<Vec<f32>, StageError> {
    if stars.column_by_name("flux_norm").is_none() {
        return Ok(Vec::new());
    }
    Ok(f64_row(stars, "flux_norm", row)?.into_iter().map(|v| v as f32).collect())
}

/// The model at the labels of each row; none without the model, NaN without a label.
fn models(
    at: &dyn Fn(&str) -> Option<RecordBatch>,
    stars: &RecordBatch,
    prefix: &str,
    rows: &[usize],
) -> Result<Vec<Vec<f32>>, StageError> {
    let (Some(model), Some(training)) = (at("model"), at("training")) else {
        return Ok(Vec::new());
    };
    let fields = training.schema();
    let names = fields.fields().iter().map(|field| field.name().as_str());
    let labels: Vec<String> =
        names.filter(|name| !["id", "star_id"].contains(name)).map(str::to_owned).collect();
    let inferred: Vec<String> = labels.iter().map(|label| format!("{prefix}{label}")).collect();
    if inferred.iter().any(|name| stars.column_by_name(name).is_none()) {
        return Ok(Vec::new());
    }
    let model = read_model(&model, &training_labels(&training, &labels)?)?;
    let all = columns_of(stars, &inferred)?;
    let wanted = Array2::from_shape_fn((rows.len(), labels.len()), |(i, j)| all[[rows[i], j]]);
    let flux = synthesize(&model, wanted.view());
    let star = |i: usize| flux.iter().map(|pixel| pixel[i] as f32).collect();
    Ok((0..rows.len()).map(star).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_even_over_the_ids() {
        let ids: Vec<i64> = (0..10).rev().collect();
        let rows = evenly(&ids, 5);
        assert_eq!(rows.iter().map(|row| ids[*row]).collect::<Vec<_>>(), [0, 2, 4, 6, 8]);
        assert_eq!(evenly(&ids, 100).len(), 10);
        assert!(evenly(&[], 5).is_empty());
    }
}
