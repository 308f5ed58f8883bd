//! The file layer: what the engine does to files goes through here, so that tests can make any
//! operation fail, tear or be the last one before a crash.
//!
//! Without a trial each operation is the plain one behind a branch on a `None`.

use std::fs::{self, File, Metadata, OpenOptions, Permissions, ReadDir};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::NamedTempFile;

use super::files_trial::{Step, Trial};

/// A kind of operation on files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Reading a file, or opening it to be read.
    Read,
    /// Asking for a file's metadata.
    Look,
    /// Listing a folder.
    List,
    /// Making a folder.
    CreateFolder,
    /// Making a file.
    CreateFile,
    /// Writing to a file.
    Write,
    /// Bringing a file's bytes to the disk.
    Sync,
    /// Bringing a folder's names to the disk.
    SyncFolder,
    /// Moving a file into place.
    Rename,
    /// Removing a file.
    Remove,
}

impl Operation {
    /// Whether the operation changes what is on the disk, or makes a change last.
    pub fn changes(self) -> bool {
        !matches!(self, Operation::Read | Operation::Look | Operation::List)
    }

    /// Whether the operation needs room on the disk.
    pub fn needs_room(self) -> bool {
        matches!(self, Operation::CreateFolder | Operation::CreateFile | Operation::Write)
    }
}

/// The files of the machine.
#[derive(Clone, Debug, Default)]
pub struct Files {
    trial: Option<Arc<Trial>>,
}

impl Files {
    /// The files of the machine, as they are.
    pub fn disk() -> Self {
        Files::default()
    }

    /// The files of the machine, with faults: for tests only.
    #[doc(hidden)]
    pub fn on_trial(trial: Arc<Trial>) -> Self {
        Files { trial: Some(trial) }
    }

    #[inline]
    fn step(&self, operation: Operation, path: &Path) -> io::Result<()> {
        match &self.trial {
            None => Ok(()),
            Some(trial) => trial.step(operation, path).whole(),
        }
    }

    /// Tells a trial what was done, so that a power cut can take it back.
    #[inline]
    fn done(&self, tell: impl FnOnce(&Trial)) {
        if let Some(trial) = &self.trial {
            tell(trial);
        }
    }

    /// Reads a whole file.
    pub fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.step(Operation::Read, path)?;
        fs::read(path)
    }

    /// Reads a whole file of text.
    pub fn read_text(&self, path: &Path) -> io::Result<String> {
        self.step(Operation::Read, path)?;
        fs::read_to_string(path)
    }

    /// Opens a file to be read piece by piece.
    pub fn open(&self, path: &Path) -> io::Result<File> {
        self.step(Operation::Read, path)?;
        File::open(path)
    }

    /// What the system knows of a file; links are followed.
    pub fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        self.step(Operation::Look, path)?;
        fs::metadata(path)
    }

    /// Lists a folder.
    pub fn list(&self, folder: &Path) -> io::Result<ReadDir> {
        self.step(Operation::List, folder)?;
        fs::read_dir(folder)
    }

    /// Makes a folder and those above it, where they are missing.
    pub fn create_folder(&self, folder: &Path) -> io::Result<()> {
        if self.trial.is_some() && folder.is_dir() {
            return Ok(());
        }
        self.step(Operation::CreateFolder, folder)?;
        let Some(trial) = &self.trial else { return fs::create_dir_all(folder) };
        let missing = folder.ancestors().take_while(|above| !above.exists()).last();
        let made = fs::create_dir_all(folder);
        missing.into_iter().for_each(|top| trial.created_folder(top));
        made
    }

    /// Makes a file without a lasting name, readable by whom the user's mask lets.
    pub fn create_temp(&self, folder: &Path) -> io::Result<Temp> {
        self.step(Operation::CreateFile, folder)?;
        let file = tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder)?;
        self.done(|trial| trial.created(file.path()));
        Ok(Temp { file: Some(file), files: self.clone() })
    }

    /// Opens a file that grows over several runs, making it where it is missing.
    pub fn open_partial(&self, path: &Path) -> io::Result<Partial> {
        self.step(Operation::CreateFile, path)?;
        let is_new = self.trial.is_some() && !path.exists();
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        if is_new {
            self.done(|trial| trial.created(path));
        }
        Ok(Partial { file, path: path.to_owned(), files: self.clone() })
    }

    /// Brings the names in a folder to the disk.
    pub fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.step(Operation::SyncFolder, folder)?;
        File::open(folder)?.sync_data()?;
        self.done(|trial| trial.synced_folder(folder));
        Ok(())
    }

    /// Moves a file; what lies at `to` is replaced.
    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(Operation::Rename, to)?;
        let old = self.trial.as_ref().map(|_| fs::read(to).ok());
        fs::rename(from, to)?;
        self.done(|trial| trial.renamed(from, to, old.flatten()));
        Ok(())
    }

    /// Removes a file.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        self.step(Operation::Remove, path)?;
        let old = self.trial.as_ref().map(|_| fs::read(path));
        fs::remove_file(path)?;
        if let Some(Ok(old)) = old {
            self.done(|trial| trial.removed(path, old));
        }
        Ok(())
    }

    fn write_all(&self, file: &mut File, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let Some(trial) = &self.trial else { return file.write_all(bytes) };
        trial.wrote(path);
        match trial.step(Operation::Write, path) {
            Step::Go => file.write_all(bytes),
            Step::Fail(why) => Err(why),
            Step::Tear(why) => {
                file.write_all(&bytes[..bytes.len() / 2])?;
                Err(why)
            }
        }
    }

    fn sync(&self, file: &File, path: &Path) -> io::Result<()> {
        self.step(Operation::Sync, path)?;
        file.sync_data()?;
        self.done(|trial| trial.synced(path));
        Ok(())
    }
}

/// A file without a lasting name; gone when it is dropped.
pub struct Temp {
    file: Option<NamedTempFile>,
    files: Files,
}

/// Why a file did not get its name, and the file.
pub struct NotPlaced {
    /// The file, still without a lasting name.
    pub temp: Temp,
    /// The system's answer.
    pub why: io::Error,
}

impl Temp {
    fn parts(&mut self) -> io::Result<(&mut File, PathBuf, &Files)> {
        let file = self.file.as_mut().ok_or_else(|| io::Error::other("the file was moved"))?;
        let path = file.path().to_owned();
        Ok((file.as_file_mut(), path, &self.files))
    }

    /// Writes to it.
    pub fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (file, path, files) = self.parts()?;
        files.write_all(file, &path, bytes)
    }

    /// What the system knows of it.
    pub fn metadata(&self) -> io::Result<Metadata> {
        let file = self.file.as_ref().ok_or_else(|| io::Error::other("the file was moved"))?;
        self.files.step(Operation::Look, file.path())?;
        file.as_file().metadata()
    }

    /// Brings its bytes to the disk.
    pub fn sync(&mut self) -> io::Result<()> {
        let (file, path, files) = self.parts()?;
        files.sync(file, &path)
    }

    /// Gives it a name; what has that name is replaced.
    pub fn place(self, path: &Path) -> Result<(), Box<NotPlaced>> {
        self.place_by(path, |file, path| file.persist(path))
    }

    /// Gives it a name that nothing has yet.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if the name is taken.
    pub fn place_new(self, path: &Path) -> Result<(), Box<NotPlaced>> {
        self.place_by(path, |file, path| file.persist_noclobber(path))
    }

    fn place_by(
        mut self,
        path: &Path,
        persist: impl FnOnce(NamedTempFile, &Path) -> Result<File, tempfile::PersistError>,
    ) -> Result<(), Box<NotPlaced>> {
        if let Err(why) = self.files.step(Operation::Rename, path) {
            return Err(Box::new(NotPlaced { temp: self, why }));
        }
        let Some(file) = self.file.take() else { return Ok(()) };
        let from = file.path().to_owned();
        let old = self.files.trial.as_ref().map(|_| fs::read(path).ok());
        match persist(file, path) {
            Ok(_) => {
                self.files.done(|trial| trial.renamed(&from, path, old.flatten()));
                Ok(())
            }
            Err(refused) => {
                self.file = Some(refused.file);
                Err(Box::new(NotPlaced { temp: self, why: refused.error }))
            }
        }
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        let Some(trial) = &self.files.trial else { return };
        let Some(file) = self.file.take() else { return };
        // After a crash nobody is there to tidy up.
        if trial.has_crashed() {
            let _ = file.keep();
        } else {
            trial.forget(file.path());
        }
    }
}

/// A file that grows over several runs: a download.
pub struct Partial {
    file: File,
    path: PathBuf,
    files: Files,
}

impl Partial {
    /// Waits until no other process has it; tells whether that could be had.
    pub fn lock(&self) -> bool {
        self.file.lock().is_ok()
    }

    /// Whether it still has its name: another process may have finished it meanwhile.
    pub fn is_named(&self) -> bool {
        use std::os::unix::fs::MetadataExt;
        let named = fs::metadata(&self.path).map(|m| (m.dev(), m.ino())).ok();
        let here = self.file.metadata().map(|m| (m.dev(), m.ino())).ok();
        here.is_some() && named == here
    }

    /// Hands its bytes to `each`, and stands at its end.
    pub fn read(&mut self, mut each: impl FnMut(&[u8])) -> io::Result<u64> {
        self.files.step(Operation::Read, &self.path)?;
        self.file.seek(SeekFrom::Start(0))?;
        let mut buffer = vec![0; 1 << 16];
        let mut total = 0;
        loop {
            match self.file.read(&mut buffer) {
                Ok(0) => return Ok(total),
                Ok(n) => {
                    each(&buffer[..n]);
                    total += n as u64;
                }
                Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
                Err(why) => return Err(why),
            }
        }
    }

    /// Adds to its end.
    pub fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.files.write_all(&mut self.file, &self.path, bytes)
    }

    /// Forgets its bytes from `length` on, and stands there.
    pub fn cut(&mut self, length: u64) -> io::Result<()> {
        self.files.step(Operation::Write, &self.path)?;
        self.file.set_len(length)?;
        self.file.seek(SeekFrom::Start(length)).map(drop)
    }

    /// Brings its bytes to the disk and gives it its lasting name.
    pub fn place(self, path: &Path) -> io::Result<()> {
        self.files.sync(&self.file, &self.path)?;
        self.files.rename(&self.path, path)
    }
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
