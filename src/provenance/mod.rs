//! A run's history in the languages of others: plain data in, JSON out.
//!
//! | module | gives | checked by |
//! |---|---|---|
//! | [`prov_json`] | W3C PROV-JSON | the package `prov` |
//! | [`provdm`] | the IVOA Provenance Data Model, in the PROV-JSON of its reference implementation | the package `voprov` |
//! | [`openlineage`] | OpenLineage run events with the column-lineage facet | `openlineage-python` |
//! | [`ro_crate`] | RO-Crate with the Provenance Run Crate profile | `rocrate-validator` |
//!
//! `docs/provenance.md` has the commands. Nothing here knows of pipelines, stores or files.

pub mod history;
pub mod openlineage;
pub mod prov_json;
pub mod provdm;
pub mod ro_crate;
pub mod time;

pub use history::{Activity, Column, Dependence, File, History, Product, Source, Table};

#[cfg(test)]
mod tests;
