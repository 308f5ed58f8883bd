//! What ends a verb early: a message, a way out, an exit code.

use crate::engine::error::EngineError;
use crate::engine::spec::{SourceMap, SpecErrors};

/// A stage failed, or the store or a source did.
pub const STAGE_FAILED: u8 = 1;
/// Wrong usage, or a wrong `pipeline.toml`.
pub const USAGE: u8 = 2;
/// `plan --check` found something stale.
pub const STALE: u8 = 3;
/// A claim was missed.
pub const CLAIM_MISSED: u8 = 4;
/// Corruption was found.
pub const CORRUPT: u8 = 5;

/// Why a verb ended early.
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Errors with places in texts, to be shown there.
    pub spec: Option<(SpecErrors, SourceMap)>,
}

impl Failure {
    /// Wrong usage.
    pub fn usage(message: impl Into<String>) -> Self {
        Failure { code: USAGE, message: message.into(), hint: None, spec: None }
    }

    /// A wrong specification.
    pub fn spec(errors: SpecErrors, map: SourceMap) -> Self {
        Failure { spec: Some((errors, map)), ..Self::usage("") }
    }

    /// Adds a way out.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let code = match &error {
            EngineError::Corrupt { .. } => CORRUPT,
            EngineError::Unknown { .. } | EngineError::Pipeline { .. } => USAGE,
            _ => STAGE_FAILED,
        };
        let hint = error
            .is_corruption()
            .then(|| "run `mdwarf run` again: what is damaged was set aside and is rebuilt".into());
        Failure { code, message: error.to_string(), hint, spec: None }
    }
}
