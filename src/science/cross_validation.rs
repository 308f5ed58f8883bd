//! Folds of stars, and the gathering of out-of-fold results.
//!
//! Folds are by star: spectra of one star never stand on both sides, else the held-out scatter is too small
//! (Li et al. 2021, §4.1, ten folds).

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};

/// Why folds could not be made or gathered.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum FoldError {
    /// Fewer stars than folds, or fewer than two folds.
    #[error("{n_star} stars cannot make {n_folds} folds; ask for 2 to {n_star} folds or add stars")]
    TooFewStars {
        /// Distinct stars.
        n_star: usize,
        /// Folds asked for.
        n_folds: usize,
    },
    /// A fold's results do not match its held-out rows.
    #[error(
        "fold {fold} returned {found} results for {expected} held-out rows; return one per row, in row order"
    )]
    Results {
        /// Fold number.
        fold: usize,
        /// Results returned.
        found: usize,
        /// Held-out rows.
        expected: usize,
    },
}

/// A partition of rows into folds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folds {
    fold_of_row: Vec<usize>,
    n_folds: usize,
}

impl Folds {
    /// Deals stars to `n_folds` folds of nearly equal row counts.
    ///
    /// `star_ids`, `(n_row,)`: one id per row; equal ids stay together. The assignment depends on the set of ids and
    /// `seed`, not on the order of rows. Stars with most rows are dealt first, each to the emptiest fold.
    ///
    /// # Errors
    /// [`FoldError::TooFewStars`].
    pub fn by_star<I: Ord>(star_ids: &[I], n_folds: usize, seed: u64) -> Result<Self, FoldError> {
        let mut rows_of: BTreeMap<&I, Vec<usize>> = BTreeMap::new();
        for (row, id) in star_ids.iter().enumerate() {
            rows_of.entry(id).or_default().push(row);
        }
        let n_star = rows_of.len();
        if n_folds < 2 || n_star < n_folds {
            return Err(FoldError::TooFewStars { n_star, n_folds });
        }
        let mut stars: Vec<Vec<usize>> = rows_of.into_values().collect();
        shuffle(&mut stars, seed);
        stars.sort_by_key(|rows| std::cmp::Reverse(rows.len()));
        let mut fold_of_row = vec![0; star_ids.len()];
        let mut n_rows = vec![0usize; n_folds];
        for rows in stars {
            let emptiest = (0..n_folds).min_by_key(|&f| n_rows[f]).unwrap_or(0);
            n_rows[emptiest] += rows.len();
            rows.iter().for_each(|&row| fold_of_row[row] = emptiest);
        }
        Ok(Self { fold_of_row, n_folds })
    }

    /// Cuts `n_row` rows into `n_folds` consecutive runs, as the released code's cross-validation does.
    ///
    /// # Errors
    /// [`FoldError::TooFewStars`].
    pub fn consecutive(n_row: usize, n_folds: usize) -> Result<Self, FoldError> {
        if n_folds < 2 || n_row < n_folds {
            return Err(FoldError::TooFewStars { n_star: n_row, n_folds });
        }
        let (size, longer) = (n_row / n_folds, n_row % n_folds);
        let lengths = (0..n_folds).map(|f| size + usize::from(f < longer));
        let fold_of_row =
            lengths.enumerate().flat_map(|(f, n)| std::iter::repeat_n(f, n)).collect();
        Ok(Self { fold_of_row, n_folds })
    }

    /// Number of folds.
    pub fn n_folds(&self) -> usize {
        self.n_folds
    }

    /// Fold of each row, `(n_row,)`.
    pub fn fold_of_row(&self) -> &[usize] {
        &self.fold_of_row
    }

    /// Rows that `fold` holds out, ascending.
    pub fn held_out_rows(&self, fold: usize) -> Vec<usize> {
        (0..self.fold_of_row.len()).filter(|&row| self.fold_of_row[row] == fold).collect()
    }

    /// Rows that `fold` trains on, ascending.
    pub fn training_rows(&self, fold: usize) -> Vec<usize> {
        (0..self.fold_of_row.len()).filter(|&row| self.fold_of_row[row] != fold).collect()
    }

    /// Puts out-of-fold results back into row order, `(n_row,)`.
    ///
    /// `per_fold[f][i]` belongs to the i-th of [`Self::held_out_rows`]`(f)`.
    ///
    /// # Errors
    /// [`FoldError::Results`] where a fold has too few, too many or none.
    pub fn gather<T>(&self, per_fold: Vec<Vec<T>>) -> Result<Vec<T>, FoldError> {
        let mut expected = vec![0; self.n_folds];
        self.fold_of_row.iter().for_each(|&fold| expected[fold] += 1);
        let found = |fold: usize| per_fold.get(fold).map_or(0, Vec::len);
        let n_lists = self.n_folds.max(per_fold.len());
        for fold in 0..n_lists {
            let expected = expected.get(fold).copied().unwrap_or(0);
            if found(fold) != expected {
                return Err(FoldError::Results { fold, found: found(fold), expected });
            }
        }
        let mut queues: Vec<_> = per_fold.into_iter().map(Vec::into_iter).collect();
        Ok(self.fold_of_row.iter().filter_map(|&fold| queues[fold].next()).collect())
    }
}

/// Fisher-Yates with a seeded generator.
fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for i in (1..items.len()).rev() {
        items.swap(i, random_below(&mut rng, i + 1));
    }
}

/// Draws uniformly from `0..n`; the multiply-shift bias is below n / 2^64.
pub(crate) fn random_below(rng: &mut impl RngCore, n: usize) -> usize {
    ((u128::from(rng.next_u64()) * n as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spectra_of_a_star_stay_together_and_folds_are_balanced() {
        let ids: Vec<u64> = (0..1000u64).map(|i| (i * 7919) % 613).collect();
        let folds = Folds::by_star(&ids, 10, 42).unwrap();
        for a in 0..ids.len() {
            for b in 0..a {
                if ids[a] == ids[b] {
                    assert_eq!(folds.fold_of_row()[a], folds.fold_of_row()[b]);
                }
            }
        }
        let sizes: Vec<usize> = (0..10).map(|f| folds.held_out_rows(f).len()).collect();
        assert!(sizes.iter().all(|&n| (98..=102).contains(&n)), "{sizes:?}");
    }

    #[test]
    fn folds_follow_the_star_not_the_row_order() {
        let ids: Vec<String> = (0..60).map(|i| format!("2M{:03}", i % 37)).collect();
        let forward = Folds::by_star(&ids, 5, 1).unwrap();
        let reversed: Vec<String> = ids.iter().rev().cloned().collect();
        let backward = Folds::by_star(&reversed, 5, 1).unwrap();
        assert!((0..60).all(|i| forward.fold_of_row()[i] == backward.fold_of_row()[59 - i]));
        assert_ne!(forward, Folds::by_star(&ids, 5, 2).unwrap());
    }

    #[test]
    fn consecutive_folds_give_the_remainder_to_the_first() {
        let folds = Folds::consecutive(11, 3).unwrap();
        assert_eq!(folds.fold_of_row(), [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2]);
        assert_eq!(folds.training_rows(0), [4, 5, 6, 7, 8, 9, 10]);
    }

    #[test]
    fn gathering_restores_row_order() {
        let folds = Folds::by_star(&(0..23).collect::<Vec<u32>>(), 4, 9).unwrap();
        let per_fold = (0..4).map(|f| folds.held_out_rows(f)).collect();
        assert_eq!(folds.gather(per_fold).unwrap(), (0..23).collect::<Vec<usize>>());
        assert!(matches!(folds.gather(vec![vec![0u8]]), Err(FoldError::Results { fold: 0, .. })));
    }

    #[test]
    fn too_many_folds_are_refused() {
        assert!(Folds::by_star(&[1, 1, 1, 2], 3, 0).is_err());
        assert!(Folds::consecutive(5, 1).is_err());
    }
}
