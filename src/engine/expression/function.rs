//! The functions of the language, by name.

/// A function other than `inside`, whose polygon gives it a form of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Abs,
    Sqrt,
    Log10,
    Ln,
    Exp,
    Floor,
    Min,
    Max,
    If,
    Coalesce,
    IsNull,
    IsFinite,
    StartsWith,
    Contains,
    In,
    Flag,
}

/// The name of the function that takes a polygon.
pub(super) const INSIDE: &str = "inside";

/// Every function with its name and the least and greatest number of its arguments.
const TABLE: [(Function, &str, usize, usize); 16] = [
    (Function::Abs, "abs", 1, 1),
    (Function::Sqrt, "sqrt", 1, 1),
    (Function::Log10, "log10", 1, 1),
    (Function::Ln, "ln", 1, 1),
    (Function::Exp, "exp", 1, 1),
    (Function::Floor, "floor", 1, 1),
    (Function::Min, "min", 2, usize::MAX),
    (Function::Max, "max", 2, usize::MAX),
    (Function::If, "if", 3, 3),
    (Function::Coalesce, "coalesce", 2, usize::MAX),
    (Function::IsNull, "is_null", 1, 1),
    (Function::IsFinite, "is_finite", 1, 1),
    (Function::StartsWith, "startswith", 2, 2),
    (Function::Contains, "contains", 2, 2),
    (Function::In, "in", 2, usize::MAX),
    (Function::Flag, "flag", 2, 2),
];

impl Function {
    /// Finds a function by its exact name.
    pub(super) fn named(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// Returns the name as it is written.
    pub(super) fn name(self) -> &'static str {
        self.row().1
    }

    /// Returns the least and greatest number of arguments.
    pub(super) fn n_arguments(self) -> (usize, usize) {
        let (_, _, least, most) = self.row();
        (*least, *most)
    }

    /// Whether the function has an answer for a missing argument, so that its caller has thought of it.
    pub(super) fn expects_missing(self) -> bool {
        matches!(self, Self::IsNull | Self::IsFinite | Self::Coalesce)
    }

    fn row(self) -> &'static (Function, &'static str, usize, usize) {
        // The table is in the order of the variants (tested below).
        &TABLE[self as usize]
    }
}

/// Lists the names of all functions.
pub(super) fn names() -> impl Iterator<Item = &'static str> + Clone {
    TABLE.iter().map(|row| row.1).chain([INSIDE])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_in_the_order_of_the_variants() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.0 as usize, index, "{}", row.1);
            assert_eq!(Function::named(row.1), Some(row.0));
        }
        assert_eq!(names().count(), 17);
    }
}
