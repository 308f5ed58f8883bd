//! The lexer: text to tokens with byte spans.

use super::error::{ExpressionError, Span};

/// One token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Integer(i64),
    Float(f64),
    Text(String),
    /// A bare name: a column, or a function when a parenthesis follows.
    Name(String),
    /// A name in back quotes: always a column.
    Quoted(String),
    /// A keyword, operator or bracket.
    Symbol(&'static str),
    End,
}

/// Names that cannot be bare columns.
pub(super) const KEYWORDS: [&str; 3] = ["and", "or", "not"];

/// Longer symbols first, so that `<=` is not read as `<`.
const SYMBOLS: [&str; 16] =
    ["<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "^", "(", ")", "[", "]", ","];

impl Token {
    /// Describes the token for an error.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Integer(value) => format!("the number {value}"),
            Self::Float(value) => format!("the number {value:?}"),
            Self::Text(value) => format!("the text '{value}'"),
            Self::Name(name) | Self::Quoted(name) => format!("the name `{name}`"),
            Self::Symbol(symbol) => format!("`{symbol}`"),
            Self::End => "the end".to_owned(),
        }
    }
}

/// Splits a text into tokens; the last is [`Token::End`] with an empty span.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, Span)>, ExpressionError> {
    let mut found = Vec::new();
    let mut at = 0;
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        let Some(first) = text[at..].chars().next() else {
            found.push((Token::End, at..at));
            return Ok(found);
        };
        let (token, length) = match first {
            '0'..='9' | '.' => number(text, at)?,
            'A'..='Z' | 'a'..='z' | '_' => name(&text[at..]),
            '\'' | '"' | '`' => quoted(text, at, first)?,
            _ => symbol(text, at, first)?,
        };
        found.push((token, at..at + length));
        at += length;
    }
}

/// Whether a name needs no back quotes.
pub(super) fn is_bare_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && chars.all(is_name_char)
        && !KEYWORDS.contains(&name)
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn name(rest: &str) -> (Token, usize) {
    let length = rest.find(|c| !is_name_char(c)).unwrap_or(rest.len());
    let name = &rest[..length];
    let token = match KEYWORDS.iter().find(|&&keyword| keyword == name) {
        Some(keyword) => Token::Symbol(keyword),
        None => Token::Name(name.to_owned()),
    };
    (token, length)
}

fn number(text: &str, at: usize) -> Result<(Token, usize), ExpressionError> {
    let rest = &text[at..];
    let whole = n_digits(rest);
    let mut length = whole;
    if rest[length..].starts_with('.') {
        length += 1 + n_digits(&rest[length + 1..]);
    }
    if rest[length..].starts_with(['e', 'E']) {
        let sign = usize::from(rest[length + 1..].starts_with(['+', '-']));
        length += 1 + sign + n_digits(&rest[length + 1 + sign..]);
    }
    let written = &rest[..length];
    let trailing = rest[length..].starts_with(|c| is_name_char(c) || c == '.');
    let token = if length == whole {
        written.parse().ok().map(Token::Integer)
    } else {
        written.parse().ok().filter(|value: &f64| value.is_finite()).map(Token::Float)
    };
    match token {
        Some(token) if !trailing => Ok((token, length)),
        _ => Err(bad_number(rest, at, length)),
    }
}

fn n_digits(rest: &str) -> usize {
    rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len()
}

fn bad_number(rest: &str, at: usize, length: usize) -> ExpressionError {
    let more = rest[length..].find(|c| !is_name_char(c) && c != '.').unwrap_or(rest.len() - length);
    let written = &rest[..length + more];
    let hint = if written.bytes().all(|byte| byte.is_ascii_digit()) {
        "integers have 64 bits; write a larger number with an exponent, such as 1e20"
    } else if written.starts_with(|c: char| c.is_ascii_digit()) && more > 0 {
        "a column whose name begins with a digit or has a dot in it is written in back quotes"
    } else {
        "numbers are written 1, 1.5 or 1e-3 and lie within the range of a 64-bit float"
    };
    syntax(at..at + length + more, "a number", &format!("`{written}`"), Some(hint))
}

/// Reads a text or a quoted name; a doubled quote stands for the quote itself.
fn quoted(text: &str, at: usize, quote: char) -> Result<(Token, usize), ExpressionError> {
    let mut value = String::new();
    let mut chars = text[at + 1..].char_indices().peekable();
    while let Some((offset, c)) = chars.next() {
        if c != quote {
            value.push(c);
        } else if chars.next_if(|&(_, next)| next == quote).is_some() {
            value.push(quote);
        } else if quote == '`' && value.is_empty() {
            break;
        } else {
            let token = if quote == '`' { Token::Quoted(value) } else { Token::Text(value) };
            return Ok((token, offset + 2));
        }
    }
    let expected = format!("a name or text closed by {quote}");
    if value.is_empty() && quote == '`' {
        return Err(syntax(at..at + 1, "a column name in back quotes", "an empty name", None));
    }
    Err(syntax(at..text.len(), &expected, "the end", None))
}

fn symbol(text: &str, at: usize, first: char) -> Result<(Token, usize), ExpressionError> {
    let rest = &text[at..];
    if let Some(symbol) = SYMBOLS.iter().find(|&&symbol| rest.starts_with(symbol)) {
        return Ok((Token::Symbol(symbol), symbol.len()));
    }
    let hint = match first {
        '=' => Some("equality is written `==`"),
        '&' => Some("write `and`"),
        '|' => Some("write `or`"),
        '!' | '~' => Some("write `not`"),
        _ => Some("a column with other characters in its name is written in back quotes"),
    };
    let span = at..at + first.len_utf8();
    Err(syntax(span, "an operator or a value", &format!("`{first}`"), hint))
}

/// Makes a syntax error.
pub(super) fn syntax(
    span: Span,
    expected: &str,
    found: &str,
    hint: Option<&str>,
) -> ExpressionError {
    ExpressionError::Syntax {
        span,
        expected: expected.to_owned(),
        found: found.to_owned(),
        hint: hint.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Token> {
        tokens(text).unwrap().into_iter().map(|(token, _)| token).collect()
    }

    #[test]
    fn numbers_are_integers_unless_they_have_a_point_or_an_exponent() {
        use Token::{End, Float, Integer};
        assert_eq!(
            kinds("1 1. .5 1e-3 9223372036854775807"),
            [Integer(1), Float(1.0), Float(0.5), Float(1e-3), Integer(i64::MAX), End]
        );
        for bad in ["9223372036854775808", "1e", "1e999", ".", "1.2.3", "2MASS", "1e5x"] {
            assert!(tokens(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn quotes_are_doubled_inside_and_spans_are_bytes() {
        let found = tokens("'it''s' \"é\" `[Fe/H]` <=").unwrap();
        assert_eq!(found[0], (Token::Text("it's".into()), 0..7));
        assert_eq!(found[1], (Token::Text("é".into()), 8..12));
        assert_eq!(found[2], (Token::Quoted("[Fe/H]".into()), 13..21));
        assert_eq!(found[3], (Token::Symbol("<="), 22..24));
        for bad in ["'open", "`open", "``", "\"it\"\"", "é > 1", "a = 1", "a & b"] {
            assert!(tokens(bad).is_err(), "{bad}");
        }
    }
}
