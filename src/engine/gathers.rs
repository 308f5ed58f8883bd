//! Remembered digests of carried columns: what was gathered once need not be gathered to be
//! compared.

use std::collections::BTreeMap;

use super::digest::Digest;

/// What one record's carried columns were last gathered from, and what came out.
#[derive(Debug, Default, PartialEq)]
pub struct Gathers {
    columns: BTreeMap<(u32, String), (Digest, Vec<Digest>)>,
    changed: bool,
}

impl Gathers {
    /// The digests of a column's parts, if they were gathered from `signature`.
    pub fn get(&self, output: usize, column: &str, signature: Digest) -> Option<Vec<Digest>> {
        let (known, digests) = self.columns.get(&(output as u32, column.to_owned()))?;
        (*known == signature).then(|| digests.clone())
    }

    /// Remembers the digests of a column's parts.
    pub fn put(&mut self, output: usize, column: &str, signature: Digest, digests: &[Digest]) {
        let key = (output as u32, column.to_owned());
        self.columns.insert(key, (signature, digests.to_vec()));
        self.changed = true;
    }

    /// All of it as bytes, if something is new since the last time.
    pub fn unsaved(&mut self) -> Option<Vec<u8>> {
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        let mut bytes = Vec::new();
        for ((output, column), (signature, digests)) in &self.columns {
            bytes.extend_from_slice(&output.to_le_bytes());
            bytes.extend_from_slice(&(column.len() as u32).to_le_bytes());
            bytes.extend_from_slice(column.as_bytes());
            bytes.extend_from_slice(signature.bytes());
            bytes.extend_from_slice(&(digests.len() as u32).to_le_bytes());
            digests.iter().for_each(|digest| bytes.extend_from_slice(digest.bytes()));
        }
        Some(bytes)
    }

    /// Reads it back; `None` if the bytes are none of [`Gathers::unsaved`].
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let mut columns = BTreeMap::new();
        while !rest.is_empty() {
            let output = number(&mut rest)?;
            let length = number(&mut rest)? as usize;
            let column = std::str::from_utf8(taken(&mut rest, length)?).ok()?.to_owned();
            let signature = digest(&mut rest)?;
            let n = number(&mut rest)?;
            let digests = (0..n).map(|_| digest(&mut rest)).collect::<Option<Vec<_>>>()?;
            columns.insert((output, column), (signature, digests));
        }
        Some(Gathers { columns, changed: false })
    }
}

fn taken<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(head)
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(taken(rest, 4)?.try_into().ok()?))
}

fn digest(rest: &mut &[u8]) -> Option<Digest> {
    Some(Digest::from_bytes(taken(rest, 32)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_remembered_is_read_back() {
        let (a, b) = (Digest::of_bytes(b"a"), Digest::of_bytes(b"b"));
        let mut gathers = Gathers::default();
        gathers.put(0, "Teff", a, &[a, b]);
        gathers.put(2, "logg", b, &[]);
        let bytes = gathers.unsaved().expect("something new");
        assert_eq!(gathers.unsaved(), None);
        let back = Gathers::read(&bytes).expect("readable");
        assert_eq!(back.get(0, "Teff", a), Some(vec![a, b]));
        assert_eq!(back.get(0, "Teff", b), None);
        assert_eq!(back.get(1, "Teff", a), None);
        assert!((1..bytes.len()).all(|n| Gathers::read(&bytes[..n]).is_none_or(|g| g != back)));
    }
}
