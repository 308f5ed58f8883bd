//! The paper's stages: thin adapters between tables and science, one file a stage.
//!
//! A file opens with the paper section it serves, its ports and outputs, and where it differs
//! from the paper.

pub mod best_spectrum;
pub mod calibrate;
pub mod catalog;
pub mod choices;
pub mod clusters;
pub mod columns;
pub mod compare;
pub mod cross_validate;
pub mod crossmatch;
pub mod cuts;
pub mod defaults;
pub mod degrade;
pub mod derive;
pub mod draw;
pub mod error_curve;
pub mod errors;
pub mod extinction;
pub mod figure;
mod figures;
pub mod grid;
pub mod grid_nodes;
pub mod grid_validate;
pub mod hrd;
pub mod inject;
pub mod join;
mod keys;
mod laws;
pub mod leakage;
pub mod members;
pub mod model;
pub mod model_card;
mod named;
pub mod native;
pub mod normalize;
pub mod off_fields;
pub mod paper_table;
pub mod predict;
mod prepared;
pub mod products;
pub mod read_grid;
pub mod read_spectra;
pub mod read_table;
pub mod repeats;
pub mod report;
pub mod sample;
pub mod score_faults;
pub mod score_labels;
pub mod score_selection;
pub mod sightlines;
pub mod simulate;
pub mod simulate_archive;
pub mod simulate_blind;
pub mod simulate_grid;
pub mod simulate_spectra;
pub mod simulate_truth;
mod simulated;
pub mod stack;
pub mod statistics;
mod support;
pub mod synthesize;
pub mod table_file;
pub mod tally;
pub mod template;
pub mod train;
pub mod training_set;
pub mod training_weights;
pub mod transfer;
mod truth;
pub mod wide_pairs;

use crate::engine::pipeline::StageDef;

/// All kinds of work that a node can be.
pub static REGISTRY: &[StageDef] = &[
    simulate::STAGE,
    simulate_spectra::STAGE,
    simulate_archive::STAGE,
    simulate_grid::STAGE,
    simulate_blind::STAGE,
    simulate_truth::STAGE,
    read_spectra::STAGE,
    read_table::STAGE,
    crossmatch::STAGE,
    join::STAGE,
    best_spectrum::STAGE,
    sample::STAGE,
    derive::STAGE,
    cuts::STAGE,
    tally::STAGE,
    table_file::STAGE,
    products::STAGE,
    model_card::STAGE,
    sightlines::STAGE,
    extinction::STAGE,
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
    score_labels::STAGE,
    score_selection::STAGE,
    score_faults::STAGE,
    statistics::STAGE,
    members::STAGE,
    off_fields::STAGE,
    leakage::STAGE,
    wide_pairs::STAGE,
    repeats::STAGE,
    clusters::STAGE,
    hrd::STAGE,
    inject::STAGE,
    error_curve::STAGE,
    figure::STAGE,
    paper_table::STAGE,
    report::STAGE,
];
