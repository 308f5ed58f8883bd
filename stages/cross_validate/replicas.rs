//! What the model of each fold says of the same spectra: how labels depend on who is in the training set.

use arrow::array::{ArrayRef, RecordBatch};
use ndarray::Array2;

use super::super::columns::{f64_row, finite_array, i32_array, i64_array, ids};
use super::folds::FoldModel;
use super::published;
use crate::engine::stage::{Job, NewColumn, Schemas, StageError, TableSchema};
use crate::engine::types::{ColumnMeta, F64, I32, I64};

/// Spectra that all folds label, and their labels so far.
pub struct Replicas {
    /// `(n_star,)`.
    ids: Vec<i64>,
    /// `(n_star, n_pix)`.
    flux: Array2<f64>,
    ivar: Array2<f64>,
    folds: Vec<usize>,
    /// Of each label, those of all spectra fold after fold, `(n_fold * n_star,)`. The fits are given up: kept, they
    /// lie between the cells of each fold's model, and the memory of those cannot be used again.
    labels: Vec<Vec<f64>>,
}

impl Replicas {
    /// Reads those of the port `spectra` that have a spectrum, if it is bound; `[id, flux, ivar]` names its columns.
    ///
    /// # Errors
    /// Spectra of another number of pixels than the model.
    pub fn read(
        job: &Job,
        [id, flux, ivar]: [&str; 3],
        (n_pix, n_label): (usize, usize),
    ) -> Result<Option<Self>, StageError> {
        let Some(table) = job.optional("spectra") else { return Ok(None) };
        let all = ids(job, "spectra", id)?;
        let mut there = Vec::new();
        let (mut fluxes, mut ivars) = (Vec::new(), Vec::new());
        for (row, id) in all.into_iter().enumerate() {
            let (f, w) = (spectrum(table, flux, row, n_pix)?, spectrum(table, ivar, row, n_pix)?);
            if let (Some(f), Some(w)) = (f, w) {
                there.push(id);
                fluxes.extend(f);
                ivars.extend(w);
            }
        }
        let shape = (there.len(), n_pix);
        let matrix = |values| Array2::from_shape_vec(shape, values).map_err(StageError::from);
        let (flux, ivar) = (matrix(fluxes)?, matrix(ivars)?);
        Ok(Some(Self {
            ids: there,
            flux,
            ivar,
            folds: Vec::new(),
            labels: vec![Vec::new(); n_label],
        }))
    }

    /// Labels them with the model that lacks `fold`.
    pub fn label(&mut self, fold: usize, model: &FoldModel) -> Result<(), StageError> {
        let fits = model.fit(&self.flux, &self.ivar)?;
        self.folds.push(fold);
        for (l, labels) in self.labels.iter_mut().enumerate() {
            labels.extend(fits.iter().map(|fit| published(fit, fit.labels[l])));
        }
        Ok(())
    }

    /// In the order of [`columns`].
    pub fn into_arrays(self) -> Vec<ArrayRef> {
        let n_star = self.ids.len();
        let folds = self.folds.iter().flat_map(|fold| vec![*fold as i32; n_star]).collect();
        let ids = self.folds.iter().flat_map(|_| self.ids.iter().copied()).collect();
        let mut arrays = vec![i32_array(folds), i64_array(ids)];
        arrays.extend(self.labels.into_iter().map(finite_array));
        arrays
    }
}

/// The vector of a row, `None` where it has none.
fn spectrum(
    table: &RecordBatch,
    column: &str,
    row: usize,
    n_pix: usize,
) -> Result<Option<Vec<f64>>, StageError> {
    let values = f64_row(table, column, row)?;
    match values.len() {
        0 => Ok(None),
        n if n == n_pix => Ok(Some(values)),
        n => Err(StageError::new(format!(
            "`{column}` in row {row} of `spectra` has {n} pixels, the model has {n_pix}; bind \
             spectra that were normalized on the grid of the training set"
        ))),
    }
}

/// Columns of the table; `[id, flux, ivar]` names those of `spectra`.
pub fn columns(
    [id, flux, ivar]: [&str; 3],
    spectra: &TableSchema,
    inputs: &Schemas,
    labels: &[String],
) -> Vec<NewColumn> {
    let fold = ColumnMeta::new("fold", I32).about("fold that the model was trained without");
    let id_meta = spectra.column(id).cloned().unwrap_or_else(|| ColumnMeta::new(id, I64));
    let mut columns = vec![NewColumn::new(fold), NewColumn::new(id_meta).from("spectra", id, "id")];
    columns.extend(labels.iter().map(|label| {
        let unit = inputs["training"].column(label).map_or("", |c| c.unit.as_str());
        let meta = ColumnMeta::new(label, F64)
            .unit(unit)
            .about("inferred by the model that was trained without the fold");
        NewColumn::new(meta)
            .from("training", label, "label")
            .from("spectra", flux, "flux")
            .from("spectra", ivar, "weight")
    }));
    columns
}
