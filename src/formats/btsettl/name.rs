//! The node in the name of a PHOENIX file.
//!
//! `lte026-4.5-0.5a+0.2.BT-Settl.spec.7.gz`: Teff/100 K, *minus* log g, [M/H] with its sign, `a`
//! and [alpha/M] with its sign. Files of the CIFIST2011_2015 grid have Teff as `026.5`; the first
//! grids have no `a`. The archive's FORMAT note calls the last number [alpha/H]; that of a
//! metal-poor mixture is written `-2.5a+0.4`, which can only be [alpha/M].

use super::node::{NodeError, Partial};

/// Reads the labels of a node from a file's name, folders and whatever stands before `lte` aside.
///
/// `None` when the name has no `lte` with a number after it; errors when it has and goes on
/// otherwise than names of PHOENIX do.
pub(super) fn parameters_of_name(name: &str) -> Result<Option<Partial>, NodeError> {
    let base = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let begins = |rest: &&str| rest.starts_with(|c: char| c.is_ascii_digit());
    let Some(rest) = base.match_indices("lte").map(|(at, _)| &base[at + 3..]).find(begins) else {
        return Ok(None);
    };
    let fault = |problem| NodeError::Name { name: base.to_owned(), problem };
    let (hundreds, rest) = decimal(rest).ok_or_else(|| fault("Teff/100 is no number"))?;
    if hundreds >= 1000.0 {
        return Err(fault("Teff/100 has more than three digits: hundreds of K, or K?"));
    }
    let (minus_logg, rest) = signed(rest).ok_or_else(|| fault("no signed log g after Teff"))?;
    let (m_h, rest) = signed(rest).ok_or_else(|| fault("no signed [M/H] after log g"))?;
    let (alpha_m, rest) = match rest.strip_prefix('a') {
        Some(rest) => {
            let (value, rest) = signed(rest).ok_or_else(|| fault("no signed number after `a`"))?;
            (Some(value), rest)
        }
        None => (None, rest),
    };
    if !(rest.is_empty() || rest.starts_with(['.', '_', '-'])) {
        return Err(fault("text follows the labels without a dot"));
    }
    let (teff_k, logg) = (Some(hundreds * 100.0), Some(-minus_logg));
    Ok(Some(Partial { teff_k, logg, m_h: Some(m_h), alpha_m }))
}

/// An unsigned decimal number at the beginning, and what follows it.
fn decimal(text: &str) -> Option<(f64, &str)> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(text);
    let fraction = text[whole..].strip_prefix('.').map_or(0, digits);
    // The dot of `-0.BT-Settl` ends the number.
    let length = if fraction > 0 { whole + 1 + fraction } else { whole };
    let value = text[..length].parse().ok()?;
    Some((value, &text[length..]))
}

fn signed(text: &str) -> Option<(f64, &str)> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => return None,
    };
    let (value, rest) = decimal(rest)?;
    Some((sign * value, rest))
}
