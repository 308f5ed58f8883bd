//! The verb `verify`: the whole store against its digests.

use super::args::Cli;
use super::failure::{CORRUPT, Failure};
use super::progress::Progress;
use super::table::{count, table};
use super::talk::Talk;
use crate::engine::store::Store;
use crate::engine::verify::{Report, verify as verify_store};

/// Checks the store. Exits with 5 if something is damaged or missing and was not set aside.
pub fn verify(cli: &Cli, repair: bool, talk: &Talk) -> Result<u8, Failure> {
    let common = &cli.common;
    let cache = common.cache_folder();
    if !cache.join("v1").is_dir() {
        return Err(Failure::usage(format!("there is no store in `{}`", cache.display()))
            .hint("name the project with `-C DIR`, or the store with `--cache DIR`"));
    }
    let progress = Progress::new(talk);
    let store = Store::with_files(&cache, common.files.clone())?;
    let report = verify_store(&store, repair, &progress)?;
    progress.finish();
    if common.json {
        talk.json(&report);
    } else {
        tell(&report, talk);
    }
    if report.is_sound() {
        return Ok(0);
    }
    if !repair {
        talk.hint("`mdwarf verify --repair` sets it aside; the next `mdwarf run` makes it again");
        return Ok(CORRUPT);
    }
    talk.note(&format!("set aside {}", count(report.set_aside as usize, "file")));
    if report.set_aside < report.damaged.len() as u64 {
        return Ok(CORRUPT);
    }
    talk.hint("`mdwarf run` makes them again");
    Ok(0)
}

fn tell(report: &Report, talk: &Talk) {
    let row = |what: &str, path: &std::path::Path, why: &str| {
        vec![what.to_owned(), why.to_owned(), path.display().to_string()]
    };
    let damaged = report.damaged.iter().map(|f| row("damaged", &f.path, &f.why));
    let missing = report.missing.iter().map(|f| row("missing", &f.path, &f.why));
    let orphans = report.orphans.iter().map(|path| row("orphan", path, "no record names it"));
    let rows: Vec<Vec<String>> = damaged.chain(missing).chain(orphans).collect();
    if !rows.is_empty() {
        talk.out(&table(&["WHAT", "WHY", "FILE"], &[], rows));
    }
    talk.note(&format!(
        "{}, {}, {}: {} damaged, {} missing, {}",
        count(report.objects as usize, "sound object"),
        count(report.records as usize, "record"),
        count(report.downloads as usize, "download"),
        report.damaged.len(),
        report.missing.len(),
        count(report.orphans.len(), "orphan"),
    ));
}
