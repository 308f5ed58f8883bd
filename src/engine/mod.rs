//! The engine: a declared graph of nodes, keys of content, a store, plans, runs, lineage.
//!
//! It knows nothing of stars. In the order of the data:
//! [`spec`] (as written) → [`pipeline`] (sound) → [`plan`] → [`run`] → [`record`]s and
//! [`artifact`]s → [`lineage`] and [`trace`].

pub mod artifact;
pub mod bind;
pub mod build;
pub mod bundle;
pub mod cells;
pub mod claims;
mod commit;
pub mod cost;
pub mod diff;
pub mod digest;
mod download;
pub mod error;
pub mod evaluate;
pub mod events;
pub mod expression;
pub mod files;
#[doc(hidden)]
pub mod files_trial;
mod gathers;
pub mod gc;
pub mod key;
pub mod ledger;
pub mod lineage;
mod lineage_facts;
mod lineage_graph;
pub mod lockfile;
pub mod locks;
mod made_files;
pub mod measured;
mod memory;
mod object_range;
mod output;
pub mod params;
mod part_digests;
pub mod pipeline;
pub mod plan;
mod port;
pub(crate) mod recent;
pub mod record;
pub mod run;
mod schedule;
pub mod source;
mod source_files;
pub mod spec;
pub mod stage;
pub mod store;
mod table_file;
pub mod trace;
mod trace_pages;
mod trace_rows;
pub mod types;
mod ustar;
pub mod verify;
mod wiring;
mod work;
