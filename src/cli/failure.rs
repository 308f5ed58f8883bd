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
/// What is needed is in use elsewhere, and `--no-wait` was given.
pub const LOCKED: u8 = 9;

const REBUILD: &str = "run `mdwarf run` again: what is damaged was set aside and is rebuilt";

const TRY_LATER: &str = "try again later; `mdwarf run` without `--no-wait` waits for it";

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
            EngineError::Locked { .. } => LOCKED,
            EngineError::Unknown { .. } | EngineError::Pipeline { .. } => USAGE,
            _ => STAGE_FAILED,
        };
        let (message, hint) = match &error {
            EngineError::Unknown { what, name, hint } => (
                format!("there is no {what} `{name}`"),
                match hint {
                    Some(near) => Some(format!("did you mean `{near}`?")),
                    None => list_of(what).map(str::to_owned),
                },
            ),
            EngineError::Corrupt { .. } => (error.to_string(), Some(REBUILD.to_owned())),
            EngineError::Locked { .. } => (error.to_string(), Some(TRY_LATER.to_owned())),
            _ => {
                let text = error.to_string();
                let (message, hint) = split_hint(&text);
                (message.to_owned(), hint.map(str::to_owned))
            }
        };
        Failure { code, message, hint, spec: None }
    }
}

/// Library errors end in `; hint: what to do`; here the hint gets a line of its own.
pub fn split_hint(message: &str) -> (&str, Option<&str>) {
    match message.rsplit_once("; hint: ") {
        Some((message, hint)) => (message, Some(hint)),
        None => (message, None),
    }
}

/// The message of a failed node without what its place in a list says already.
pub fn without_node<'a>(message: &'a str, node: &str) -> &'a str {
    message.strip_prefix(&format!("node `{node}` failed: ")).unwrap_or(message)
}

/// The verb that lists all things of a kind.
fn list_of(what: &str) -> Option<&'static str> {
    match what {
        "node" | "node or column" => Some("`mdwarf dag` lists all nodes"),
        "column" | "output" | "output or column" => Some("`mdwarf show NODE` lists its outputs"),
        "run" => Some("`mdwarf runs` lists all runs"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_names_are_usage_errors_with_a_hint() {
        let failure = Failure::from(EngineError::unknown("node", "tran", ["train", "cuts"]));
        assert_eq!(failure.code, USAGE);
        assert_eq!(failure.message, "there is no node `tran`");
        assert_eq!(failure.hint.as_deref(), Some("did you mean `train`?"));
    }

    #[test]
    fn corruption_has_its_own_exit_code() {
        let failure = Failure::from(EngineError::corrupt("x".as_ref(), "short"));
        assert_eq!(failure.code, CORRUPT);
        assert!(failure.hint.is_some_and(|hint| hint.contains("mdwarf run")));
    }

    #[test]
    fn hints_and_names_are_taken_off_messages() {
        let (message, hint) = split_hint("node `a` failed: bad; worse; hint: do x");
        assert_eq!((message, hint), ("node `a` failed: bad; worse", Some("do x")));
        assert_eq!(without_node(message, "a"), "bad; worse");
        assert_eq!(without_node(message, "b"), message);
        assert_eq!(split_hint("bad"), ("bad", None));
    }
}
