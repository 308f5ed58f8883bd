//! Mutants: bytes flipped, numbers made giants, pieces cut, repeated, moved and spliced.

/// Numbers that are too large, too small, or on an edge.
const NUMBERS: [&str; 18] = [
    "0",
    "-1",
    "1",
    "2",
    "8",
    "127",
    "255",
    "256",
    "65535",
    "65536",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "99999999999999999999",
    "1e308",
];

/// A small generator of numbers; one seed, one sequence.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`, 0 if `n` is.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// What mutants are made of.
pub struct Pool<'a> {
    /// Inputs seen so far; never empty.
    pub corpus: &'a [Vec<u8>],
    /// Words of the format.
    pub words: &'a [&'a str],
    /// No mutant is longer.
    pub most_bytes: usize,
}

/// One input, changed in one to eight places.
pub fn mutant(random: &mut Random, pool: &Pool<'_>) -> Vec<u8> {
    let mut bytes = random.pick(pool.corpus).clone();
    for _ in 0..=random.below(8) {
        change(&mut bytes, random, pool);
    }
    bytes.truncate(pool.most_bytes);
    bytes
}

/// A place, more often near the beginning, where headers are.
fn place(bytes: &[u8], random: &mut Random) -> usize {
    match random.below(2) {
        0 => random.below(bytes.len().min(4096)),
        _ => random.below(bytes.len()),
    }
}

fn range(bytes: &[u8], random: &mut Random) -> std::ops::Range<usize> {
    let start = place(bytes, random);
    let longest = *random.pick(&[1, 4, 16, 80, 400, 4000]);
    start..bytes.len().min(start + 1 + random.below(longest))
}

fn change(bytes: &mut Vec<u8>, random: &mut Random, pool: &Pool<'_>) {
    let at = place(bytes, random);
    match random.below(14) {
        0 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
        1 if !bytes.is_empty() => bytes[at] = random.next() as u8,
        2 | 3 => number(bytes, at, random),
        4 => insert(bytes, at, random.pick(pool.words).as_bytes()),
        5 => {
            let word = random.pick(pool.words).as_bytes();
            let end = bytes.len().min(at + word.len());
            bytes.splice(at..end, word.iter().copied());
        }
        6 => drop(bytes.drain(range(bytes, random))),
        7 => {
            let piece = bytes[range(bytes, random)].to_vec();
            let times = *random.pick(&[1, 1, 2, 8, 64, 1000]);
            let room = pool.most_bytes.saturating_sub(bytes.len());
            let times = times.min(room / piece.len().max(1));
            insert(bytes, at, &piece.repeat(times));
        }
        8 => {
            let other = random.pick(pool.corpus);
            let from = place(other, random);
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
        9 => {
            let other = random.pick(pool.corpus);
            let piece = other[range(other, random)].to_vec();
            let end = bytes.len().min(at + piece.len());
            bytes.splice(at..end, piece);
        }
        10 if random.below(4) == 0 => bytes.truncate(at),
        11 => swap_lines(bytes, random),
        12 => integer(bytes, at, random),
        _ => {
            let piece = bytes[range(bytes, random)].to_vec();
            insert(bytes, at, &piece);
        }
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, piece: &[u8]) {
    bytes.splice(at..at, piece.iter().copied());
}

/// Replaces the next run of digits by another number.
fn number(bytes: &mut Vec<u8>, at: usize, random: &mut Random) {
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let Some(start) = bytes[at..].iter().position(is_digit).map(|n| at + n) else { return };
    let length = bytes[start..].iter().take_while(|b| is_digit(b)).count();
    let number = random.pick(&NUMBERS).as_bytes();
    // In a card of fixed width the number grows into the blanks before it.
    let blanks = bytes[..start].iter().rev().take_while(|b| **b == b' ').count();
    let more = number.len().saturating_sub(length).min(blanks.saturating_sub(1));
    bytes.splice(start - more..start + length, number.iter().copied());
}

/// Writes a binary integer of an edge.
fn integer(bytes: &mut [u8], at: usize, random: &mut Random) {
    let value =
        *random.pick(&[0u64, 1, 0x7f, 0xff, 0x7fff_ffff, 0xffff_ffff, u64::MAX >> 1, u64::MAX]);
    let all = if random.below(2) == 0 { value.to_be_bytes() } else { value.to_le_bytes() };
    let width = *random.pick(&[2, 4, 8]);
    let piece = if random.below(2) == 0 { &all[..width] } else { &all[8 - width..] };
    for (byte, new) in bytes[at..].iter_mut().zip(piece) {
        *byte = *new;
    }
}

/// Swaps two lines, or two cards where there are no lines.
fn swap_lines(bytes: &mut Vec<u8>, random: &mut Random) {
    let lines: Vec<Vec<u8>> = match bytes.contains(&b'\n') {
        true => bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect(),
        false => bytes.chunks(80).map(<[u8]>::to_vec).collect(),
    };
    let (a, b) = (random.below(lines.len()), random.below(lines.len()));
    if lines.is_empty() {
        return;
    }
    let mut lines = lines;
    lines.swap(a, b);
    *bytes = lines.concat();
}

#[test]
fn mutants_differ_and_stay_small() {
    let corpus = [b"NAXIS1 =      3900\nNAXIS2 = 5\n".to_vec(), b"other".to_vec()];
    let pool = Pool { corpus: &corpus, words: &["END"], most_bytes: 200 };
    let of = |seed| {
        let mut random = Random::new(seed);
        (0..500).map(|_| mutant(&mut random, &pool)).collect::<Vec<_>>()
    };
    assert_eq!(of(1), of(1));
    let different: std::collections::BTreeSet<Vec<u8>> = of(1).into_iter().collect();
    assert!(different.len() > 400 && different.iter().all(|bytes| bytes.len() <= 200));
}
