//! The paper's stages: thin adapters between tables and science, one file a stage.
//!
//! A file opens with the paper section it serves, its ports and outputs, and where it differs
//! from the paper.

pub mod catalog;
pub mod columns;
pub mod compare;
pub mod cross_validate;
pub mod crossmatch;
pub mod cuts;
pub mod defaults;
pub mod derive;
pub mod grid;
pub mod model;
pub mod normalize;
pub mod predict;
pub mod read_spectra;
pub mod read_table;
pub mod stack;
pub mod tally;
pub mod template;
pub mod train;
pub mod training_set;

use crate::engine::pipeline::StageDef;

/// All kinds of work that a node can be.
pub static REGISTRY: &[StageDef] = &[
    read_spectra::STAGE,
    read_table::STAGE,
    crossmatch::STAGE,
    derive::STAGE,
    cuts::STAGE,
    tally::STAGE,
    stack::STAGE,
    grid::STAGE,
    normalize::STAGE,
    template::STAGE,
    compare::STAGE,
    training_set::STAGE,
    train::STAGE,
    cross_validate::STAGE,
    predict::STAGE,
    catalog::STAGE,
];
