//! The paper's stages: thin adapters between tables and science, one file a stage.
//!
//! A file opens with the paper section it serves, its ports and outputs, and where it differs
//! from the paper.

pub mod calibrate;
pub mod catalog;
pub mod choices;
pub mod columns;
pub mod compare;
pub mod cross_validate;
pub mod crossmatch;
pub mod cuts;
pub mod defaults;
pub mod degrade;
pub mod derive;
pub mod draw;
pub mod errors;
pub mod grid;
pub mod grid_nodes;
pub mod grid_validate;
mod laws;
pub mod model;
mod named;
pub mod native;
pub mod normalize;
pub mod predict;
pub mod read_grid;
pub mod read_spectra;
pub mod read_table;
pub mod stack;
mod support;
pub mod synthesize;
pub mod tally;
pub mod template;
pub mod train;
pub mod training_set;
pub mod transfer;

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
    read_grid::STAGE,
    degrade::STAGE,
    grid_nodes::STAGE,
    compare::STAGE,
    training_set::STAGE,
    train::STAGE,
    draw::STAGE,
    synthesize::STAGE,
    native::STAGE,
    calibrate::STAGE,
    errors::STAGE,
    transfer::STAGE,
    grid_validate::STAGE,
    cross_validate::STAGE,
    predict::STAGE,
    catalog::STAGE,
];
