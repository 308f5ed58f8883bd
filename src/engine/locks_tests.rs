use super::*;

fn key(name: &str) -> Digest {
    Digest::of_bytes(name.as_bytes())
}

fn is_ours(claim: &Claim<'_>) -> bool {
    matches!(claim, Claim::Ours(_))
}

#[test]
fn a_key_has_one_holder_and_leaves_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, two) = (Locks::new(folder.path(), true), Locks::new(folder.path(), true));
    let held = one.claim(key("a"));
    assert!(is_ours(&held));
    assert!(matches!(one.claim(key("a")), Claim::Busy(Holder::Ourselves)));
    let us = Holder::Process(Some(std::process::id()));
    assert!(matches!(two.claim(key("a")), Claim::Busy(by) if by == us));
    assert!(is_ours(&two.claim(key("b"))));
    drop(held);
    assert!(is_ours(&two.claim(key("a"))));
    assert_eq!(fs::read_dir(folder.path().join("locks")).expect("it").count(), 0);
}

#[test]
fn the_file_of_a_dead_holder_is_no_lock() {
    let folder = tempfile::tempdir().expect("a folder");
    let locks = Locks::new(folder.path(), true);
    fs::create_dir_all(folder.path().join("locks")).expect("a folder");
    fs::write(folder.path().join("locks").join(key("a").to_string()), "12").expect("a file");
    assert!(is_ours(&locks.claim(key("a"))));
}

#[test]
fn many_threads_never_hold_a_key_together() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let folder = tempfile::tempdir().expect("a folder");
    let (inside, claims) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let locks = Locks::new(folder.path(), true);
                for _ in 0..500 {
                    if let Claim::Ours(held) = locks.claim(key("a")) {
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        claims.fetch_add(1, Ordering::SeqCst);
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(held);
                    }
                }
            });
        }
    });
    assert!(claims.into_inner() >= 8);
}

#[test]
fn without_locks_every_claim_is_granted() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, two) = (Locks::new(folder.path(), false), Locks::new(folder.path(), false));
    let held = one.claim(key("a"));
    assert!(is_ours(&held) && is_ours(&two.claim(key("a"))));
    assert!(one.without().is_some());
    assert!(one.share(false).is_ok());
    assert!(!folder.path().join("locks").exists());
}

#[test]
fn a_sweep_and_the_users_of_a_store_keep_each_other_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let locks = Locks::new(folder.path(), true);
    let (a, b) = (locks.share(true).expect("a"), locks.share(false).expect("b"));
    assert!(matches!(locks.alone(Duration::ZERO), Err(EngineError::Locked { .. })));
    drop((a, b));
    let alone = locks.alone(Duration::ZERO).expect("alone");
    assert!(matches!(locks.share(false), Err(EngineError::Locked { .. })));
    drop(alone);
    assert!(locks.share(false).is_ok());
}

#[test]
fn a_run_in_progress_is_told_from_one_that_died() {
    let folder = tempfile::tempdir().expect("a folder");
    let active = Active::begin(folder.path(), [key("a")]).expect("a file");
    active.note([key("b"), key("c")]).expect("written");
    let runs = active_runs(folder.path());
    assert_eq!(runs.len(), 1);
    assert!(runs[0].alive);
    assert_eq!(runs[0].keys, [key("a"), key("b"), key("c")]);
    drop(active);
    assert!(!active_runs(folder.path())[0].alive);
    Active::begin(folder.path(), []).expect("another").end();
    assert_eq!(active_runs(folder.path()).len(), 1);
}

#[test]
fn the_sweep_of_locks_leaves_those_in_use() {
    let folder = tempfile::tempdir().expect("a folder");
    let locks = Locks::new(folder.path(), true);
    let held = locks.claim(key("a"));
    fs::write(folder.path().join("locks").join(key("b").to_string()), "").expect("a file");
    assert_eq!(locks.sweep().expect("swept"), 1);
    let other = Locks::new(folder.path(), true);
    assert!(!is_ours(&other.claim(key("a"))));
    drop(held);
}
