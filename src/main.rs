//! The program `mdwarf`: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    keep_freed_memory();
    mdwarf::cli::main()
}

/// Lets the allocator keep freed blocks up to some megabytes for the next use.
///
/// By default glibc maps each block above 128 KiB from the kernel and gives it back when freed, so that the arrays of
/// every spectrum are cleared by the kernel again, page by page: a fifth of a normalization's time. A library must not
/// decide this for a whole process, a program may.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn keep_freed_memory() {
    use std::ffi::c_int;

    // Of <malloc.h>.
    const M_TRIM_THRESHOLD: c_int = -1;
    const M_MMAP_THRESHOLD: c_int = -3;
    unsafe extern "C" {
        safe fn mallopt(parameter: c_int, value: c_int) -> c_int;
    }
    // Both, because setting either one alone freezes the other at its small default.
    let mapped = mallopt(M_MMAP_THRESHOLD, 4 << 20);
    let trimmed = mallopt(M_TRIM_THRESHOLD, 32 << 20);
    debug_assert!(mapped == 1 && trimmed == 1, "glibc knows both");
}
