//! What the validations of §5 ask of stars: clusters, pairs, repeats, isochrones, and how errors follow from spectra.
//!
//! | file | subject |
//! |---|---|
//! | `fields` | a cluster's field and others at its latitude |

pub mod fields;
