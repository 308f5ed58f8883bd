//! Columns under other names: `"name"`, or `["name here", "name there"]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::engine::stage::{Carried, StageError, TableSchema};

/// A column of an input and its name in the output.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a column is \"name\" or [\"name here\", \"name there\"]; `?` after a name leaves the column out where there is none, and `{scale}` in a name stands for the scale of the label"
)]
pub enum Named {
    /// The same name.
    Same(String),
    /// Name here, name there.
    Renamed(String, String),
}

impl Named {
    /// Name in the output as written, name in the input, and whether it may be missing.
    fn parts(&self) -> (&str, &str, bool) {
        let (here, there) = match self {
            Named::Same(name) => (name.as_str(), name.as_str()),
            Named::Renamed(here, there) => (here.as_str(), there.as_str()),
        };
        match there.strip_suffix('?') {
            Some(bare) => (here.strip_suffix('?').unwrap_or(here), bare, true),
            None => (here, there, false),
        }
    }

    /// Name in the output, where it does not depend on the input.
    pub fn here(&self) -> &str {
        self.parts().0
    }

    /// Name in the input.
    pub fn there(&self) -> &str {
        self.parts().1
    }

    /// The column as `port` hands it through; `None` where it is optional and missing.
    ///
    /// # Errors
    /// A column that is missing, or a `{scale}` of a column that has none.
    pub fn carried(&self, port: &str, schema: &TableSchema) -> Result<Option<Carried>, StageError> {
        let (here, there, optional) = self.parts();
        let Some(meta) = schema.column(there) else {
            if optional {
                return Ok(None);
            }
            let names: Vec<&str> = schema.columns.iter().map(|c| c.name.as_str()).collect();
            let what = format!(
                "there is no column `{there}`; there are {}; `{there}?` would leave it out",
                names.join(", ")
            );
            return Err(StageError::new(what));
        };
        if here.contains(SCALE) && meta.scale.is_empty() {
            return Err(StageError::new(format!(
                "`{here}` asks for the scale of `{there}`, which has none; give `scale` where the \
                 column is read, or name it without {SCALE}"
            )));
        }
        let name = here.replace(SCALE, &meta.scale);
        Ok(Some(Carried { name, port: port.into(), column: there.into() }))
    }
}

/// What stands for the scale of a label in a name.
const SCALE: &str = "{scale}";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::types::{ColumnMeta, F64};

    fn schema() -> TableSchema {
        let teff = ColumnMeta::new("ap_Teff", F64).scale("AP");
        TableSchema { columns: vec![teff, ColumnMeta::new("snri", F64)], row_id: None }
    }

    fn name_of(named: &Named) -> Option<String> {
        named.carried("rows", &schema()).unwrap().map(|c| c.name)
    }

    #[test]
    fn names_follow_the_scale() {
        let teff = Named::Renamed("TEFF_{scale}".into(), "ap_Teff".into());
        assert_eq!(name_of(&teff).as_deref(), Some("TEFF_AP"));
        assert_eq!(name_of(&Named::Same("snri".into())).as_deref(), Some("snri"));
        let bare = Named::Renamed("SNR_{scale}".into(), "snri".into());
        let why = bare.carried("rows", &schema()).unwrap_err().to_string();
        assert!(why.contains("`snri`, which has none"), "{why}");
    }

    #[test]
    fn only_optional_columns_may_be_missing() {
        let logg = Named::Renamed("LOGG_{scale}".into(), "ap_logg?".into());
        assert_eq!(name_of(&logg), None);
        assert_eq!(name_of(&Named::Same("ap_logg?".into())), None);
        let why = Named::Same("ap_logg".into()).carried("rows", &schema()).unwrap_err().to_string();
        assert!(why.contains("there are ap_Teff, snri"), "{why}");
    }
}
