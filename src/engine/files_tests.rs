use super::super::files_trial::{Fault, Unsynced};
use super::*;

const EIO: i32 = 5;

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Place { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes as the store commits; tells what came of it.
    fn commit(&self, files: &Files, name: &str, bytes: &[u8], lasting: bool) -> io::Result<()> {
        let mut temp = files.create_temp(self.folder.path())?;
        temp.write_all(bytes)?;
        if lasting {
            temp.sync()?;
        }
        temp.place(&self.path(name)).map_err(|not| not.why)?;
        if lasting { files.sync_folder(self.folder.path()) } else { Ok(()) }
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).expect("a folder");
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        let mut names: Vec<String> =
            entries.map(|entry| name(entry).into_string().expect("text")).collect();
        names.sort();
        names
    }
}

fn trial(fault: Fault, at: u64) -> (Arc<Trial>, Files) {
    let trial = Arc::new(Trial::new(fault, at, Operation::changes));
    (trial.clone(), Files::on_trial(trial))
}

#[test]
fn each_operation_can_fail_and_nothing_is_left() {
    for at in 1..=5 {
        let place = Place::new();
        let (trial, files) = trial(Fault::Fail(EIO), at);
        let failed = place.commit(&files, "a", b"bytes", true);
        assert_eq!(failed.map_err(|why| why.raw_os_error()), Err(Some(EIO)), "{at}");
        let there = if at == 5 { vec!["a"] } else { vec![] };
        assert_eq!(place.names(), there, "operation {at}: {:?}", trial.hit());
        place.commit(&files, "a", b"bytes", true).expect("only one operation fails");
        assert_eq!(fs::read(place.path("a")).expect("a file"), b"bytes");
    }
}

#[test]
fn a_synced_file_outlives_a_power_cut_and_others_do_not() {
    for (unsynced, unlasting) in [
        (Unsynced::Stays, Some(&b"second"[..])),
        (Unsynced::Dropped, None),
        (Unsynced::Emptied, Some(b"")),
        (Unsynced::Zeroed, Some(&[0; 6])),
        (Unsynced::Halved, Some(b"sec")),
    ] {
        let place = Place::new();
        let (trial, files) = trial(Fault::Crash, 9);
        place.commit(&files, "a", b"first", true).expect("before the crash");
        place.commit(&files, "b", b"second", false).expect("before the crash");
        assert!(place.commit(&files, "c", b"third", true).is_err());
        assert!(files.read(&place.path("a")).is_err(), "nobody is there to read");
        trial.power_cut(unsynced).expect("a power cut");
        assert_eq!(fs::read(place.path("a")).expect("a file"), b"first");
        assert_eq!(fs::read(place.path("b")).ok().as_deref(), unlasting, "{unsynced:?}");
    }
}

#[test]
fn what_was_replaced_comes_back() {
    let place = Place::new();
    fs::write(place.path("a"), b"old").expect("a file");
    let (trial, files) = trial(Fault::Crash, 4);
    place.commit(&files, "a", b"new", false).expect("before the crash");
    assert!(place.commit(&files, "b", b"more", false).is_err());
    assert_eq!(fs::read(place.path("a")).expect("a file"), b"new");
    trial.power_cut(Unsynced::Dropped).expect("a power cut");
    assert_eq!(fs::read(place.path("a")).expect("a file"), b"old");
    assert_eq!(place.names(), ["a"]);
}

#[test]
fn a_torn_write_leaves_half() {
    let place = Place::new();
    let (_, files) = trial(Fault::TornCrash, 2);
    assert!(place.commit(&files, "a", b"abcdef", true).is_err());
    let names = place.names();
    assert_eq!(names.len(), 1, "nobody tidied up");
    assert_eq!(fs::read(place.path(&names[0])).expect("a file"), b"abc");
}
