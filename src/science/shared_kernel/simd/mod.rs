//! The inner loops, compiled for the instruction sets that matter and chosen at run time.
//!
//! Each loop is written once, in safe and portable Rust with fixed-width lanes. The macro `dispatch` compiles it three times
//! (AVX-512, AVX2 with FMA, baseline) and picks one by the machine. Sums run in a fixed order of lanes, so a result
//! depends on the instruction set alone, never on threads or on neighbors in a batch.

// Loops over all lanes by index are what the compiler turns into vector instructions.
#![allow(clippy::needless_range_loop)]

/// Defines a function whose body, a generic function of `FUSED`, is compiled for each instruction set.
macro_rules! dispatch {
    ($(#[$doc:meta])* $name:ident = $body:ident($($arg:ident: $kind:ty),* $(,)?) $(-> $out:ty)?) => {
        $(#[$doc])*
        pub(in super::super) fn $name($($arg: $kind),*) $(-> $out)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,fma,avx2")]
                fn wide($($arg: $kind),*) $(-> $out)? {
                    $body::<true>($($arg),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn middle($($arg: $kind),*) $(-> $out)? {
                    $body::<true>($($arg),*)
                }
                use $crate::science::shared_kernel::simd::{InstructionSet, instruction_set};
                match instruction_set() {
                    // SAFETY: the features were found on this machine just now.
                    InstructionSet::Avx512 => return unsafe { wide($($arg),*) },
                    // SAFETY: as above.
                    InstructionSet::Avx2 => return unsafe { middle($($arg),*) },
                    InstructionSet::Baseline => {}
                }
            }
            $body::<false>($($arg),*)
        }
    };
}

mod columns;
mod pairs;
mod ray;
mod tile;
mod triangle;
mod vectors;

pub(super) use columns::{kernel_column, kernel_column_f32};
pub(super) use pairs::{best_down, least_up, move_pair};
pub(super) use ray::{Ray, slope};
pub(super) use triangle::{Scalar, panel_start};
pub(super) use vectors::{
    SIDE, axpy, axpy_f32, combine, combine_f32, dot_f32, dots, panel_product,
};

/// Which instruction sets the machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstructionSet {
    /// 512-bit vectors.
    Avx512,
    /// 256-bit vectors with fused multiply-add.
    Avx2,
    /// What the target guarantees.
    Baseline,
}

/// The instruction set that the loops of this module use here.
pub fn instruction_set() -> InstructionSet {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        if has!("avx512f")
            && has!("avx512vl")
            && has!("avx512dq")
            && has!("avx512bw")
            && has!("fma")
        {
            return InstructionSet::Avx512;
        }
        if has!("avx2") && has!("fma") {
            return InstructionSet::Avx2;
        }
    }
    InstructionSet::Baseline
}

/// a * b + c, fused only where that is one instruction.
#[inline(always)]
fn fma<const FUSED: bool>(a: f64, b: f64, c: f64) -> f64 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

#[inline(always)]
fn fma32<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// Lanes of the f64 loops.
const LANES: usize = 8;
/// Right-hand sides of one [`panel_product`].
pub(super) const PANEL: usize = 16;

/// Lanes of the f32 loops.
const LANES_32: usize = 16;

/// a * b + c by lanes.
#[inline(always)]
fn fma_lanes<const FUSED: bool>(
    a: &[f64; LANES],
    b: &[f64; LANES],
    c: [f64; LANES],
) -> [f64; LANES] {
    let mut out = c;
    for lane in 0..LANES {
        out[lane] = fma::<FUSED>(a[lane], b[lane], out[lane]);
    }
    out
}

#[inline(always)]
fn sum_lanes(s: [f64; LANES]) -> f64 {
    ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
