//! Who gained or lost a label or a flag.

use arrow::array::ArrayRef;

use super::super::columns::{
    bool_array, i64_array, optional_f64_array, text_array, texts, u64_array,
};
use super::Joined;
use crate::engine::stage::{Job, NewColumn, StageError};
use crate::engine::types::{ColumnMeta, F64, I64, Type, U64};
use crate::science::statistics::{Fraction, fraction};

/// A flag or the presence of a label in words, before and after, of the stars in both tables.
pub struct Words {
    name: String,
    /// Words before and after, `(n,)`.
    words: [Vec<Option<String>>; 2],
    /// Whether they are fine, `(n,)`.
    fine: [Vec<bool>; 2],
}

impl Words {
    /// A column of each table; truth values and numbers as text.
    pub fn of_flag(
        job: &Job,
        joined: &Joined,
        columns: [&String; 2],
        name: &str,
        fine: &str,
    ) -> Result<Self, StageError> {
        let [old, new] = columns;
        let words = joined.both(&texts(job, "old", old)?, &texts(job, "new", new)?);
        Ok(Words::new(name, words, fine))
    }

    /// Words before and after, and the one of fine rows.
    pub fn new(name: &str, words: [Vec<Option<String>>; 2], fine: &str) -> Self {
        let is_fine = |words: &Vec<Option<String>>| {
            words.iter().map(|word| word.as_deref() == Some(fine)).collect()
        };
        Words { name: name.to_owned(), fine: [is_fine(&words[0]), is_fine(&words[1])], words }
    }

    /// Whether there is a label.
    pub fn of_label(name: &str, old: &[f64], new: &[f64]) -> Self {
        let there = |labels: &[f64]| labels.iter().map(|v| v.is_finite()).collect::<Vec<bool>>();
        let word = |there: &Vec<bool>| {
            there.iter().map(|t| Some(if *t { "present" } else { "missing" }.to_owned())).collect()
        };
        let fine = [there(old), there(new)];
        Words { name: name.to_owned(), words: [word(&fine[0]), word(&fine[1])], fine }
    }

    fn changed(&self, before: bool) -> Vec<usize> {
        let rows = 0..self.fine[0].len();
        rows.filter(|&row| self.fine[0][row] == before && self.fine[1][row] != before).collect()
    }

    /// Stars that are fine after and were not before.
    pub fn n_gained(&self) -> usize {
        self.changed(false).len()
    }

    /// Stars that were fine before and are not after.
    pub fn n_lost(&self) -> usize {
        self.changed(true).len()
    }

    fn share(&self, side: usize) -> Option<Fraction> {
        let n = self.fine[side].len();
        fraction(self.fine[side].iter().filter(|fine| **fine).count(), n, n)
    }
}

fn new(name: &str, kind: Type, about: &str) -> NewColumn {
    NewColumn::new(ColumnMeta::new(name, kind).about(about))
}

/// Columns of the flags, a row a flag.
pub fn flag_columns() -> Vec<NewColumn> {
    vec![
        new("flag", Type::Text, "flag"),
        new("n", U64, "stars in both tables"),
        new("old_fine", F64, "share of them that is fine in the old table"),
        new("old_fine_lo", F64, "lower end of its 95 % interval"),
        new("old_fine_hi", F64, "upper end of its 95 % interval"),
        new("new_fine", F64, "share that is fine in the new table"),
        new("new_fine_lo", F64, "lower end of its 95 % interval"),
        new("new_fine_hi", F64, "upper end of its 95 % interval"),
        new("n_gained_flag", U64, "stars that were fine and are flagged now"),
        new("n_lost_flag", U64, "stars that were flagged and are fine now"),
    ]
}

/// The flags, in the order of [`flag_columns`].
pub fn flag_arrays(flags: &[Words]) -> Vec<ArrayRef> {
    let count =
        |of: &dyn Fn(&Words) -> usize| u64_array(flags.iter().map(|f| of(f) as u64).collect());
    let mut arrays =
        vec![text_array(flags.iter().map(|f| Some(&f.name))), count(&|f| f.fine[0].len())];
    for side in 0..2 {
        for of in
            [|f: Fraction| f.value, |f: Fraction| f.interval.low, |f: Fraction| f.interval.high]
        {
            let shares = flags.iter().map(|flag| flag.share(side).map(of));
            arrays.push(optional_f64_array(shares.collect()));
        }
    }
    arrays.extend([count(&|f| f.n_lost()), count(&|f| f.n_gained())]);
    arrays
}

/// Columns of the changed stars, a row a star and what changed.
pub fn star_columns(id: &str) -> Vec<NewColumn> {
    vec![
        NewColumn::new(ColumnMeta::new(id, I64).about("row id")).from("old", id, "identity"),
        new("what", Type::Text, "label or flag"),
        new("old", Type::Text, "before"),
        new("new", Type::Text, "after"),
        new("now_fine", Type::Bool, "whether it is fine now; it was the other way before"),
    ]
}

/// The changed stars, in the order of [`star_columns`]: by what changed, then by id.
pub fn star_arrays(ids: &[i64], all: &[&Words]) -> Vec<ArrayRef> {
    let mut changes: Vec<(&Words, usize)> = Vec::new();
    for words in all {
        let mut rows = [words.changed(true), words.changed(false)].concat();
        rows.sort_unstable();
        changes.extend(rows.into_iter().map(|row| (*words, row)));
    }
    let word =
        |side: usize| text_array(changes.iter().map(|(w, row)| w.words[side][*row].as_deref()));
    vec![
        i64_array(changes.iter().map(|(_, row)| ids[*row]).collect()),
        text_array(changes.iter().map(|(w, _)| Some(&w.name))),
        word(0),
        word(1),
        bool_array(changes.iter().map(|(w, row)| w.fine[1][*row]).collect()),
    ]
}
