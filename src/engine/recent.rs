//! What was used last, within a limit: several readers in a row want the same.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::digest::Digest;

/// Things named by their digests, the one used last at the end. Few: they are searched one by one.
#[derive(Debug)]
pub(crate) struct Recent<T> {
    limit: usize,
    kept: Mutex<VecDeque<Entry<T>>>,
}

/// A thing, its name and its size.
type Entry<T> = (Digest, T, usize);

impl<T: Clone> Recent<T> {
    /// Room for things whose sizes add up to `limit`, in whatever unit: bytes, or 1 each.
    pub(crate) const fn new(limit: usize) -> Self {
        Recent { limit, kept: Mutex::new(VecDeque::new()) }
    }

    /// The thing of that digest, if it is still at hand.
    pub(crate) fn get(&self, digest: Digest) -> Option<T> {
        used(&mut self.lock(), digest)
    }

    /// The thing of that digest, made if it is not at hand; `make` must be quick, others wait for it.
    pub(crate) fn get_or(&self, digest: Digest, size: usize, make: impl FnOnce() -> T) -> T {
        let mut kept = self.lock();
        used(&mut kept, digest).unwrap_or_else(|| {
            let thing = make();
            self.add(&mut kept, (digest, thing.clone(), size));
            thing
        })
    }

    /// Keeps a thing, in the place of those that were not used for longest. What is larger than all room is not kept.
    pub(crate) fn keep(&self, digest: Digest, thing: T, size: usize) {
        let mut kept = self.lock();
        kept.retain(|(of, ..)| *of != digest);
        self.add(&mut kept, (digest, thing, size));
    }

    fn add(&self, kept: &mut VecDeque<Entry<T>>, entry: Entry<T>) {
        if entry.2 > self.limit {
            return;
        }
        kept.push_back(entry);
        while kept.iter().map(|(.., size)| size).sum::<usize>() > self.limit {
            kept.pop_front();
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Entry<T>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Finds a thing and puts it last.
fn used<T: Clone>(kept: &mut VecDeque<Entry<T>>, digest: Digest) -> Option<T> {
    let at = kept.iter().position(|(of, ..)| *of == digest)?;
    let found = kept.remove(at)?;
    let thing = found.1.clone();
    kept.push_back(found);
    Some(thing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let recent = Recent::new(10);
        let [a, b, c] = [b"a", b"b", b"c"].map(|name| Digest::of_bytes(name));
        recent.keep(a, 'a', 4);
        recent.keep(b, 'b', 4);
        assert_eq!(recent.get(a), Some('a'));
        recent.keep(c, 'c', 4);
        assert_eq!([a, b, c].map(|digest| recent.get(digest)), [Some('a'), None, Some('c')]);
        recent.keep(b, 'b', 11);
        assert_eq!([a, b, c].map(|digest| recent.get(digest)), [Some('a'), None, Some('c')]);
        recent.keep(c, 'c', 4);
        assert_eq!(recent.get(a), Some('a'), "nothing stands there twice");
    }

    #[test]
    fn what_is_at_hand_is_not_made_again() {
        let recent = Recent::new(2);
        let digest = |n: u8| Digest::of_bytes(&[n]);
        let made = |n: u8| recent.get_or(digest(n), 1, || n);
        assert_eq!(recent.get_or(digest(1), 1, || 10), 10);
        assert_eq!((made(2), made(1)), (2, 10));
        assert_eq!(made(3), 3);
        assert_eq!(made(1), 10, "used later than 2");
        assert_eq!(recent.get(digest(2)), None);
    }
}
