//! Opening a project: texts read, specification checked, pipeline built, store opened.

use std::fs;
use std::path::{Path, PathBuf};

use super::args::Common;
use super::failure::Failure;
use super::progress::Progress;
use super::publish::check_extensions;
use super::talk::Talk;
use crate::engine::bind::bind;
use crate::engine::build::build;
use crate::engine::error::unless_read_only;
use crate::engine::evaluate::Engine;
use crate::engine::events::Observer;
use crate::engine::ledger::{Ledger, RunEntry};
use crate::engine::locks::{Gate, Locks};
use crate::engine::pipeline::Pipeline;
use crate::engine::plan::Plan;
use crate::engine::source::{Binding, Sources};
use crate::engine::spec::{DatasetSlot, SourceMap, Spec, SpecInput};
use crate::engine::store::Store;
use crate::stages::REGISTRY;

/// A project, ready to be planned and run.
pub struct Project {
    /// Folder with `pipeline.toml`.
    pub root: PathBuf,
    /// Where results are kept.
    pub store: Store,
    /// Where source bytes come from.
    pub sources: Sources,
    /// What to do.
    pub pipeline: Pipeline,
    /// What was done.
    pub ledger: Ledger,
    /// The arguments that opened it.
    pub common: Common,
}

/// Reads and checks the specification of a project.
pub fn load_spec(common: &Common) -> Result<(Spec, SourceMap), Failure> {
    let root = &common.directory;
    let pipeline_path = root.join("pipeline.toml");
    let profile_path = profile_path(root, &common.profile);
    let read = |path: &Path, hint: String| {
        fs::read_to_string(path).map_err(|why| {
            Failure::usage(format!("cannot read `{}`: {why}", path.display())).hint(hint)
        })
    };
    let pipeline = read(
        &pipeline_path,
        "run `mdwarf` in the folder with `pipeline.toml`, or name it with `-C DIR`".into(),
    )?;
    let profile = read(&profile_path, profile_hint(root))?;
    let folder = profile_path.parent().unwrap_or(root).to_owned();
    let list_files = |name: &str| fs::read_to_string(folder.join(name));
    let profile_name = format!("profiles/{}.toml", common.profile);
    let input = SpecInput {
        pipeline: ("pipeline.toml", &pipeline),
        profile: (&profile_name, &profile),
        list_files: &list_files,
        method: &common.method,
        sets: &common.set,
    };
    Spec::load(&input).map_err(|(errors, map)| Failure::spec(errors, map))
}

fn profile_path(root: &Path, profile: &str) -> PathBuf {
    root.join("profiles").join(format!("{profile}.toml"))
}

fn profile_hint(root: &Path) -> String {
    let names: Vec<String> = fs::read_dir(root.join("profiles"))
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
        .collect();
    if names.is_empty() {
        return "put a profile into the folder `profiles`".into();
    }
    format!("profiles here are: {}", names.join(", "))
}

impl Project {
    /// Opens a project.
    pub fn open(common: &Common, observer: &dyn Observer) -> Result<Self, Failure> {
        let (spec, map) = load_spec(common)?;
        Self::from_spec(common, &spec, map, observer)
    }

    /// Opens a project whose specification was read.
    pub fn from_spec(
        common: &Common,
        spec: &Spec,
        map: SourceMap,
        observer: &dyn Observer,
    ) -> Result<Self, Failure> {
        Self::bound(common, spec, map, observer, &|_, _| None)
    }

    /// Opens a project of which some slots are filled by other means than the profile's.
    pub fn bound(
        common: &Common,
        spec: &Spec,
        map: SourceMap,
        observer: &dyn Observer,
        other: &dyn Fn(&DatasetSlot, &Sources) -> Option<Binding>,
    ) -> Result<Self, Failure> {
        let root = common.directory.clone();
        let store = Store::with_files(&common.cache_folder(), common.files.clone())?;
        let sources = Sources::open(&store, common.mirror.clone(), common.offline);
        let binder = |slot: &DatasetSlot| {
            other(slot, &sources).unwrap_or_else(|| bind(slot, &root, &sources, observer))
        };
        let pipeline =
            build(spec, REGISTRY, &binder).map_err(|errors| Failure::spec(errors, map))?;
        check_extensions(&pipeline)?;
        sources.remember().or_else(unless_read_only)?;
        let ledger = Ledger::open(&store, &pipeline.profile, &pipeline.method)?;
        Ok(Project { root, store, sources, pipeline, ledger, common: common.clone() })
    }

    /// The latest run of this profile and method; the ledger falls back on those of others.
    pub fn latest(&self) -> Option<&RunEntry> {
        let fits = |entry: &&RunEntry| {
            entry.profile == self.pipeline.profile && entry.method == self.pipeline.method
        };
        self.ledger.latest().filter(fits)
    }

    /// Runs of this profile and method, newest first; what cannot be read is passed over.
    pub fn history(&self) -> impl Iterator<Item = RunEntry> + '_ {
        let ids = self.ledger.ids().unwrap_or_default();
        ids.into_iter().rev().filter_map(|id| self.ledger.run(&id).ok()).filter(|entry| {
            entry.profile == self.pipeline.profile && entry.method == self.pipeline.method
        })
    }

    /// The engine on this project.
    pub fn engine<'a>(&'a self, observer: &'a dyn Observer) -> Engine<'a> {
        Engine { pipeline: &self.pipeline, store: &self.store, sources: &self.sources, observer }
    }
}

/// A project with its plan: what the verbs that run nothing look at.
pub struct Planned {
    /// The project.
    pub project: Project,
    /// What is fresh, and its outputs.
    pub plan: Plan,
    /// Keeps a sweep of the store out.
    _gate: Gate,
}

impl Planned {
    /// Opens a project and plans, showing the progress of hashing.
    pub fn open(common: &Common, talk: &Talk) -> Result<Self, Failure> {
        Self::opened(common, talk, |project, progress| {
            Ok(project.engine(progress).plan(&project.ledger)?)
        })
    }

    /// Opens a project and asks its records alone, so that what a sweep took away is still known of.
    pub fn of_records(common: &Common, talk: &Talk) -> Result<Self, Failure> {
        Self::opened(common, talk, |project, progress| {
            Ok(project.engine(progress).plan_of_records(&project.ledger)?)
        })
    }

    fn opened(
        common: &Common,
        talk: &Talk,
        planned: impl FnOnce(&Project, &Progress) -> Result<Plan, Failure>,
    ) -> Result<Self, Failure> {
        let progress = Progress::new(talk);
        let project = Project::open(common, &progress)?;
        let gate = Locks::new(project.store.root(), true).share(true)?;
        let plan = planned(&project, &progress)?;
        project.store.save_gathered().or_else(unless_read_only)?;
        project.sources.remember().or_else(unless_read_only)?;
        progress.finish();
        Ok(Planned { project, plan, _gate: gate })
    }
}
