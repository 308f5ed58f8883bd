//! The verb `import`: checks an archive, unpacks it, and goes on from there without doing anything again.

use std::path::Path;

use super::args::{Cli, Common, RunArgs, Verb};
use super::failure::Failure;
use super::run::run;
use super::table::count;
use super::talk::Talk;
use crate::engine::bundle::unpack;
use crate::engine::record::{code_version, machine_class};

/// Unpacks an archive into a new folder and runs what it holds, which finds everything there.
pub fn import(
    cli: &Cli,
    bundle: &Path,
    into: &Path,
    max_bytes: u64,
    no_run: bool,
    talk: &Talk,
) -> Result<u8, Failure> {
    let manifest = unpack(bundle, into, max_bytes)?;
    talk.note(&format!(
        "verified {}, {} bytes, and unpacked them into {}",
        count(manifest.files.len(), "file"),
        manifest.bytes(),
        into.display()
    ));
    talk.note(&format!("it was run {}: {}", manifest.run, manifest.command));
    if (manifest.code.as_str(), manifest.machine.as_str()) != (&code_version(), &machine_class()) {
        talk.note(&format!(
            "it was made by {} on {}; this is {} on {}",
            manifest.code,
            manifest.machine,
            code_version(),
            machine_class()
        ));
    }
    manifest.without.iter().for_each(|what| talk.note(&format!("it is without {what}")));
    if no_run {
        return Ok(0);
    }
    let cli = Cli {
        common: Common {
            directory: into.to_owned(),
            cache: None,
            profile: manifest.profile,
            method: manifest.method,
            set: manifest.sets,
            ..cli.common.clone()
        },
        verb: Verb::Run(RunArgs::default()),
    };
    // Other results than the locked ones are refused: what is made again must be the same.
    let args = RunArgs { locked: true, ..RunArgs::default() };
    run(&cli, &args, talk)
}
