//! Epsilon-SVR of many pixels and folds on one set of labels: the kernel is shared, only targets differ.
//!
//! All pixels of a training set have the same scaled labels, so that everything about the kernel is done once; masks
//! and folds are row flags. See [`SharedKernelSolver`] for an example.
//!
//! # Algorithm
//! 1. **A low-rank factor per gamma** (`factor`): pivoted Cholesky, K = L L^T + R with every diagonal of R below 1e-6.
//!    One product with L gives the residuals of all rows and of all folds at once, held-out rows included; where fewer
//!    coefficients than three quarters of its rank are not zero, sums of kernel columns do so sooner.
//! 2. **Near rows** (`near`): only rows whose residual is near an edge of the tube can change their coefficient; all
//!    others are 0 or +-C. The local problem holds the near rows, with kernel columns computed on demand. Far rows are
//!    checked against their residuals afterwards, and taken in where they contradict: the worst first, because without
//!    noise thousands contradict where a hundred decide.
//! 3. **Pairwise steps** (`smo`) settle the bulk of the coefficients, **proximal semismooth Newton steps** (`newton`)
//!    the rest; the system of the free rows (`free_system`) is factorized (`cholesky`) in f32 where that cannot matter,
//!    else in f64, and bordered (`border`) while few rows differ from those factorized. First a rough pass on a guess
//!    of the near rows, then the right ones (`settle`).
//! 4. **Neighbors** (`path`): each cell of a grid starts from the cell with the next smaller C, each fold from the
//!    solution of all rows plus what leaving its rows out changed in the cell before; a first cell from the solutions of
//!    ever larger samples of the rows, or, where a similar problem is solved, from its solution (`warm`). Cells that
//!    cannot be the best any more are left (`search`).
//! 5. **The exact kernel** (`polish`): the solution that is kept is brought to the tolerance with residuals by the exact
//!    kernel, f64, whose blocks are shared by a batch of pixels. The violation of optimality that is left is returned.
//!
//! # Accuracy
//! A kept solution violates no optimality condition by more than the tolerance (1e-6 of scaled flux) or says by how
//! much. Held-out errors come from solutions to 1e-5 by the low-rank kernel; on the
//! reference's 336 cells at n = 500 their mean squared errors are within 1e-5 of libsvm's at tolerance 1e-6.
//!
//! # Cost and memory
//! Factor: about n r^2 multiplications once per gamma, and 4 n r bytes; r grows with gamma, hardly with n. A product
//! with L for ten folds: 16 n r multiplications. The local problem: (number near) x (number free) a step, and where
//! the free set changed a third of its cube, or its square times the number of changes. No n x n matrix is ever held.

mod border;
mod cholesky;
mod factor;
mod free_system;
mod near;
mod newton;
mod path;
mod polish;
mod search;
mod settle;
mod side;
mod simd;
mod smo;
mod solver;
mod state;
mod warm;

pub use simd::{InstructionSet, instruction_set};
pub use solver::SharedKernelSolver;

#[cfg(test)]
mod tests;
