//! Just enough of POSIX ustar: regular files with short names. Whatever else an archive may hold is refused.

/// Size of a header, and what the size of a file is rounded up to.
pub(super) const BLOCK: usize = 512;

/// A regular file in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) size: u64,
}

/// The header of a file; `None` if its name is too long for the format.
pub(super) fn header(entry: &Entry) -> Option<[u8; BLOCK]> {
    let (prefix, name) = split(&entry.name)?;
    let mut block = [0u8; BLOCK];
    let mut put = |at: usize, text: &[u8]| block[at..at + text.len()].copy_from_slice(text);
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, &size_field(entry.size));
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    put(345, prefix.as_bytes());
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Some(block)
}

/// Prefix of up to 155 bytes and name of up to 100.
fn split(name: &str) -> Option<(&str, &str)> {
    if name.len() <= 100 {
        return Some(("", name));
    }
    let mut cuts = name.match_indices('/').map(|(at, _)| at);
    cuts.rfind(|at| *at <= 155 && name.len() - at - 1 <= 100)
        .map(|at| (&name[..at], &name[at + 1..]))
}

/// Octal digits; of a size beyond 8 GiB the base-256 form that all of today's readers know.
fn size_field(size: u64) -> [u8; 12] {
    let mut field = [0u8; 12];
    if size < 1 << 33 {
        field.copy_from_slice(format!("{size:011o}\0").as_bytes());
    } else {
        field[0] = 0x80;
        field[4..].copy_from_slice(&size.to_be_bytes());
    }
    field
}

/// What a header says; `Ok(None)` for the block of zeros at the end.
///
/// # Errors
/// A sentence: links, folders, devices and extensions are none of ours.
pub(super) fn parse(block: &[u8; BLOCK]) -> Result<Option<Entry>, String> {
    if block.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let declared = octal(&block[148..156]).ok_or("a header has no checksum")?;
    let sum = |at: usize| if (148..156).contains(&at) { 32 } else { u64::from(block[at]) };
    if (0..BLOCK).map(sum).sum::<u64>() != declared {
        return Err("a header does not have its checksum".into());
    }
    if &block[257..262] != b"ustar" {
        return Err("it is no ustar archive".into());
    }
    let name = text(&block[..100])?;
    let prefix = text(&block[345..500])?;
    let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
    match block[156] {
        b'0' | 0 => {}
        b'1' | b'2' => return Err(format!("`{name}` is a link")),
        kind => {
            return Err(format!("`{name}` is no regular file (type `{}`)", char::from(kind)));
        }
    }
    let size = match block[124] {
        0x80 => u64::from_be_bytes(block[128..136].try_into().map_err(|_| "a size is cut off")?),
        _ => octal(&block[124..136]).ok_or_else(|| format!("`{name}` has no size"))?,
    };
    Ok(Some(Entry { name, size }))
}

fn text(field: &[u8]) -> Result<String, String> {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    let text = std::str::from_utf8(&field[..end]).map_err(|_| "a name is no text".to_owned())?;
    Ok(text.to_owned())
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    let digits = text.trim_matches(|c| c == ' ' || c == '\0');
    u64::from_str_radix(digits, 8).ok()
}

/// Bytes of padding after a file of that size.
pub(super) fn padding(size: u64) -> usize {
    (BLOCK - (size % BLOCK as u64) as usize) % BLOCK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_back_and_a_flipped_bit_is_seen() {
        let long = format!("cache/v1/{}/{}", "a".repeat(90), "b".repeat(80));
        for (name, size) in [("a", 0), ("results/x.csv", 513), (long.as_str(), 9 << 30)] {
            let entry = Entry { name: name.into(), size };
            let block = header(&entry).expect("a header");
            assert_eq!(parse(&block), Ok(Some(entry)));
            for at in [0, 124, 130, 156, 345] {
                let mut damaged = block;
                damaged[at] ^= 1;
                assert!(parse(&damaged).is_err(), "{name} {at}");
            }
        }
        assert_eq!(parse(&[0; BLOCK]), Ok(None));
        assert_eq!((padding(0), padding(1), padding(512)), (0, 511, 0));
        assert!(header(&Entry { name: "x".repeat(101), size: 0 }).is_none());
    }
}
