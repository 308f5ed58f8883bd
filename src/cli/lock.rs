//! The verb `lock`, and what `run --locked` compares: see [`crate::engine::lockfile`].

use std::fs;
use std::path::PathBuf;

use super::args::Cli;
use super::failure::{Failure, STAGE_FAILED, STALE, USAGE};
use super::project::{Planned, Project};
use super::talk::Talk;
use crate::engine::error::EngineError;
use crate::engine::evaluate::Outputs;
use crate::engine::ledger::RunEntry;
use crate::engine::lockfile::{Difference, LOCK_FILE, Lockfile, mark_locked};
use crate::engine::record::machine_class;

/// More differences than this are only counted.
const SHOWN: usize = 20;

/// Locks the latest run, whose results must all be fresh.
pub fn lock(cli: &Cli, talk: &Talk) -> Result<u8, Failure> {
    let planned = Planned::open(&cli.common, talk)?;
    let project = &planned.project;
    let Some(run) = run_of_this_state(&planned, &cli.common.set) else {
        let message = "no run of the ledger has just these results, all of them fresh";
        return Err(Failure { code: STALE, ..Failure::usage(message) }
            .hint("`mdwarf run` first, with the same profile, method and `--set`"));
    };
    let mut lock = Lockfile::of(&project.pipeline, &cli.common.set, &run.id);
    lock.add_outputs(&project.pipeline, &project.store, &planned.plan.done)?;
    let path = lock_path(project);
    write(&path, &lock.text()?)?;
    mark_locked(&project.store, &path, &run.id)?;
    project.store.save_gathered()?;
    if cli.common.json {
        talk.json(&lock);
    } else {
        talk.out(&format!("locked run {} in {}", run.id, path.display()));
    }
    Ok(0)
}

fn lock_path(project: &Project) -> PathBuf {
    project.root.join(LOCK_FILE)
}

/// The latest run whose keys are those of the plan, all of it fresh.
pub fn run_of_this_state(planned: &Planned, sets: &[String]) -> Option<RunEntry> {
    let fresh = planned.plan.is_fresh();
    let key = |name: &str| {
        let index = planned.project.pipeline.node(name).ok()?;
        let outputs = planned.plan.done[index].as_ref()?;
        outputs.first().map(|artifact| artifact.record.name)
    };
    let nodes = &planned.project.pipeline.nodes;
    let same = |entry: &RunEntry| {
        entry.sets == sets
            && entry.nodes.len() == nodes.len()
            && entry.nodes.iter().all(|node| node.key.is_none() || node.key == key(&node.node))
    };
    fresh.then(|| planned.project.history().find(same)).flatten()
}

fn write(path: &std::path::Path, text: &str) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(path);
    let mut file = tempfile::NamedTempFile::new_in(folder)
        .map_err(EngineError::io("create a file in", folder))?;
    std::io::Write::write_all(&mut file, text.as_bytes())
        .map_err(EngineError::io("write", path))?;
    use std::os::unix::fs::PermissionsExt;
    file.as_file()
        .set_permissions(fs::Permissions::from_mode(0o644))
        .map_err(EngineError::io("set the permissions of", path))?;
    file.as_file().sync_data().map_err(EngineError::io("sync", path))?;
    file.persist(path).map_err(|why| EngineError::io("move into place", path)(why.error))?;
    Ok(())
}

/// A lock file that a run may not differ from.
pub struct Locked {
    lock: Lockfile,
    now: Lockfile,
}

impl Locked {
    /// Reads the lock file and refuses, before anything is run, to be made of something else.
    pub fn open(project: &Project, sets: &[String], talk: &Talk) -> Result<Self, Failure> {
        let path = lock_path(project);
        let text = fs::read_to_string(&path).map_err(|why| {
            Failure::usage(format!("cannot read `{}`: {why}", path.display()))
                .hint("`mdwarf lock` writes it after a run")
        })?;
        let lock = Lockfile::parse(&text).map_err(|why| {
            Failure::usage(format!("cannot read `{}`: {why}", path.display()))
                .hint("`mdwarf lock` writes it anew")
        })?;
        let now = Lockfile::of(&project.pipeline, sets, "");
        let differences = lock.made_differently(&now);
        if !differences.is_empty() {
            tell(&differences, talk);
            return Err(Failure {
                code: USAGE,
                ..Failure::usage("what would be run is not what was locked; nothing was run")
            }
            .hint("undo the change, or run without `--locked` and then `mdwarf lock`"));
        }
        Ok(Locked { lock, now })
    }

    /// Refuses results that differ from the locked ones.
    pub fn check(
        mut self,
        project: &Project,
        done: &[Option<Outputs>],
        talk: &Talk,
    ) -> Result<(), Failure> {
        self.now.add_outputs(&project.pipeline, &project.store, done)?;
        let differences = self.lock.came_out_differently(&self.now);
        if differences.is_empty() {
            return Ok(());
        }
        tell(&differences, talk);
        let machine = machine_class();
        let hint = if self.lock.machine == machine {
            "`mdwarf why NODE` tells what the node ran for".to_owned()
        } else {
            format!(
                "the lock was made on {}, this is {machine}: bytes are promised identical within \
                 one machine class only",
                self.lock.machine
            )
        };
        Err(Failure {
            code: STAGE_FAILED,
            ..Failure::usage("what came out is not what was locked; nothing was published")
        }
        .hint(hint))
    }
}

fn tell(differences: &[Difference], talk: &Talk) {
    for difference in differences.iter().take(SHOWN) {
        talk.note(&difference.to_string());
    }
    if differences.len() > SHOWN {
        talk.note(&format!("and {} differences more", differences.len() - SHOWN));
    }
}
