//! Convex polygons in a plane of two columns, such as the color-magnitude quadrangle of Li et al. 2021, Fig. 1.

use std::fmt;

/// A strictly convex polygon; its vertices go round it once, either way.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ConvexPolygon {
    vertices: Vec<[f64; 2]>,
}

/// Why vertices do not make a convex polygon, and what would.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NotConvex {
    pub(super) reason: String,
    pub(super) fix: String,
}

/// Most vertices accepted; the search for crossing edges is quadratic.
const MAX_VERTICES: usize = 256;

impl ConvexPolygon {
    /// Checks that `vertices`, in the order given, go once round a strictly convex polygon.
    pub(super) fn new(vertices: Vec<[f64; 2]>) -> Result<Self, NotConvex> {
        if !(3..=MAX_VERTICES).contains(&vertices.len()) {
            return Err(NotConvex {
                reason: format!("it has {} vertices", vertices.len()),
                fix: format!("give 3 to {MAX_VERTICES}"),
            });
        }
        let hull = convex_hull(&vertices);
        if is_rotation_or_reflection(&vertices, &hull) {
            return Ok(Self { vertices });
        }
        Err(NotConvex { reason: reason(&vertices, &hull), fix: fix(&vertices, &hull) })
    }

    /// Whether a point is strictly inside; the boundary is outside. `None` when a coordinate is NaN.
    pub(super) fn contains(&self, x: f64, y: f64) -> Option<bool> {
        if x.is_nan() || y.is_nan() {
            return None;
        }
        let n_left =
            edges(&self.vertices).filter(|&(from, to)| cross(from, to, [x, y]) > 0.0).count();
        let n_right =
            edges(&self.vertices).filter(|&(from, to)| cross(from, to, [x, y]) < 0.0).count();
        Some(n_left == self.vertices.len() || n_right == self.vertices.len())
    }
}

impl fmt::Display for ConvexPolygon {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.vertices)
    }
}

/// Twice the signed area of a triangle: positive when `c` is to the left of the way from `a` to `b`.
fn cross(a: [f64; 2], b: [f64; 2], c: [f64; 2]) -> f64 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

fn edges(vertices: &[[f64; 2]]) -> impl Iterator<Item = ([f64; 2], [f64; 2])> {
    let next = vertices.iter().cycle().skip(1);
    vertices.iter().copied().zip(next.copied())
}

/// Returns the strict convex hull counter-clockwise (Andrew's monotone chain).
fn convex_hull(vertices: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut sorted = vertices.to_vec();
    sorted.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    sorted.dedup();
    let mut lower = half_hull(sorted.iter());
    let mut upper = half_hull(sorted.iter().rev());
    // Each half ends where the other begins.
    lower.pop();
    upper.pop();
    lower.append(&mut upper);
    lower
}

fn half_hull<'a>(points: impl Iterator<Item = &'a [f64; 2]>) -> Vec<[f64; 2]> {
    let mut chain: Vec<[f64; 2]> = Vec::new();
    for &point in points {
        while let [.., before, last] = chain[..] {
            if cross(before, last, point) > 0.0 {
                break;
            }
            chain.pop();
        }
        chain.push(point);
    }
    chain
}

fn is_rotation_or_reflection(vertices: &[[f64; 2]], hull: &[[f64; 2]]) -> bool {
    let n = vertices.len();
    let Some(start) = hull.iter().position(|corner| *corner == vertices[0]) else {
        return false;
    };
    n == hull.len()
        && ((0..n).all(|i| vertices[i] == hull[(start + i) % n])
            || (0..n).all(|i| vertices[i] == hull[(start + n - i) % n]))
}

fn reason(vertices: &[[f64; 2]], hull: &[[f64; 2]]) -> String {
    if let Some(((a, b), (c, d))) = crossing_edges(vertices) {
        return format!("edges {}-{} and {}-{} cross", show(a), show(b), show(c), show(d));
    }
    match vertices.iter().find(|&vertex| !hull.contains(vertex)) {
        Some(&vertex) => format!("vertex {} does not lie outside the others", show(vertex)),
        None => "a vertex is given twice".to_owned(),
    }
}

fn fix(vertices: &[[f64; 2]], hull: &[[f64; 2]]) -> String {
    if hull.len() < 3 {
        return "give three or more vertices that are not on one line".to_owned();
    }
    let start = hull.iter().position(|corner| *corner == vertices[0]).unwrap_or(0);
    let order: Vec<[f64; 2]> = (0..hull.len()).map(|i| hull[(start + i) % hull.len()]).collect();
    if hull.len() == vertices.len() {
        format!("in convex order the vertices are {order:?}")
    } else {
        format!(
            "their convex hull is {order:?}; a concave region is several convex ones joined by `or`"
        )
    }
}

type Edge = ([f64; 2], [f64; 2]);

fn crossing_edges(vertices: &[[f64; 2]]) -> Option<(Edge, Edge)> {
    let edges: Vec<Edge> = edges(vertices).collect();
    edges.iter().enumerate().find_map(|(index, &first)| {
        let second = edges[index + 1..].iter().find(|&&second| cross_each_other(first, second))?;
        Some((first, *second))
    })
}

fn cross_each_other((a, b): Edge, (c, d): Edge) -> bool {
    let apart = |u: f64, v: f64| (u > 0.0 && v < 0.0) || (u < 0.0 && v > 0.0);
    apart(cross(a, b, c), cross(a, b, d)) && apart(cross(c, d, a), cross(c, d, b))
}

fn show(vertex: [f64; 2]) -> String {
    format!("({}, {})", vertex[0], vertex[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONVEX: [[f64; 2]; 4] = [[0.7, 5.0], [1.4, 5.0], [5.0, 16.5], [4.0, 16.5]];

    #[test]
    fn order_printed_in_the_paper_crosses_and_the_convex_order_is_offered() {
        let printed = vec![[0.7, 5.0], [1.4, 5.0], [4.0, 16.5], [5.0, 16.5]];
        let error = ConvexPolygon::new(printed).unwrap_err();
        assert_eq!(error.reason, "edges (1.4, 5)-(4, 16.5) and (5, 16.5)-(0.7, 5) cross");
        assert_eq!(
            error.fix,
            "in convex order the vertices are [[0.7, 5.0], [1.4, 5.0], [5.0, 16.5], [4.0, 16.5]]"
        );
    }

    #[test]
    fn every_start_and_both_directions_are_accepted_and_mean_the_same() {
        for start in 0..4 {
            for reverse in [false, true] {
                let mut vertices = CONVEX.to_vec();
                vertices.rotate_left(start);
                if reverse {
                    vertices.reverse();
                }
                let polygon = ConvexPolygon::new(vertices).unwrap();
                assert_eq!(polygon.contains(2.5, 10.0), Some(true));
                assert_eq!(polygon.contains(1.0, 10.0), Some(false));
            }
        }
    }

    #[test]
    fn boundary_is_outside_and_nan_is_undecidable() {
        let square =
            ConvexPolygon::new(vec![[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]).unwrap();
        for (x, y) in [(0.0, 0.0), (0.5, 0.0), (1.0, 0.5), (1.0, 1.0), (0.5, f64::INFINITY)] {
            assert_eq!(square.contains(x, y), Some(false), "{x} {y}");
        }
        assert_eq!(square.contains(0.5, 1.0 - f64::EPSILON), Some(true));
        assert_eq!(square.contains(f64::NAN, 0.5), None);
    }

    #[test]
    fn concave_collinear_repeated_and_twice_round_are_refused_with_the_hull() {
        let concave = vec![[0.0, 0.0], [4.0, 0.0], [1.0, 1.0], [0.0, 4.0]];
        let error = ConvexPolygon::new(concave).unwrap_err();
        assert!(error.reason.contains("(1, 1)"), "{}", error.reason);
        assert!(error.fix.contains("[[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]]"), "{}", error.fix);
        let triangle = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]];
        let twice: Vec<[f64; 2]> = triangle.iter().chain(&triangle).copied().collect();
        assert!(ConvexPolygon::new(twice).unwrap_err().reason.contains("twice"));
        for bad in
            [vec![[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]], triangle[..2].to_vec(), vec![[1.0, 1.0]; 3]]
        {
            assert!(ConvexPolygon::new(bad).is_err());
        }
        let pentagram: Vec<[f64; 2]> = (0..5)
            .map(|k| f64::from(k) * 4.0 * std::f64::consts::PI / 5.0)
            .map(|angle| [angle.cos(), angle.sin()])
            .collect();
        assert!(ConvexPolygon::new(pentagram).unwrap_err().reason.contains("cross"));
    }
}
