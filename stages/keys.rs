//! Keys that rows of two tables are matched by: integers and texts, compared as texts without blanks around them.

use super::columns::texts;
use crate::engine::stage::{Job, StageError};

/// The key of every row; null and blank texts are none.
///
/// # Errors
/// A column that was not declared as read.
pub fn keys(job: &Job, port: &str, column: &str) -> Result<Vec<Option<String>>, StageError> {
    Ok(texts(job, port, column)?.into_iter().map(key).collect())
}

/// FITS pads texts with blanks or NULs.
fn key(text: Option<String>) -> Option<String> {
    let text = text?;
    let bare = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    match bare.len() {
        0 => None,
        length if length == text.len() => Some(text),
        _ => Some(bare.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_does_not_tell_keys_apart() {
        let of = |text: &str| key(Some(text.to_owned()));
        assert_eq!(of("2M00012694+1639052  "), of("2M00012694+1639052\0"));
        assert_eq!((of("  "), key(None)), (None, None));
        assert_eq!(of("NGC 752").as_deref(), Some("NGC 752"));
    }
}
