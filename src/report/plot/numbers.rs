//! Numbers as the figures' JSON twins hold them.

use serde_json::Value;

/// Rounded to seven significant digits, more than any figure shows; `null` where not finite.
pub fn rounded(value: f64) -> Value {
    let short: f64 = format!("{value:.6e}").parse().unwrap_or(f64::NAN);
    serde_json::Number::from_f64(short).map_or(Value::Null, Value::Number)
}

/// A list of numbers.
pub fn list(values: &[f64]) -> Value {
    values.iter().map(|&value| rounded(value)).collect()
}

/// The pairs that are finite in both.
pub fn finite(x: &[f64], y: &[f64]) -> Vec<(f64, f64)> {
    let pairs = x.iter().copied().zip(y.iter().copied());
    pairs.filter(|(x, y)| x.is_finite() && y.is_finite()).collect()
}

/// A number for readers: fixed decimals, a true minus sign, no negative zero; a dash for what is no number.
pub fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| c == '0' || c == '.') => rest.to_owned(),
        Some(rest) => format!("\u{2212}{rest}"),
        None => text,
    }
}

/// The same with a sign in front.
pub fn signed(value: f64, decimals: usize) -> String {
    let text = fixed(value, decimals);
    if text.starts_with('\u{2212}') { text } else { format!("+{text}") }
}

/// A count with its thousands set apart.
pub fn count(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
