//! HEALPix pixels in the nested order (Gorski et al. 2005, ApJ 622, 759), for source numbers and the dust map.

/// Number of rings from the north pole to the lowest corner of each row of faces, in units of nside.
const LOWEST_RING: [i64; 3] = [2, 3, 4];
/// Longitude of the center of each face, in units of 45 degrees.
const FACE_LONGITUDE: [i64; 12] = [1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7];

/// Number of the nested pixel of nside = 2^`order` that holds a direction (longitude and latitude, degrees).
pub fn pixel_of(order: u32, longitude_deg: f64, latitude_deg: f64) -> u64 {
    let nside = 1i64 << order;
    let z = latitude_deg.to_radians().sin();
    let quarter = (longitude_deg.rem_euclid(360.0) / 90.0) % 4.0;
    let (face, x, y) = if z.abs() <= 2.0 / 3.0 {
        equatorial(nside, z, quarter)
    } else {
        polar(nside, latitude_deg, quarter)
    };
    ((face as u64) << (2 * order)) | spread(x as u64) | (spread(y as u64) << 1)
}

/// Longitude and latitude, degrees, of the center of a nested pixel of nside = 2^`order`.
pub fn center_of(order: u32, pixel: u64) -> (f64, f64) {
    let nside = 1i64 << order;
    let face = (pixel >> (2 * order)) as usize % 12;
    let within = pixel & ((1u64 << (2 * order)) - 1);
    let (x, y) = (gather(within) as i64, gather(within >> 1) as i64);
    let ring = LOWEST_RING[face / 4] * nside - x - y - 1;
    let cap = 3.0 * (nside * nside) as f64;
    let (length, z) = if ring < nside {
        (ring, 1.0 - (ring * ring) as f64 / cap)
    } else if ring > 3 * nside {
        let length = 4 * nside - ring;
        (length, (length * length) as f64 / cap - 1.0)
    } else {
        (nside, (2 * nside - ring) as f64 * 2.0 / (3.0 * nside as f64))
    };
    let eighth = (FACE_LONGITUDE[face] * length + x - y) as f64 / length as f64;
    ((45.0 * eighth).rem_euclid(360.0), z.asin().to_degrees())
}

/// Face and coordinates within it, in the belt |z| <= 2/3.
fn equatorial(nside: i64, z: f64, quarter: f64) -> (i64, i64, i64) {
    let (across, up) = (nside as f64 * (0.5 + quarter), nside as f64 * z * 0.75);
    let (falling, rising) = ((across - up).floor() as i64, (across + up).floor() as i64);
    let (row, column) = (falling.div_euclid(nside), rising.div_euclid(nside));
    let face = match row.cmp(&column) {
        std::cmp::Ordering::Equal => (row & 3) + 4,
        std::cmp::Ordering::Less => row & 3,
        std::cmp::Ordering::Greater => (column & 3) + 8,
    };
    (face, rising.rem_euclid(nside), nside - 1 - falling.rem_euclid(nside))
}

/// Face and coordinates within it, in the caps.
fn polar(nside: i64, latitude_deg: f64, quarter: f64) -> (i64, i64, i64) {
    let sector = quarter.floor().min(3.0);
    // 1 - |sin b| without the cancellation near the pole.
    let depth = 2.0 * ((90.0 - latitude_deg.abs()).to_radians() / 2.0).sin().powi(2);
    let scale = nside as f64 * (3.0 * depth).sqrt();
    let part = quarter - sector;
    let last = nside - 1;
    let low = ((part * scale) as i64).min(last);
    let high = (((1.0 - part) * scale) as i64).min(last);
    if latitude_deg >= 0.0 {
        (sector as i64, last - high, last - low)
    } else {
        (sector as i64 + 8, low, high)
    }
}

/// Puts the low 32 bits of a number on the even bits.
fn spread(value: u64) -> u64 {
    let mut v = value & 0xffff_ffff;
    v = (v | (v << 16)) & 0x0000_ffff_0000_ffff;
    v = (v | (v << 8)) & 0x00ff_00ff_00ff_00ff;
    v = (v | (v << 4)) & 0x0f0f_0f0f_0f0f_0f0f;
    v = (v | (v << 2)) & 0x3333_3333_3333_3333;
    (v | (v << 1)) & 0x5555_5555_5555_5555
}

/// Takes the even bits of a number: the inverse of [`spread`].
fn gather(value: u64) -> u64 {
    let mut v = value & 0x5555_5555_5555_5555;
    v = (v | (v >> 1)) & 0x3333_3333_3333_3333;
    v = (v | (v >> 2)) & 0x0f0f_0f0f_0f0f_0f0f;
    v = (v | (v >> 4)) & 0x00ff_00ff_00ff_00ff;
    v = (v | (v >> 8)) & 0x0000_ffff_0000_ffff;
    (v | (v >> 16)) & 0xffff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Gaia source_id holds, from bit 35 up, the nested pixel of level 12 of the position.
    #[test]
    fn agrees_with_the_numbers_of_real_gaia_sources() {
        let sources = [
            (4_010_201_828_880_793_984_u64, 184.847209487598, 28.3827126228922),
            (3_836_540_220_745_072_384, 152.185495014363, 2.73050681923884),
            (49_520_255_665_123_328, 64.8746050904, 21.75371632297),
            (3_313_778_207_594_395_392, 66.81981669425, 17.24171572183),
        ];
        for (source_id, ra, dec) in sources {
            assert_eq!(pixel_of(12, ra, dec), source_id >> 35, "{source_id}");
        }
    }

    #[test]
    fn centers_lie_in_their_pixels() {
        for order in [0, 1, 4, 5] {
            for pixel in 0..12 << (2 * order) {
                let (longitude, latitude) = center_of(order, pixel);
                assert_eq!(pixel_of(order, longitude, latitude), pixel, "order {order}");
            }
        }
    }

    /// Pixels have equal areas: directions uniform on the sphere fill them evenly.
    #[test]
    fn pixels_have_equal_areas() {
        let mut counts = [0usize; 48];
        let n = 96_000;
        for i in 0..n {
            let latitude = (1.0 - 2.0 * (f64::from(i) + 0.5) / f64::from(n)).asin().to_degrees();
            let longitude = (f64::from(i) * 222.492_235_949_962_15).rem_euclid(360.0);
            counts[pixel_of(1, longitude, latitude) as usize] += 1;
        }
        assert!(counts.iter().all(|c| (1_960..=2_040).contains(c)), "{counts:?}");
    }
}
