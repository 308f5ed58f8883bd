//! From what a profile says of a slot to the files that fill it.

use std::path::{Path, PathBuf};

use super::digest::Digest;
use super::error::{EngineError, Result};
use super::events::Observer;
use super::source::{Binding, BoundFile, Origin, Sources, files_below};
use super::spec;

/// Binds a slot; `base` is the folder that relative paths start from.
///
/// A declared digest is believed until the bytes are needed; files at a path are hashed now, from
/// memory where their metadata vouch for them.
pub fn bind(
    slot: &spec::DatasetSlot,
    base: &Path,
    sources: &Sources,
    observer: &dyn Observer,
) -> Binding {
    match try_bind(slot, base, sources, observer) {
        Ok(binding) => binding,
        Err(why) => Binding::Broken(why.to_string()),
    }
}

/// Binds files at paths; a file that cannot be read breaks the slot.
pub fn bind_files(paths: &[PathBuf], sources: &Sources, observer: &dyn Observer) -> Binding {
    match hashed(paths.to_vec(), sources, observer) {
        Ok(binding) => binding,
        Err(why) => Binding::Broken(why.to_string()),
    }
}

fn try_bind(
    slot: &spec::DatasetSlot,
    base: &Path,
    sources: &Sources,
    observer: &dyn Observer,
) -> Result<Binding> {
    let broken = |what: String| EngineError::Source { dataset: slot.name.clone(), what };
    let digest = |text: &str| text.parse::<Digest>().map_err(broken);
    match &slot.binding {
        spec::Binding::Absent { reason } => Ok(Binding::Absent(reason.clone())),
        spec::Binding::Simulated { .. } => Ok(Binding::Made),
        spec::Binding::File { url, blake3, bytes, mirror_path } => {
            let name = mirror_path.clone().or_else(|| url.clone());
            Ok(Binding::Files(vec![BoundFile {
                name: name.unwrap_or_else(|| slot.name.clone()),
                digest: digest(blake3)?,
                bytes: Some(*bytes),
                origin: Origin::Public { mirror_path: mirror_path.clone(), url: url.clone() },
            }]))
        }
        // What can only be had from a mirror is not there without one; it is no failure.
        spec::Binding::Tree { url: None, .. } if !sources.has_mirror() => {
            Ok(Binding::Absent("it has no public address; `--mirror DIR` names its folder".into()))
        }
        spec::Binding::Tree { url, files } => {
            let bound = files.iter().map(|file| {
                Ok(BoundFile {
                    name: file.path.clone(),
                    digest: digest(&file.blake3)?,
                    bytes: Some(file.bytes),
                    origin: Origin::Public {
                        mirror_path: Some(file.path.clone()),
                        url: url.as_ref().map(|url| url.replace("{path}", &file.path)),
                    },
                })
            });
            Ok(Binding::Files(bound.collect::<Result<_>>()?))
        }
        // What has not been had from its archive yet is no failure.
        spec::Binding::Path { path, .. }
            if slot.archive.is_some() && !base.join(&path.value).exists() =>
        {
            let place = &path.value;
            let how = "`mdwarf check` tells how to get it";
            Ok(Binding::Absent(format!("there is no `{place}` yet; {how}")))
        }
        spec::Binding::Path { path, glob } => {
            let path = base.join(&path.value);
            at_path(&path, glob.as_ref().map(|g| g.value.as_str()), sources, observer)
        }
    }
}

fn at_path(
    path: &Path,
    glob: Option<&str>,
    sources: &Sources,
    observer: &dyn Observer,
) -> Result<Binding> {
    let paths: Vec<PathBuf> = match glob {
        None if !path.is_dir() => vec![path.to_owned()],
        _ => files_below(path)?.into_iter().filter(|p| matches(glob, p)).collect(),
    };
    if paths.is_empty() {
        return Err(EngineError::Source {
            dataset: path.display().to_string(),
            what: format!("no file in it is named like `{}`", glob.unwrap_or("*")),
        });
    }
    hashed(paths, sources, observer)
}

fn hashed(paths: Vec<PathBuf>, sources: &Sources, observer: &dyn Observer) -> Result<Binding> {
    let mut files = Vec::new();
    for file in paths {
        let (digest, bytes) = sources.digest(&file, observer)?;
        files.push(BoundFile {
            name: file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            digest,
            bytes: Some(bytes),
            origin: Origin::Path(file),
        });
    }
    Ok(Binding::Files(files))
}

/// Whether a file's name fits a pattern in which `*` stands for anything.
pub fn matches(pattern: Option<&str>, path: &Path) -> bool {
    let Some(pattern) = pattern else { return true };
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_names() {
        let fits = |pattern: &str, name: &str| matches(Some(pattern), Path::new(name));
        assert!(fits("*.fits*", "a/spec-1.fits.gz") && fits("*.fits*", "spec-1.fits"));
        assert!(!fits("*.fits", "spec-1.fits.gz"));
        assert!(fits("spec-*-*.csv", "spec-1-2.csv") && !fits("spec-*-*.csv", "spec-12.csv"));
        assert!(fits("only.csv", "x/only.csv") && !fits("only.csv", "only.csv2"));
    }
}
