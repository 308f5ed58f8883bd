//! One integration-test binary; each module is a theme.
//!
//! - `stories`: edit → run → what ran, what was reused
//! - `bad_input`: every wrong input is a named reject or a clear error
//! - `archive`: dust and archives through the program
//! - `crash`: killed at random points, or asked to stop
//! - `dags`: random graphs, edits, faults and resumes against an oracle
//! - `faults`: damage and odd values never become silent wrongs
//! - `faults_files`: odd files, names and clocks, moved projects, full disks
//! - `fuzz`: mutants of what comes from outside and of what the store holds
//! - `hostile`: inputs made to exhaust time or memory
//! - `locked`: lock files, runs of the past, how a project begins, help
//! - `memory`: how many jobs are done at once
//! - `nearby`: the real sample (needs `../shared/data`; says so and skips where it is absent)
//! - `provenance`: lineage is sound and tight; what tells where a column and a star come from
//! - `sources`: mirrors, downloads, wrong bytes
//! - `products`: what is published, and what a change of it reruns
//! - `revisions`: outputs move only with the revision of their stage
//! - `sweeps`: `gc` takes what no run that counts relies on, and nothing else
//! - `together`: runs at once share work, wait, and end in the clean result
//! - `words`: what people see, as snapshots
//! - `architecture`: who may use whom, read off the `use` lines

mod architecture;
mod archive;
mod bad_input;
mod crash;
mod dags;
mod faults;
mod faults_files;
mod fuzz;
mod hostile;
mod locked;
mod memory;
mod nearby;
mod products;
mod project;
mod provenance;
mod revisions;
mod sources;
mod spectra;
mod stories;
mod sweeps;
mod tally;
mod together;
mod words;
