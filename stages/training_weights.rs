//! Which training spectra a trained SLAM leans on at the labels of a spectrum, from the tables of both.
//!
//! No stage: `mdwarf trace --neighbours` asks it.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use ndarray::ArrayView1;

use super::model::{model_needs, read_model};
use super::support::{training_ids, training_labels_of};
use crate::engine::stage::StageError;
use crate::science::slam::Influence;

/// Columns of a model that are read.
pub fn model_columns() -> Vec<String> {
    model_needs().into_iter().map(|need| need.column).collect()
}

/// A training spectrum and what it weighs.
#[derive(Debug, Clone)]
pub struct Neighbour {
    /// Its id.
    pub id: i64,
    /// The id of its star.
    pub star_id: i64,
    /// Its labels, in the order of the training set.
    pub labels: Vec<f64>,
    /// What it weighs.
    pub influence: Influence,
}

/// Training spectra by falling weight, of equal weight by id; names of their labels.
#[derive(Debug, Clone)]
pub struct Neighbours {
    /// Names of the labels.
    pub names: Vec<String>,
    /// The spectra, all of the training set.
    pub spectra: Vec<Neighbour>,
}

/// Names of the labels of a training set.
///
/// # Errors
/// A table that is none.
pub fn label_names(training: &RecordBatch) -> Result<Vec<String>, StageError> {
    Ok(training_labels_of(training)?.names)
}

/// What the spectra of table `training` weigh in the model of table `model` at labels `theta`, in the order of
/// [`label_names`]; see [`SlamModel::influences`](crate::science::slam::SlamModel::influences).
///
/// # Errors
/// Tables that do not belong together, or labels that are not finite.
pub fn neighbours(
    model: &RecordBatch,
    training: &RecordBatch,
    theta: &[f64],
) -> Result<Neighbours, StageError> {
    let labels = training_labels_of(training)?;
    let model = read_model(model, &labels)?;
    let influences = model.influences(ArrayView1::from(theta))?;
    let [ids, stars] = training_ids(training)?;
    let (ids, stars) = (ids.as_primitive::<Int64Type>(), stars.as_primitive::<Int64Type>());
    let spectrum = |(row, influence): (usize, Influence)| Neighbour {
        id: ids.value(row),
        star_id: stars.value(row),
        labels: labels.physical.row(row).to_vec(),
        influence,
    };
    let mut spectra: Vec<Neighbour> = influences.into_iter().enumerate().map(spectrum).collect();
    spectra.sort_by(|a, b| {
        b.influence.share.total_cmp(&a.influence.share).then_with(|| a.id.cmp(&b.id))
    });
    Ok(Neighbours { names: labels.names, spectra })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::columns::{finite_array, i64_array};

    #[test]
    fn tables_of_another_kind_are_refused() {
        let table = |labels: Vec<f64>| {
            RecordBatch::try_from_iter([
                ("id", i64_array((0..labels.len() as i64).collect())),
                ("star_id", i64_array(vec![7; labels.len()])),
                ("Teff", finite_array(labels)),
            ])
            .unwrap()
        };
        let training = table(vec![3000.0, 3500.0]);
        assert_eq!(label_names(&training).unwrap(), ["Teff"]);
        assert!(neighbours(&training, &training, &[3100.0]).is_err());
        assert!(label_names(&training.project(&[0, 1]).unwrap()).is_err());
        assert!(model_columns().iter().any(|name| name == "dual"));
    }
}
