//! How fast the readers of FITS are: `cargo run --release --example reader_speed -- FILES`.
//!
//! LAMOST spectra (`spec-*`) are read twenty times over; of any other file, taken as a table, the columns that the
//! pipeline reads of APOGEE's allStar, once. Prints CPU time and the peak of the process' memory.

use std::error::Error;
use std::path::Path;

use mdwarf::formats::fits_table::read_table;
use mdwarf::formats::lamost::read_spectrum;

/// Times that a spectrum is read.
const ROUNDS: usize = 20;
/// The eleven columns of a training set from allStar.
const COLUMNS: [&str; 11] = [
    "APOGEE_ID",
    "RA",
    "DEC",
    "TEFF",
    "TEFF_ERR",
    "LOGG",
    "M_H",
    "M_H_ERR",
    "ALPHA_M",
    "ASPCAPFLAG",
    "STARFLAG",
];

fn main() -> Result<(), Box<dyn Error>> {
    let (mut spectra, mut tables) = (Vec::new(), Vec::new());
    for name in std::env::args().skip(1) {
        let spectrum =
            Path::new(&name).file_name().is_some_and(|n| n.to_string_lossy().starts_with("spec-"));
        if spectrum { spectra.push(std::fs::read(&name)?) } else { tables.push(name) }
    }
    if !spectra.is_empty() {
        let start = cpu_seconds()?;
        let mut pixels = 0;
        for _ in 0..ROUNDS {
            for bytes in &spectra {
                pixels += read_spectrum(bytes)?.pixel_count();
            }
        }
        let each = (cpu_seconds()? - start) / (ROUNDS * spectra.len()) as f64;
        println!("{} spectra, {pixels} pixels: {:.3} ms CPU a spectrum", spectra.len(), 1e3 * each);
    }
    for name in tables {
        // Mapped, as a file that lies on disk is best handed over: what is not read costs no memory.
        let file = std::fs::File::open(&name)?;
        let (before, start) = (peak_mb()?, cpu_seconds()?);
        let bytes = map(&file)?;
        let table = read_table(&bytes, None, Some(&COLUMNS))?;
        let seconds = cpu_seconds()? - start;
        let held = table.get_array_memory_size() >> 20;
        println!(
            "{name}: {} rows, {seconds:.2} s CPU, {held} MB of columns, anonymous memory {before} -> {} MB",
            table.num_rows(),
            peak_mb()?
        );
    }
    Ok(())
}

fn map(file: &std::fs::File) -> Result<memmap2::Mmap, std::io::Error> {
    // SAFETY: nobody writes to the file meanwhile.
    unsafe { memmap2::Mmap::map(file) }
}

/// CPU seconds of this process: the 14th and 15th numbers of its `stat`, in hundredths.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let numbers: Vec<&str> =
        stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: f64 = numbers[11].parse::<f64>()? + numbers[12].parse::<f64>()?;
    Ok(ticks / 100.0)
}

/// Anonymous memory now, MB.
fn peak_mb() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap_or_default();
    let kb = line.split_whitespace().nth(1).unwrap_or("0");
    Ok(kb.parse::<u64>()? >> 10)
}
