#![doc = include_str!("ARCHITECTURE.md")]

pub mod cli;
pub mod engine;
pub mod formats;
pub mod provenance;
pub mod report;
pub mod science;
pub mod simulation;
#[path = "../stages/mod.rs"]
pub mod stages;
