//! What jobs of one process share of a model: its cells, and with them the spectra that fits start from.
//!
//! A cell is a pure function of the model and of its place, so that whoever makes it first makes it for all: shards of
//! a node, and nodes that use one model, differ in nothing but time. The models last used are kept, each with as much
//! as its options allow ([`CellOptions::memory_bytes`]).

use std::sync::{Arc, OnceLock};

use crate::engine::digest::Digest;
use crate::engine::recent::Recent;
use crate::engine::stage::StageError;
use crate::science::slam::{
    CellEvaluator, CellOptions, FitOptions, LabelFitter, SlamError, SlamModel,
};

/// Models that are kept: jobs of one node share one, and two nodes may run side by side.
const KEPT: usize = 2;

/// Cells, `None` where the model has none.
type Cells = Option<Arc<CellEvaluator>>;
type Slot = Arc<OnceLock<Result<Cells, SlamError>>>;

static PREPARED: Recent<Slot> = Recent::new(KEPT);

/// Prepares `model` for fits, with the cells that others have made of it.
///
/// # Errors
/// As [`LabelFitter::new`].
pub fn fitter(model: &SlamModel, options: FitOptions) -> Result<LabelFitter, StageError> {
    model.check()?;
    let Some(how) = options.cells() else { return Ok(LabelFitter::new(model, options)?) };
    let slot = PREPARED.get_or(digest(model, &how), 1, Slot::default);
    // Outside of the lock: whoever wants the same model waits for its first user only, others for nobody.
    let made = slot.get_or_init(|| Ok(CellEvaluator::new(model, how)?.map(Arc::new)));
    let cells = made.as_ref().map_err(|why| StageError::new(why.to_string()))?.clone();
    Ok(LabelFitter::with_cells(model, cells, options)?)
}

/// The digest of all that cells are made from.
fn digest(model: &SlamModel, how: &CellOptions) -> Digest {
    let mut hasher = blake3::Hasher::new();
    let mut bytes = Vec::new();
    let mut add = |values: &mut dyn Iterator<Item = f64>| {
        bytes.clear();
        bytes.extend(values.flat_map(f64::to_le_bytes));
        hasher.update(&bytes);
    };
    let shape = [model.n_pix(), model.n_label(), model.labels.nrows(), how.memory_bytes];
    add(&mut shape.into_iter().map(|n| n as f64));
    add(&mut [how.accuracy, how.half_width].into_iter());
    add(&mut model.scaled_labels().into_iter());
    add(&mut model.usable().into_iter().map(f64::from));
    add(&mut model.gamma.iter().copied());
    add(&mut model.bias.iter().copied());
    model.dual.outer_iter().for_each(|pixel| add(&mut pixel.iter().copied()));
    Digest::finish(&hasher)
}
