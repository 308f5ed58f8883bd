//! What was used last, within a budget of bytes: several readers in a row want the same.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::digest::Digest;

/// Things named by their digests, the one used last at the end. Small: it is searched one by one.
#[derive(Debug)]
pub(super) struct Recent<T> {
    limit_bytes: usize,
    kept: Mutex<VecDeque<(Digest, T, usize)>>,
}

impl<T: Clone> Recent<T> {
    /// Room for things of `limit_bytes` together.
    pub fn new(limit_bytes: usize) -> Self {
        Recent { limit_bytes, kept: Mutex::default() }
    }

    /// The thing of that digest, if it is still at hand.
    pub fn get(&self, digest: Digest) -> Option<T> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(of, ..)| *of == digest)?;
        let found = kept.remove(at)?;
        let thing = found.1.clone();
        kept.push_back(found);
        Some(thing)
    }

    /// Keeps a thing of so many bytes, in the place of those that were not used for longest. What is larger than all
    /// room is not kept.
    pub fn keep(&self, digest: Digest, thing: T, bytes: usize) {
        if bytes > self.limit_bytes {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(of, ..)| *of != digest);
        kept.push_back((digest, thing, bytes));
        while kept.iter().map(|(.., bytes)| bytes).sum::<usize>() > self.limit_bytes {
            kept.pop_front();
        }
    }
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
}
