//! Archives that were made to do harm.

use super::*;

/// Names and bytes as listed, and as they come.
type Forged<'a> = (&'a [(&'a str, &'a [u8])], &'a [(&'a str, &'a [u8], u8)]);

/// A raw archive of these entries, after a list that names `listed`.
fn archive(listed: &[(&str, &[u8])], entries: &[(&str, &[u8], u8)]) -> Vec<u8> {
    let mut manifest = Manifest::new("r", "mdwarf run");
    for (name, bytes) in listed {
        let listed = Listed { blake3: Digest::of_bytes(bytes), bytes: bytes.len() as u64 };
        manifest.files.insert((*name).to_owned(), listed);
    }
    let mut out = Vec::new();
    append(&mut out, MANIFEST, &serde_json::to_vec(&manifest).expect("a list")).expect("memory");
    for (name, bytes, kind) in entries {
        let entry = Entry { name: (*name).to_owned(), size: bytes.len() as u64 };
        let mut block = header(&entry).expect("a short name");
        block[156] = *kind;
        block[148..156].copy_from_slice(b"        ");
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.extend_from_slice(&block);
        out.extend_from_slice(bytes);
        out.extend_from_slice(&vec![0; padding(entry.size)]);
    }
    out.extend_from_slice(&[0; 2 * BLOCK]);
    out
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(bytes).expect("memory");
    out.finish().expect("memory")
}

/// What unpacking says, and that a refusal leaves nothing behind.
fn tried(zipped: &[u8], max_bytes: u64) -> std::result::Result<Manifest, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let bundle = folder.path().join("b.tar.gz");
    fs::write(&bundle, zipped).expect("a file");
    let into = folder.path().join("deep/in");
    let result = unpack(&bundle, &into, max_bytes).map_err(|why| why.to_string());
    let left = fs::read_dir(folder.path().join("deep")).into_iter().flatten().count();
    assert_eq!(left, usize::from(result.is_ok()), "{result:?}");
    let outside = fs::read_dir(folder.path()).expect("a folder").count();
    assert!(outside <= 2, "something was written beside the folder");
    result
}

const ROOM: u64 = 1 << 20;

#[test]
fn a_sound_archive_is_unpacked() {
    let one = ("pipeline.toml", b"x = 1".as_slice());
    let bytes = zipped(&archive(&[one], &[(one.0, one.1, b'0')]));
    assert_eq!(tried(&bytes, ROOM).expect("sound").files.len(), 1);
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for name in [
        "../x",
        "a/../../x",
        "/etc/x",
        "a//b",
        "./x",
        "a/./b",
        ".git/hooks/x",
        "a\\..\\x",
        "C:x",
        "a\nb",
        "",
        "cache/v1/locks/gate",
        "cache/x",
        "cache/v1/objects/../../../x",
    ] {
        let bytes = zipped(&archive(&[(name, b"1")], &[(name, b"1", b'0')]));
        let why = tried(&bytes, ROOM).expect_err(name);
        assert!(why.contains("nothing was unpacked"), "{why}");
    }
}

#[test]
fn links_folders_and_devices_are_refused() {
    for kind in *b"1234567xgLKS" {
        let bytes = zipped(&archive(&[("a", b"1")], &[("a", b"1", kind)]));
        assert!(tried(&bytes, ROOM).is_err(), "{}", char::from(kind));
    }
}

#[test]
fn forged_content_is_refused() {
    // Other bytes than listed, of the same size; unlisted; twice; missing; of another size.
    let cases: [Forged<'_>; 5] = [
        (&[("a", b"1")], &[("a", b"2", b'0')]),
        (&[("a", b"1")], &[("a", b"1", b'0'), ("b", b"1", b'0')]),
        (&[("a", b"1")], &[("a", b"1", b'0'), ("a", b"1", b'0')]),
        (&[("a", b"1"), ("b", b"1")], &[("a", b"1", b'0')]),
        (&[("a", b"1")], &[("a", b"11", b'0')]),
    ];
    for (listed, entries) in cases {
        assert!(tried(&zipped(&archive(listed, entries)), ROOM).is_err());
    }
    // An object under another's name, and a record that is none.
    let digest = Digest::of_bytes(b"other").to_string();
    for folder in ["objects", "records"] {
        let suffix = if folder == "objects" { ".parquet" } else { ".json" };
        let name = format!("cache/v1/{folder}/{}/{}{suffix}", &digest[..2], &digest[2..]);
        let bytes = zipped(&archive(&[(&name, b"this")], &[(&name, b"this", b'0')]));
        let why = tried(&bytes, ROOM).expect_err("forged");
        assert!(why.contains("of that name"), "{why}");
    }
}

#[test]
fn bombs_are_refused() {
    // Declared to be too large.
    let large = vec![0u8; 4096];
    let bytes = zipped(&archive(&[("a", &large)], &[("a", &large, b'0')]));
    let why = tried(&bytes, 1000).expect_err("too large");
    assert!(why.contains("--max-size"), "{why}");
    // Zeros without end after the end: a few kB that unpack to 64 MB.
    let mut bomb = archive(&[("a", b"1")], &[("a", b"1", b'0')]);
    bomb.resize(bomb.len() + (64 << 20), 0);
    let bytes = zipped(&bomb);
    assert!(bytes.len() < 1 << 20);
    assert!(tried(&bytes, u64::MAX).expect_err("a bomb").contains("more comes out"));
    // A size that nobody has.
    let entry = Entry { name: MANIFEST.into(), size: u64::MAX / 2 };
    let why = tried(&zipped(&header(&entry).expect("a header")), ROOM).expect_err("too large");
    assert!(why.contains("does not begin"), "{why}");
}

#[test]
fn what_is_cut_off_or_goes_on_is_refused() {
    let one = ("pipeline.toml", b"x = 1".as_slice());
    let bytes = zipped(&archive(&[one], &[(one.0, one.1, b'0')]));
    for n in 0..bytes.len() {
        assert!(tried(&bytes[..n], ROOM).is_err(), "{n} of {}", bytes.len());
    }
    let mut longer = bytes.clone();
    longer.extend_from_slice(b"more");
    assert!(tried(&longer, ROOM).is_err());
    for at in (0..bytes.len()).filter(|at| !(4..=9).contains(at)) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        // A bit of gzip's own header may mean nothing; then what comes out is sound.
        if let Ok(manifest) = tried(&damaged, ROOM) {
            assert_eq!(manifest.files.len(), 1);
        }
    }
}

#[test]
fn a_folder_that_is_not_empty_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let bundle = folder.path().join("b.tar.gz");
    fs::write(&bundle, zipped(&archive(&[], &[]))).expect("a file");
    let into = folder.path().join("in");
    fs::create_dir(&into).expect("a folder");
    fs::write(into.join("mine"), "mine").expect("a file");
    let why = unpack(&bundle, &into, ROOM).expect_err("not empty").to_string();
    assert!(why.contains("not empty") && into.join("mine").exists(), "{why}");
}
