//! The table of pixels: a compound whose members are found by name and converted from any numeric type.

use hdf5_pure::{
    CompoundMember, CompoundTypeBuilder, Datatype, DatatypeByteOrder, FixedPointLayout,
    make_f32_type, make_i32_type, make_i64_type, make_u8_type,
};

/// One line of sight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MapPixel {
    /// Size of the pixel: the sphere has 12 nside^2 of them.
    pub nside: u32,
    /// Nested HEALPix number, Galactic coordinates.
    pub healpix_index: u64,
    /// Whether the fit has converged.
    pub converged: bool,
    /// Least distance modulus that is reliable, mag; NaN for none.
    pub dm_reliable_min: f32,
    /// Largest distance modulus that is reliable, mag; NaN for none.
    pub dm_reliable_max: f32,
    /// Stars that the fit used; 0 where the file does not say.
    pub n_stars: i32,
}

/// Bytes of a pixel as written here.
const WRITTEN_BYTES: usize = 4 + 8 + 1 + 4 + 4 + 4;

/// The compound, members in the order of [`encode`].
pub(super) fn written_type() -> Result<Datatype, hdf5_pure::FormatError> {
    CompoundTypeBuilder::new()
        .field("nside", make_i32_type())
        .field("healpix_index", make_i64_type())
        .field("converged", make_u8_type())
        .field("DM_reliable_min", make_f32_type())
        .field("DM_reliable_max", make_f32_type())
        .field("n_stars", make_i32_type())
        .build()
}

/// The pixels as the compound of [`written_type`] lays them out, little-endian and packed.
pub(super) fn encode(pixels: &[MapPixel]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(pixels.len() * WRITTEN_BYTES);
    for pixel in pixels {
        bytes.extend((pixel.nside as i32).to_le_bytes());
        bytes.extend((pixel.healpix_index as i64).to_le_bytes());
        bytes.push(u8::from(pixel.converged));
        bytes.extend(pixel.dm_reliable_min.to_le_bytes());
        bytes.extend(pixel.dm_reliable_max.to_le_bytes());
        bytes.extend(pixel.n_stars.to_le_bytes());
    }
    bytes
}

/// How the members that are needed lie in a record.
pub(super) struct Decoder {
    pub record_bytes: usize,
    nside: Member,
    healpix_index: Member,
    converged: Member,
    least: Member,
    largest: Member,
    n_stars: Option<Member>,
}

impl Decoder {
    /// Errors in words when a member is missing or is no number.
    pub fn new(kind: &Datatype) -> Result<Self, String> {
        let Datatype::Compound { size, members } = kind else {
            return Err("its rows are no records of named members".into());
        };
        let record_bytes = *size as usize;
        let names = || members.iter().map(|m| m.name.as_str()).collect::<Vec<_>>().join(", ");
        let member = |name: &str| {
            let found = members.iter().find(|member| member.name == name);
            let found = found.ok_or_else(|| format!("no member `{name}`; it has {}", names()))?;
            Member::new(found, record_bytes)
        };
        Ok(Self {
            record_bytes,
            nside: member("nside")?,
            healpix_index: member("healpix_index")?,
            converged: member("converged")?,
            least: member("DM_reliable_min")?,
            largest: member("DM_reliable_max")?,
            n_stars: member("n_stars").ok(),
        })
    }

    /// One record; errors in words.
    pub fn pixel(&self, record: &[u8]) -> Result<MapPixel, String> {
        let whole = |member: &Member, what: &str, largest: i64| {
            let value = member.integer(record);
            let fits = value.filter(|value| (0..=largest).contains(value));
            fits.ok_or_else(|| format!("{what} is {:?}", member.real(record)))
        };
        Ok(MapPixel {
            nside: whole(&self.nside, "nside", 1 << 29)? as u32,
            healpix_index: whole(&self.healpix_index, "healpix_index", i64::MAX)? as u64,
            converged: self.converged.real(record) != 0.0,
            dm_reliable_min: self.least.real(record) as f32,
            dm_reliable_max: self.largest.real(record) as f32,
            n_stars: self.n_stars.as_ref().map_or(0, |member| member.real(record) as i32),
        })
    }
}

/// A numeric member of a record.
struct Member {
    offset: usize,
    size: usize,
    big_endian: bool,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Signed,
    Unsigned,
    Real,
}

impl Member {
    fn new(member: &CompoundMember, record_bytes: usize) -> Result<Self, String> {
        let wrong = || format!("member `{}` is no number of a usual kind", member.name);
        // h5py writes truth values as an enumeration of bytes.
        let kind = match &member.datatype {
            Datatype::Enumeration { base_type, .. } => base_type,
            other => other,
        };
        let (size, order, kind) = match kind {
            Datatype::FixedPoint { size, byte_order, layout: FixedPointLayout { signed, .. } } => {
                (*size, byte_order, if *signed { Kind::Signed } else { Kind::Unsigned })
            }
            Datatype::FloatingPoint { size: size @ (4 | 8), byte_order, .. } => {
                (*size, byte_order, Kind::Real)
            }
            _ => return Err(wrong()),
        };
        let offset = usize::try_from(member.byte_offset).map_err(|_| wrong())?;
        let size = size as usize;
        let fits = (1..=8).contains(&size) && offset.saturating_add(size) <= record_bytes;
        if !fits || *order == DatatypeByteOrder::Vax {
            return Err(wrong());
        }
        Ok(Self { offset, size, big_endian: *order == DatatypeByteOrder::BigEndian, kind })
    }

    /// The stored bits, the number's own byte order undone.
    fn bits(&self, record: &[u8]) -> u64 {
        let mut bytes = [0; 8];
        bytes[..self.size].copy_from_slice(&record[self.offset..self.offset + self.size]);
        if self.big_endian {
            bytes[..self.size].reverse();
        }
        u64::from_le_bytes(bytes)
    }

    fn integer(&self, record: &[u8]) -> Option<i64> {
        let bits = self.bits(record);
        match self.kind {
            Kind::Unsigned => i64::try_from(bits).ok(),
            Kind::Signed => {
                let unused = 64 - 8 * self.size as u32;
                Some((bits << unused) as i64 >> unused)
            }
            Kind::Real => {
                let value = self.real(record);
                (value.fract() == 0.0 && value.abs() < 9e15).then_some(value as i64)
            }
        }
    }

    fn real(&self, record: &[u8]) -> f64 {
        match (self.kind, self.size) {
            (Kind::Real, 4) => f64::from(f32::from_bits(self.bits(record) as u32)),
            (Kind::Real, _) => f64::from_bits(self.bits(record)),
            _ => self.integer(record).map_or(f64::NAN, |value| value as f64),
        }
    }
}
