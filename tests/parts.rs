//! Parts that the pipelines of several themes have in common.

/// Node `labelled`: spectra with the labels that the literature has at their places.
pub const LABELLED: &str = r#"
[node.labelled]
stage = "crossmatch"
section = "§3.2"
in = { targets = "normalized.spectra", catalog = "literature" }
id = "obsid"
catalog_id = "row"
catalog_ra = "lit_ra_deg"
catalog_dec = "lit_dec_deg"
"#;

/// A claim of the rows of the catalog, which has 16.
pub fn rows_claim(id: &str) -> String {
    format!(
        r#"
[[claim]]
id = "{id}"
section = "§4.5"
about = "rows of the catalog"
paper = "16"
accept = [16, 16]
sample = "all"
statistic = "rows"
value = {{ node = "catalog", rows = true }}

"#
    )
}

/// A pipeline of a head, [`LABELLED`], and a tail.
pub fn labelled_between(head: &str, tail: &str) -> String {
    [head, LABELLED, tail].concat()
}
