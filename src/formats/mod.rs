//! Bytes <-> tables: the file formats of the surveys and of what is published.
//!
//! Every reader takes bytes that were already read (gzip is recognized by its magic and
//! unpacked under a limit) and every writer gives bytes; no file is opened here. The
//! currency is [`arrow::record_batch::RecordBatch`]; what a column means travels in the
//! metadata of its field, under the keys of [`meaning`].
//!
//! | module | reads | writes |
//! |---|---|---|
//! | [`lamost`] | LAMOST low-resolution spectra, both layouts | |
//! | [`btsettl`] | BT-Settl model spectra, in all forms in which they are passed on | |
//! | [`fits_table`] | FITS binary tables | FITS binary tables |
//! | [`votable`] | VOTable: TABLEDATA, BINARY, BINARY2 | VOTable: BINARY2 |
//! | [`ecsv`] | enhanced CSV | |
//! | [`cds`] | fixed-width tables of CDS and the AAS journals | a table of CDS with its ReadMe |
//! | [`parsec`] | isochrones of PARSEC | |
//! | [`csv`] | CSV and its relatives (`;`, tab) | CSV |
//! | [`hdf5`] | the dust map of Bayestar | the same layout |
//! | [`parquet_out`] | | Parquet, for publishing |
//!
//! Nothing here knows of pipelines: which columns are wanted, and what is done about a
//! star whose file cannot be read, is the caller's choice.

pub mod beginning;
pub mod btsettl;
pub mod catalog;
pub mod cds;
mod columns;
pub mod compression;
pub mod csv;
pub mod ecsv;
pub mod fits_table;
pub mod format;
pub mod gzip;
pub mod hdf5;
pub mod lamost;
pub mod lines;
pub mod meaning;
pub mod parquet_out;
pub mod parsec;
pub mod votable;

pub use format::{Format, UnknownFormat};

#[cfg(test)]
mod cousins_tests;
