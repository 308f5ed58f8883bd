//! Numbers as Fortran writes them, one after the other, with or without blanks between.

/// Takes the next number off a line.
///
/// A sign that does not follow an exponent letter begins the next number (`12345.678-8.123`).
/// Exponents are written `E`, `e`, `D` or `d`. `None` where no number begins, and for `NaN`,
/// `Infinity` and the asterisks of a field that is too narrow.
pub(super) fn next_number(line: &[u8]) -> Option<(f64, &[u8])> {
    let line = line.trim_ascii_start();
    let length = length_of_number(line);
    let mut copy = [0; LONGEST];
    let copy = copy.get_mut(..length)?;
    copy.copy_from_slice(&line[..length]);
    for byte in copy.iter_mut().filter(|byte| matches!(byte, b'D' | b'd')) {
        *byte = b'e';
    }
    let text = std::str::from_utf8(copy).ok()?;
    let value: f64 = text.parse().ok()?;
    Some((value, &line[length..]))
}

/// No number that a program writes is longer.
const LONGEST: usize = 64;

fn length_of_number(line: &[u8]) -> usize {
    let sign = |at: usize| usize::from(matches!(line.get(at), Some(b'+' | b'-')));
    let digits = |at: usize| line[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = sign(0);
    at += digits(at);
    if line.get(at) == Some(&b'.') {
        at += 1;
        at += digits(at);
    }
    if matches!(line.get(at), Some(b'E' | b'e' | b'D' | b'd')) {
        let exponent = at + 1 + sign(at + 1);
        let length = digits(exponent);
        if length > 0 {
            return exponent + length;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut line: &[u8]) -> Vec<f64> {
        let mut values = Vec::new();
        while let Some((value, rest)) = next_number(line) {
            values.push(value);
            line = rest;
        }
        values
    }

    #[test]
    fn touching_columns_and_exponents() {
        assert_eq!(all(b"12345.678-8.123  -9.5"), [12345.678, -8.123, -9.5]);
        assert_eq!(all(b" 1.2345D+04-8.1D+00 1.0E-1"), [12345.0, -8.1, 0.1]);
        assert_eq!(all(b"1d3+2e0-3E-1TiO"), [1000.0, 2.0, -0.3]);
        assert_eq!(all(b".5 5. -.25"), [0.5, 5.0, -0.25]);
    }

    #[test]
    fn what_is_no_number() {
        for line in [&b"NaN 1"[..], b"******", b"", b"   ", b"-", b"Infinity", b".", b"e5", b"--1"]
        {
            assert_eq!(next_number(line), None, "{}", line.escape_ascii());
        }
        assert_eq!(next_number(&[b'1'; 100]), None);
        assert_eq!(next_number(b"1e"), Some((1.0, &b"e"[..])));
        // A field cut short is a number still; the end of line is looked for elsewhere.
        assert_eq!(next_number(b"1e999"), Some((f64::INFINITY, &b""[..])));
    }
}
