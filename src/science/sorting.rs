//! Sorting of plain numbers.
//!
//! The standard library never inlines its sorts, and those of plain types are taken from whichever dependency was
//! compiled with one: in the development profile, from code that is not optimized and checks itself. Comparisons that
//! are closures of this crate have them compiled with it.

/// Ascending, NaN last.
pub fn sort_numbers(values: &mut [f64]) {
    values.sort_unstable_by(|a, b| a.total_cmp(b));
}

/// Ascending.
pub fn sort_indices<T: Ord + Copy>(values: &mut [T]) {
    values.sort_unstable_by_key(|&value| value);
}

/// The value at the middle place (the later of two) in ascending order; reorders. `None` of none.
pub fn upper_median(values: &mut [f64]) -> Option<f64> {
    let middle = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    Some(*values.select_nth_unstable_by(middle, |a, b| a.total_cmp(b)).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ascend_and_nan_is_last() {
        let mut values = [2.0, f64::NAN, -1.0, 0.0];
        sort_numbers(&mut values);
        assert_eq!(values[..3], [-1.0, 0.0, 2.0]);
        assert!(values[3].is_nan());
        let mut rows = [3u32, 1, 2];
        sort_indices(&mut rows);
        assert_eq!(rows, [1, 2, 3]);
    }

    #[test]
    fn of_two_middle_values_the_later_is_taken() {
        assert_eq!(upper_median(&mut [4.0, 1.0, 3.0, 2.0]), Some(3.0));
        assert_eq!(upper_median(&mut []), None);
    }
}
