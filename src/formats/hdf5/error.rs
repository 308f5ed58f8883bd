//! What can be wrong with a dust map.

use thiserror::Error;

/// Why a dust map could not be read or written.
#[derive(Debug, Error)]
pub enum Hdf5Error {
    /// Not an HDF5 file, or its beginning is damaged.
    #[error("{length_bytes} bytes are no readable HDF5 file: {problem}")]
    Structure {
        /// Length of the file.
        length_bytes: usize,
        /// What the HDF5 reader met.
        problem: String,
    },
    /// A dataset of the layout is not there.
    #[error("no dataset `{dataset}`; the file has {found}")]
    Missing {
        /// Its name.
        dataset: &'static str,
        /// The names at the top of the file.
        found: String,
    },
    /// A dataset has another shape or type than the layout's.
    #[error("dataset `{dataset}`: {problem}")]
    Layout {
        /// Its name.
        dataset: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The values of a dataset cannot be read, most often for truncation.
    #[error("dataset `{dataset}`, rows {first}..{last} of {rows}: {problem}")]
    Data {
        /// Its name.
        dataset: &'static str,
        /// First row wanted.
        first: usize,
        /// Row after the last one wanted.
        last: usize,
        /// Rows of the dataset.
        rows: usize,
        /// What the HDF5 reader met.
        problem: String,
    },
    /// Rows were asked for that the map does not have, or not in rising order.
    #[error("row {row} is asked for after row {after}, of a map of {rows} rows")]
    Order {
        /// The row.
        row: usize,
        /// The one before it.
        after: usize,
        /// Rows of the map.
        rows: usize,
    },
    /// A sample that the map does not have.
    #[error("sample {sample} is asked for, of a map of {samples} samples, from 0")]
    Sample {
        /// Its number, from 0.
        sample: usize,
        /// How many there are.
        samples: usize,
    },
    /// The tables do not fit each other.
    #[error("the dust map cannot be written: {0}")]
    Unwritable(String),
}

impl Hdf5Error {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Structure { .. } | Self::Data { .. } => {
                "download the file again; the copy is incomplete, damaged or no HDF5 file"
            }
            Self::Missing { .. } | Self::Layout { .. } => {
                "give bayestar2019.h5 of doi:10.7910/DVN/2EJ9TX, or a file in its layout"
            }
            Self::Order { .. } => "ask for rows of the map, in rising order",
            Self::Sample { .. } => "choose a smaller number, or the median of all samples",
            Self::Unwritable(_) => "give tables of the same pixels and distances",
        }
    }
}
