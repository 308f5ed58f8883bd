//! The graph of nodes as a picture, laid out in layers from top to bottom.

use layout::backends::svg::SVGWriter;
use layout::core::base::Orientation;
use layout::core::color::Color;
use layout::core::geometry::Point;
use layout::core::style::{LineStyleKind, StyleAttr};
use layout::std_shapes::shapes::{Arrow, Element, LineEndKind, ShapeKind};
use layout::topo::layout::VisualGraph;

use super::dag::Vertex;

const FONT_PX: usize = 14;
/// Mean advance of a letter of a sans-serif font, generous, in font sizes.
const ADVANCE: f64 = 0.62;
const MARGIN_PX: f64 = 16.0;
/// In font sizes.
const LINE_HEIGHT: f64 = 1.08;

const INK: u32 = 0x2b2b_2bff;
const LINE: u32 = 0x6b7a_8fff;
const NODE: u32 = 0xeef3_f9ff;
const SOURCE: u32 = 0xfdf3_dcff;
const ABSENT: u32 = 0xf0f0_f0ff;

/// Draws the graph; sources are yellow, absent nodes gray and said to be absent.
pub fn svg(vertices: &[Vertex]) -> String {
    let mut graph = VisualGraph::new(Orientation::TopToBottom);
    let handles: Vec<_> = vertices.iter().map(|vertex| graph.add_node(element(vertex))).collect();
    for (vertex, handle) in vertices.iter().zip(&handles) {
        for source in &vertex.from {
            graph.add_edge(arrow(), handles[*source], *handle);
        }
    }
    let mut writer = SVGWriter::new();
    // The layout library cannot place nothing.
    if !vertices.is_empty() {
        graph.do_it(false, false, false, &mut writer);
    }
    on_white(&writer.finalize(), extent(&graph))
}

/// Width and height of what was drawn: the library leaves room for text as if it stood upright.
fn extent(graph: &VisualGraph) -> (f64, f64) {
    let places = graph.iter_nodes().map(|node| graph.pos(node));
    places.fold((0.0, 0.0), |(x, y), at| (at.right(true).max(x), at.bottom(true).max(y)))
}

fn element(vertex: &Vertex) -> Element {
    let mut lines: Vec<String> =
        vertex.label().into_iter().filter(|line| !line.is_empty()).collect();
    if vertex.absent {
        lines.push("absent".into());
    }
    let longest = lines.iter().map(|line| line.chars().count()).max().unwrap_or(1);
    let font = FONT_PX as f64;
    let size = Point::new(
        longest as f64 * font * ADVANCE + MARGIN_PX,
        (lines.len() as f64 + 0.7) * font + MARGIN_PX,
    );
    let fill = match (vertex.absent, vertex.dataset.is_some()) {
        (true, _) => ABSENT,
        (false, true) => SOURCE,
        (false, false) => NODE,
    };
    let look = StyleAttr::new(Color::new(LINE), 1, Some(Color::new(fill)), 6, FONT_PX);
    Element::create(ShapeKind::new_box(&lines.join("\n")), look, Orientation::TopToBottom, size)
}

fn arrow() -> Arrow {
    let look = StyleAttr::new(Color::new(LINE), 1, None, 0, FONT_PX);
    let (start, end) = (LineEndKind::None, LineEndKind::Arrow);
    Arrow::new(start, end, LineStyleKind::Normal, "", &look, &None, &None)
}

/// A sans-serif font, dark text and a white ground, also where the page behind is dark.
fn on_white(svg: &str, (width, height): (f64, f64)) -> String {
    let ink = format!("fill: #{:06x}; font-family: Helvetica, Arial, sans-serif;", INK >> 8);
    let svg = svg
        .replace("font-family: Times, serif;", &ink)
        .replace("dy=\"1.0em\"", &format!("dy=\"{LINE_HEIGHT}em\""));
    let (Some(start), Some(end)) = (svg.find("<svg "), svg.find("<defs>")) else {
        return svg;
    };
    let root = format!(
        "<svg width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         xmlns=\"http://www.w3.org/2000/svg\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\" />\n"
    );
    format!("{}\n{root}{}", &svg[..start], &svg[end..])
}

#[cfg(test)]
mod tests {
    use super::super::dag::tests::sample;
    use super::*;

    #[test]
    fn the_picture_shows_every_node_and_escapes_its_text() {
        let picture = svg(&sample());
        for vertex in sample() {
            assert!(picture.contains(&format!(">{}</tspan>", vertex.name)), "{}", vertex.name);
        }
        assert!(picture.contains("§3.2 &amp; §4") && picture.contains("sans-serif"));
        assert!(picture.trim_end().ends_with("</svg>"));
        // Two drawings are the same bytes.
        assert_eq!(picture, svg(&sample()));
    }

    #[test]
    fn an_empty_graph_is_an_empty_picture() {
        assert!(svg(&[]).contains("<svg"));
    }
}
