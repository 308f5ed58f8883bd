//! The small lexical rules: names, ports, file names, digests, addresses.

use super::PortRef;
use super::error::SpecError;
use super::source_map::Span;
use super::value::Spanned;

/// Whether a word can name a node, a dataset or a port: `[a-z][a-z0-9_]*`.
pub(super) fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Refuses a name of something (`node`, `dataset`, `port`) that is not one.
pub(super) fn check_name(what: &str, word: &str, span: &Span) -> Result<(), SpecError> {
    if is_name(word) {
        return Ok(());
    }
    let message = format!("`{word}` cannot name a {what}");
    Err(SpecError::new("spec.name", message, span.clone(), "not a name")
        .help("names are lower-case letters, digits and `_`, and begin with a letter"))
}

impl PortRef {
    /// Parses `node` or `node.port`.
    pub(super) fn parse(text: &Spanned<String>) -> Result<Self, SpecError> {
        let (node, port) = match text.value.split_once('.') {
            Some((node, port)) => (node, Some(port)),
            None => (text.as_str(), None),
        };
        if !is_name(node) || !port.is_none_or(is_name) {
            let message = format!("`{}` is neither `node` nor `node.port`", text.value);
            let error = SpecError::new("spec.reference", message, text.span.clone(), "here");
            return Err(error.help("write `matched`, or `matched.stars` for a named output"));
        }
        Ok(Self { node: node.to_owned(), port: port.map(str::to_owned), span: text.span.clone() })
    }
}

/// Why a path may not be used as a file's place below a directory; `None` when it may.
///
/// Such a path has plain parts separated by `/`: nothing absolute, hidden, empty or climbing.
pub(super) fn path_fault(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        return Some("it is empty");
    }
    if path.starts_with('/') {
        return Some("it is absolute");
    }
    if path.contains(['\\', ':']) {
        return Some("`\\` and `:` are not portable");
    }
    if path.contains(char::is_control) {
        return Some("it has a control character");
    }
    path.split('/').find_map(|part| match part {
        "" => Some("it has an empty part"),
        "." | ".." => Some("`.` and `..` would leave its directory"),
        hidden if hidden.starts_with('.') => Some("a part of it is hidden"),
        _ => None,
    })
}

/// Refuses a path that [`path_fault`] objects to.
pub(super) fn check_path(what: &str, path: &str, span: &Span) -> Result<(), SpecError> {
    match path_fault(path) {
        None => Ok(()),
        Some(why) => {
            let message = format!("`{}` cannot be {what}: {why}", path.escape_debug());
            Err(SpecError::new("spec.path", message, span.clone(), "not a plain path")
                .help("use a relative path with `/` between plain names"))
        }
    }
}

/// Refuses what is not a BLAKE3 digest: 64 lower-case hexadecimal digits.
pub(super) fn check_digest(digest: &str, span: &Span) -> Result<(), SpecError> {
    let plain = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if digest.len() == 64 && digest.bytes().all(plain) {
        return Ok(());
    }
    let message = "a BLAKE3 digest has 64 lower-case hexadecimal digits";
    Err(SpecError::new("spec.digest", message, span.clone(), "not a digest")
        .help("`b3sum FILE` prints it"))
}

/// Refuses what is not an address to download from.
pub(super) fn check_url(url: &str, span: &Span) -> Result<(), SpecError> {
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let plain = |c: char| !c.is_whitespace() && !c.is_control();
    match host {
        Some(host) if !host.is_empty() && !host.starts_with('/') && url.chars().all(plain) => {
            Ok(())
        }
        _ => {
            let message = format!("`{}` is no web address", url.escape_debug());
            Err(SpecError::new("spec.url", message, span.clone(), "here")
                .help("it begins with `https://` and has no spaces"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_words() {
        for good in ["a", "slam_ap", "x2"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "A", "2x", "_x", "a-b", "a.b", "é", "aé", "a b"] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn port_references_have_one_or_two_names() {
        let parse = |text: &str| PortRef::parse(&Spanned::new(text.to_owned(), 3..9));
        let port = parse("matched.stars").unwrap();
        assert_eq!(
            (port.node.as_str(), port.port.as_deref(), port.span),
            ("matched", Some("stars"), 3..9)
        );
        assert_eq!(parse("gaia").unwrap().port, None);
        for bad in ["", ".", "a.", ".b", "a.b.c", "A.b", "a b"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn paths_stay_below_their_directory() {
        for good in ["a.parquet", "figures/fig 1.png", "a/b/c..d"] {
            assert_eq!(path_fault(good), None, "{good}");
        }
        for bad in [
            "", "/a", "../a", "a/../b", "a//b", "a/", "./a", ".a", "a/.b", "a\\b", "c:/a", "a\0b",
            "a\nb",
        ] {
            assert!(path_fault(bad).is_some(), "{bad:?}");
        }
    }

    #[test]
    fn digests_and_addresses_are_checked() {
        assert!(check_digest(&"0a".repeat(32), &(0..1)).is_ok());
        for bad in ["", "0a", &"0A".repeat(32), &"0g".repeat(32), &"é".repeat(32)] {
            assert!(check_digest(bad, &(0..1)).is_err(), "{bad}");
        }
        assert!(check_url("https://example.org/a?b", &(0..1)).is_ok());
        for bad in ["", "https://", "https:///x", "ftp://x", "file:///x", "https://a b", "x"] {
            assert!(check_url(bad, &(0..1)).is_err(), "{bad}");
        }
    }
}
