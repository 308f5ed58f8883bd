//! "Did you mean": the nearest of the known names.

/// Returns the hint for an unknown `name`: the nearest known name, or else the first few there are.
pub(super) fn hint<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<String> {
    if let Some(near) = nearest(name, known.clone()) {
        return Some(format!("did you mean `{near}`?"));
    }
    const SHOWN: usize = 12;
    let mut names: Vec<&str> = known.collect();
    names.sort_unstable();
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    let ending = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!names.is_empty()).then(|| format!("there are `{}`{ending}", names.join("`, `")))
}

/// Returns the known name within a third of the name's length in edits, case ignored; ties go to the alphabet.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let allowed = (name.chars().count() / 3).clamp(1, 4);
    known
        .map(|candidate| (n_edits(&name, &candidate.to_lowercase()), candidate))
        .filter(|&(edits, _)| edits <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Counts the edits between two names: insertion, deletion, substitution, or a swap of neighbours.
fn n_edits(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().take(64).collect();
    let right: Vec<char> = right.chars().take(64).collect();
    let mut before = vec![0; right.len() + 1];
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for i in 1..=left.len() {
        let mut row = vec![i; right.len() + 1];
        for j in 1..=right.len() {
            let differs = usize::from(left[i - 1] != right[j - 1]);
            row[j] = (above[j - 1] + differs).min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_count_swaps_once_and_are_symmetric() {
        for (left, right, edits) in
            [("", "", 0), ("abc", "", 3), ("parallax", "paralax", 1), ("snri", "snir", 1)]
        {
            assert_eq!(n_edits(left, right), edits, "{left} {right}");
            assert_eq!(n_edits(right, left), edits, "{right} {left}");
        }
    }

    #[test]
    fn hint_names_the_nearest_or_lists_what_there_is() {
        let known = ["ruwe", "snri", "parallax"];
        assert_eq!(hint("RUVE", known.into_iter()).as_deref(), Some("did you mean `ruwe`?"));
        assert_eq!(
            hint("teff", known.into_iter()).as_deref(),
            Some("there are `parallax`, `ruwe`, `snri`")
        );
        assert_eq!(hint("teff", [].into_iter()), None);
    }
}
