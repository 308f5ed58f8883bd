use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::sync::Mutex;
use std::time::Duration;

use super::super::events::Silent;
use super::super::source::{BoundFile, Origin, Sources};
use super::*;

struct Place {
    folder: tempfile::TempDir,
    store: Store,
}

fn place() -> Place {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&folder.path().join("cache")).expect("a store");
    Place { folder, store }
}

impl Place {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        fs::write(self.path(name), bytes).expect("a file");
        self.path(name)
    }

    fn sources(&self) -> Sources {
        Sources::open(&self.store, None, true)
    }

    /// What a run would find: the memory of the former one is read, and kept for the next.
    fn digest(&self, path: &Path) -> Result<Digest> {
        let sources = self.sources();
        let found = sources.digest(path, &Silent)?.0;
        sources.remember()?;
        Ok(found)
    }
}

#[test]
fn edits_within_the_grain_of_time_stamps_are_seen() {
    let place = place();
    let path = place.path("a");
    for i in 0..1000_u32 {
        fs::write(&path, i.to_le_bytes()).expect("a file");
        assert_eq!(place.digest(&path).expect("a digest"), Digest::of_bytes(&i.to_le_bytes()));
    }
}

#[test]
fn edits_that_restore_size_and_time_are_seen() {
    let place = place();
    let path = place.path("a");
    let ten_years = Duration::from_secs(10 * 365 * 86_400);
    for (round, time) in [
        SystemTime::now(),
        SystemTime::now() - ten_years,
        SystemTime::now() + ten_years,
        UNIX_EPOCH,
    ]
    .into_iter()
    .enumerate()
    {
        for i in 0..50_u32 {
            let bytes = (round as u32 * 1000 + i).to_le_bytes();
            fs::write(&path, bytes).expect("a file");
            let file = File::options().write(true).open(&path).expect("a file");
            file.set_modified(time).expect("a time");
            assert_eq!(place.digest(&path).expect("a digest"), Digest::of_bytes(&bytes));
        }
    }
}

#[test]
fn what_replaces_a_file_is_seen_whatever_its_stamp() {
    let place = place();
    let (a, b) = (place.write("a", b"one"), place.write("b", b"two"));
    let time = File::open(&a).and_then(|f| f.metadata()).and_then(|m| m.modified()).expect("one");
    File::options().write(true).open(&b).and_then(|f| f.set_modified(time)).expect("a time");
    assert_eq!(place.digest(&a).expect("a digest"), Digest::of_bytes(b"one"));
    fs::rename(&b, &a).expect("a move");
    assert_eq!(place.digest(&a).expect("a digest"), Digest::of_bytes(b"two"));
}

#[test]
fn a_settled_file_is_trusted_and_an_unsettled_one_is_not() {
    let stamp = Stamp { size: 1, mtime_ns: 50, ctime_ns: 40, inode: 7 };
    let seen = |seen_ns| Seen { digest: Digest::of_bytes(b""), stamp, seen_ns };
    assert!(seen(50 + RACY_NS).trusts(stamp));
    assert!(!seen(49 + RACY_NS).trusts(stamp));
    assert!(!seen(0).trusts(stamp), "a clock that was set back vouches for nothing");
    for changed in [
        Stamp { size: 2, ..stamp },
        Stamp { mtime_ns: 51, ..stamp },
        Stamp { ctime_ns: 41, ..stamp },
        Stamp { inode: 8, ..stamp },
    ] {
        assert!(!seen(i128::MAX).trusts(changed));
    }
}

#[test]
fn the_clock_that_is_behind_counts() {
    let place = place();
    let file = place.write("a", b"now");
    let written = Stamp::of(&fs::metadata(file).expect("a file")).mtime_ns;
    assert!((now_ns(&place.store) - written).abs() < 60 * RACY_NS);
}

/// Does something to a file when its hashing begins.
struct Meddler<F: Fn() + Send>(Mutex<F>);

impl<F: Fn() + Send> Observer for Meddler<F> {
    fn event(&self, event: &Event<'_>) {
        if matches!(event, Event::Hashing { .. }) {
            (self.0.lock().expect("no panic"))();
        }
    }
}

#[test]
fn a_file_that_changes_while_it_is_hashed_is_refused() {
    let place = place();
    let path = place.write("a", b"first");
    let changes: [&(dyn Fn() + Sync); 4] = [
        &|| fs::write(&path, b"other").expect("an edit"),
        &|| fs::write(&path, b"").expect("a cut"),
        &|| fs::write(&path, b"longer than that").expect("more"),
        &|| {
            fs::write(place.path("b"), b"first").expect("a file");
            fs::rename(place.path("b"), &path).expect("a replacement");
        },
    ];
    for change in changes {
        fs::write(&path, b"first").expect("a file");
        // Into another tick of the file system's clock.
        std::thread::sleep(Duration::from_millis(20));
        let meddler = Meddler(Mutex::new(change));
        let refused = place.sources().digest(&path, &meddler).expect_err("it changed");
        assert!(refused.to_string().contains("changed while it was read"), "{refused}");
        let now = fs::read(&path).expect("a file");
        assert_eq!(place.digest(&path).expect("a digest"), Digest::of_bytes(&now));
    }
}

#[test]
fn a_file_that_changes_after_it_was_hashed_is_refused_and_hashed_again() {
    let place = place();
    let path = place.write("a", b"first");
    let sources = place.sources();
    let (digest, bytes) = sources.digest(&path, &Silent).expect("a digest");
    let bound = |digest| BoundFile {
        name: "a".into(),
        digest,
        bytes: Some(bytes),
        origin: Origin::Path(path.clone()),
    };
    assert!(sources.read(&bound(digest), &Silent).is_ok());
    fs::write(&path, b"other").expect("an edit");
    let refused = sources.read(&bound(digest), &Silent).err().expect("it changed");
    assert!(refused.to_string().contains("changed during the run"), "{refused}");
    let again = sources.digest(&path, &Silent).expect("a digest").0;
    assert_eq!(again, Digest::of_bytes(b"other"));
    assert!(sources.read(&bound(again), &Silent).is_ok());
}

#[test]
fn names_of_any_bytes_are_names() {
    let place = place();
    // The first two look alike once they are text.
    let names: [&[u8]; 5] = [b"odd \xff", b"odd \xfe", b"new\nline", b" ", b"-C"];
    for round in [b"one", b"two"] {
        for name in names {
            let path = place.folder.path().join(std::ffi::OsStr::from_bytes(name));
            let bytes = [round, name].concat();
            fs::write(&path, &bytes).expect("a file");
            for _ in 0..2 {
                assert_eq!(place.digest(&path).expect("a digest"), Digest::of_bytes(&bytes));
            }
        }
    }
}

#[test]
fn what_is_no_file_is_refused_and_never_opened() {
    let place = place();
    symlink("loop", place.path("loop")).expect("a link");
    symlink("b", place.path("a")).expect("a link");
    symlink("a", place.path("b")).expect("a link");
    symlink("nowhere", place.path("lost")).expect("a link");
    symlink("/dev/zero", place.path("device")).expect("a link");
    fs::create_dir(place.path("folder")).expect("a folder");
    let _socket = UnixListener::bind(place.path("socket")).expect("a socket");
    let fifo = std::process::Command::new("mkfifo").arg(place.path("fifo")).status();
    let mut cases = vec![
        ("loop", "in a circle"),
        ("a", "in a circle"),
        ("lost", "leads nowhere"),
        ("device", "not a regular file"),
        ("folder", "a folder"),
        ("socket", "not a regular file"),
    ];
    if fifo.is_ok_and(|status| status.success()) {
        cases.push(("fifo", "not a regular file"));
    }
    for (name, says) in cases {
        let refused = place.digest(&place.path(name)).expect_err(name).to_string();
        assert!(refused.contains(says) && refused.contains(name), "{refused}");
    }
}

#[test]
fn links_to_files_are_followed_and_folders_are_walked_once() {
    let place = place();
    let real = place.write("real", b"bytes");
    symlink(&real, place.path("link")).expect("a link");
    assert_eq!(place.digest(&place.path("link")).expect("a digest"), Digest::of_bytes(b"bytes"));
    fs::write(&real, b"other").expect("an edit");
    assert_eq!(place.digest(&place.path("link")).expect("a digest"), Digest::of_bytes(b"other"));
    fs::create_dir_all(place.path("tree/below")).expect("folders");
    symlink("..", place.path("tree/below/up")).expect("a link");
    place.write("tree/below/file", b"");
    let found = files_below(&place.path("tree")).expect("a walk that ends");
    assert_eq!(found, [place.path("tree/below/file"), place.path("tree/below/up")]);
}

#[test]
fn a_damaged_memory_is_no_memory() {
    let place = place();
    let path = place.write("a", b"bytes");
    place.digest(&path).expect("a digest");
    let memory = place.store.root().join("stat.json");
    let sound = fs::read(&memory).expect("a memory");
    for at in 0..sound.len() {
        let mut damaged = sound.clone();
        damaged[at] ^= 1;
        fs::write(&memory, damaged).expect("damage");
        let found = place.sources().digest(&path, &Silent).expect("a digest").0;
        assert_eq!(found, Digest::of_bytes(b"bytes"), "byte {at}");
    }
}
