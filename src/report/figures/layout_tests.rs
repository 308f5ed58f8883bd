//! No text of a figure runs out of the sheet or into another.

use super::realistic_tests::realistic;
use crate::report::plot::{Figure, Weight, text_width, without_font};

/// A text's box: left, top, right, bottom.
struct Box {
    text: String,
    sides: [f64; 4],
    has_halo: bool,
}

fn attribute<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let from = element.find(&format!(" {name}=\""))? + name.len() + 3;
    Some(&element[from..from + element[from..].find('"')?])
}

/// Width in points: subscripts are in `tspan` elements with their own size.
fn width(body: &str, size: f64, weight: Weight) -> (String, f64) {
    let (mut text, mut total, mut now) = (String::new(), 0.0, size);
    for part in body.split('<') {
        let content = match part.split_once('>') {
            Some((element, content)) => {
                now = attribute(&format!(" {element}"), "font-size")
                    .map_or(size, |v| v.parse().expect("a size"));
                content
            }
            None => part,
        };
        let content = content.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        total += now * text_width(weight, &content);
        text.push_str(&content);
    }
    (text, total)
}

fn boxes(figure: &Figure) -> Vec<Box> {
    let svg = without_font(&figure.svg);
    let mut found = Vec::new();
    for line in svg.lines().filter(|line| line.starts_with("<text")) {
        let (head, rest) = line.split_once('>').expect("an element");
        let body = rest.strip_suffix("</text>").expect("its end");
        let number = |name: &str| {
            attribute(head, name).and_then(|v| v.parse::<f64>().ok()).expect("a number")
        };
        let (x, y, size) = (number("x"), number("y"), number("font-size"));
        let weight = if head.contains("font-weight") { Weight::Bold } else { Weight::Regular };
        let (text, wide) = width(body, size, weight);
        let before = match attribute(head, "text-anchor") {
            Some("middle") => 0.5 * wide,
            Some("end") => wide,
            _ => 0.0,
        };
        let (up, down) = (0.72 * size, 0.05 * size);
        let sides = if head.contains("rotate") {
            [x - up, y - wide + before, x + down, y + before]
        } else {
            [x - before, y - up, x - before + wide, y + down]
        };
        found.push(Box { text, sides, has_halo: head.contains("paint-order") });
    }
    found
}

#[test]
fn texts_lie_on_the_sheet_and_not_on_each_other() {
    for figure in realistic() {
        let size = attribute(&figure.svg, "viewBox").expect("a size").to_owned();
        let size: Vec<f64> = size.split(' ').map(|v| v.parse().expect("a number")).collect();
        let boxes = boxes(&figure);
        assert!(!boxes.is_empty(), "{}", figure.name);
        for (i, a) in boxes.iter().enumerate() {
            let [left, top, right, bottom] = a.sides;
            assert!(
                left >= 0.0 && top >= 0.0 && right <= size[2] && bottom <= size[3],
                "{}: `{}` at {:?} leaves the sheet of {size:?}",
                figure.name,
                a.text,
                a.sides
            );
            for b in &boxes[i + 1..] {
                let apart = a.sides[2] <= b.sides[0]
                    || b.sides[2] <= a.sides[0]
                    || a.sides[3] <= b.sides[1]
                    || b.sides[3] <= a.sides[1];
                assert!(
                    apart,
                    "{}: `{}` lies on `{}` {:?} {:?} {}",
                    figure.name, a.text, b.text, a.sides, b.sides, a.has_halo
                );
            }
        }
    }
}

/// Frames of panels: left, top, right, bottom.
fn frames(figure: &Figure) -> Vec<[f64; 4]> {
    let is_frame = |line: &&str| {
        line.starts_with("<path")
            && line.contains("Z\" fill=\"none\"")
            && line.contains("stroke-width=\"0.6\"")
    };
    figure
        .svg
        .lines()
        .filter(is_frame)
        .map(|line| {
            let corners = attribute(line, "d").expect("an outline").trim_matches(['M', 'Z']);
            let numbers: Vec<f64> =
                corners.split(['L', ' ']).map(|v| v.parse().expect("a number")).collect();
            [numbers[0], numbers[1], numbers[4], numbers[5]]
        })
        .collect()
}

#[test]
fn annotations_stay_in_their_panels() {
    let mut n = 0;
    for figure in realistic() {
        let frames = frames(&figure);
        for text in boxes(&figure).iter().filter(|text| text.has_halo) {
            let [left, top, right, bottom] = text.sides;
            let (x, y) = ((left + right) / 2.0, (top + bottom) / 2.0);
            let home = frames.iter().find(|f| f[0] < x && x < f[2] && f[1] < y && y < f[3]);
            let Some(home) = home else { continue };
            n += 1;
            let is_inside =
                home[0] <= left && home[1] <= top && right <= home[2] && bottom <= home[3];
            assert!(
                is_inside,
                "{}: `{}` at {:?} crosses {home:?}",
                figure.name, text.text, text.sides
            );
        }
    }
    assert!(n > 60, "{n} annotations were looked at");
}
