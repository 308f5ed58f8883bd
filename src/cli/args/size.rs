//! Sizes as people write them.

/// A size in bytes from `6G`, `512M`, `1.5T`: powers of 1024.
pub fn size_bytes(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text[digits.len()..].to_ascii_uppercase();
    let power = match unit.trim_end_matches('B').trim_end_matches('I') {
        "" => 0,
        "K" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        _ => return Err(format!("`{unit}` is no unit of size; use K, M, G or T, as in 6G")),
    };
    let number: f64 = digits
        .trim()
        .parse()
        .map_err(|_| format!("`{digits}` is no number; give a size such as 6G or 512M"))?;
    let bytes = number * 1024f64.powi(power);
    if !(1.0..=9e18).contains(&bytes) {
        return Err("give a size of at least one byte, such as 6G".into());
    }
    Ok(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::size_bytes;

    #[test]
    fn sizes_are_powers_of_1024() {
        assert_eq!(size_bytes("6G"), Ok(6 << 30));
        assert_eq!(size_bytes("512m"), Ok(512 << 20));
        assert_eq!(size_bytes("1.5 KiB"), Ok(1536));
        assert_eq!(size_bytes("7"), Ok(7));
        for bad in ["", "G", "-1G", "6X", "nan", "1e30"] {
            assert!(size_bytes(bad).is_err(), "{bad}");
        }
    }
}
