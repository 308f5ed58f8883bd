//! A drawing as SVG 1.1 with its font inside; nothing in it refers to another file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::color::{Color, PAPER};
use super::font::{FAMILY, Weight, font_rule};
use super::rich_text::{SMALL, plain, runs};
use super::scene::{Anchor, Item, Rect, Scene, Stroke, Text};

/// Millimeters in a point.
const MM: f64 = 25.4 / 72.0;

/// Writes `scene`; `name` makes its clip names unlike those of other drawings on a page, `title` and `about`
/// are read to those who do not see it.
pub fn svg(scene: &Scene, name: &str, title: &str, about: &str) -> String {
    let (width, height) = (scene.width, scene.height);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{}mm\" height=\"{}mm\" viewBox=\"0 0 {} {}\" \
         font-family=\"{FAMILY}, sans-serif\">\n<title>{}</title>\n<desc>{}</desc>\n",
        number(width * MM),
        number(height * MM),
        number(width),
        number(height),
        escaped(&plain(title)),
        escaped(&plain(about)),
    );
    let _ = writeln!(text, "<style>{}</style>", fonts(scene));
    let clips = clips(scene);
    text.push_str("<defs>");
    for (rect, id) in &clips {
        let [x, y, w, h] = rect;
        let _ = write!(
            text,
            "<clipPath id=\"{}-{id}\"><rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\"/></clipPath>",
            escaped(name)
        );
    }
    text.push_str("</defs>\n");
    let _ = writeln!(text, "<rect width=\"100%\" height=\"100%\" fill=\"{}\"/>", PAPER.css());
    for item in &scene.items {
        write_item(&mut text, item, |rect| {
            clips
                .get(&key(rect))
                .map_or(String::new(), |id| format!(" clip-path=\"url(#{}-{id})\"", escaped(name)))
        });
    }
    text.push_str("</svg>\n");
    text
}

/// The drawing without its own font, for a page that has it.
pub fn without_font(svg: &str) -> String {
    match (svg.find("<style>"), svg.find("</style>")) {
        (Some(from), Some(to)) if from < to => {
            format!("{}{}", &svg[..from], &svg[to + "</style>".len()..])
        }
        _ => svg.to_owned(),
    }
}

/// At most two decimals: a hundredth of a point is finer than any printer.
pub fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Text as it stands in XML and HTML; characters that XML cannot hold are left out.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' | '\t' => safe.push(c),
            c if c.is_control() || c == '\u{fffe}' || c == '\u{ffff}' => {}
            c => safe.push(c),
        }
    }
    safe
}

fn fonts(scene: &Scene) -> String {
    let mut used: BTreeMap<Weight, BTreeSet<char>> = BTreeMap::new();
    for item in &scene.items {
        if let Item::Text(text) = item {
            used.entry(text.weight).or_default().extend(plain(&text.text).chars());
        }
    }
    used.iter().map(|(&weight, characters)| font_rule(weight, characters)).collect()
}

fn key(rect: &Rect) -> [String; 4] {
    [rect.x, rect.y, rect.width, rect.height].map(number)
}

fn clips(scene: &Scene) -> BTreeMap<[String; 4], usize> {
    let mut clips = BTreeMap::new();
    for item in &scene.items {
        if let Item::Path { clip: Some(rect), .. } | Item::Dots { clip: Some(rect), .. } = item {
            let next = clips.len();
            clips.entry(key(rect)).or_insert(next);
        }
    }
    clips
}

fn write_item(out: &mut String, item: &Item, clip: impl Fn(&Rect) -> String) {
    let clipped = |rect: &Option<Rect>| rect.as_ref().map_or(String::new(), &clip);
    let _ = match item {
        Item::Path { lines, closed, fill, stroke, clip } => writeln!(
            out,
            "<path d=\"{}\"{}{}{}/>",
            outline(lines, *closed),
            fill.map_or(" fill=\"none\"".to_owned(), |c| paint("fill", c)),
            stroke.as_ref().map_or(String::new(), pen),
            clipped(clip),
        ),
        // A line without length and with round ends is a dot: the shortest way to write many.
        Item::Dots { centers, diameter, color, clip } => writeln!(
            out,
            "<path d=\"{}\" fill=\"none\" stroke-linecap=\"round\" stroke-width=\"{}\"{}{}/>",
            dots(centers),
            number(*diameter),
            paint("stroke", *color),
            clipped(clip),
        ),
        Item::Text(text) => writeln!(out, "{}", line(text)),
    };
}

fn outline(lines: &[Vec<(f64, f64)>], closed: bool) -> String {
    let mut d = String::new();
    for line in lines {
        for (i, (x, y)) in line.iter().enumerate() {
            let _ = write!(d, "{}{} {}", if i == 0 { "M" } else { "L" }, number(*x), number(*y));
        }
        if closed && !line.is_empty() {
            d.push('Z');
        }
    }
    d
}

fn dots(centers: &[(f64, f64)]) -> String {
    let mut d = String::new();
    for (x, y) in centers {
        let _ = write!(d, "M{} {}h0", number(*x), number(*y));
    }
    d
}

fn paint(what: &str, color: Color) -> String {
    if color.alpha < 1.0 {
        let opacity = number(f64::from(color.alpha));
        return format!(" {what}=\"{}\" {what}-opacity=\"{opacity}\"", color.css());
    }
    format!(" {what}=\"{}\"", color.css())
}

fn pen(stroke: &Stroke) -> String {
    let dash: Vec<String> = stroke.dash.iter().map(|&d| number(d)).collect();
    let dash = if dash.is_empty() {
        String::new()
    } else {
        format!(" stroke-dasharray=\"{}\"", dash.join(" "))
    };
    let width = number(stroke.width);
    format!(
        "{} stroke-width=\"{width}\" stroke-linejoin=\"round\"{dash}",
        paint("stroke", stroke.color)
    )
}

fn line(text: &Text) -> String {
    let (x, y) = (number(text.at.0), number(text.at.1));
    let anchor = match text.anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    };
    let turn =
        if text.upward { format!(" transform=\"rotate(-90 {x} {y})\"") } else { String::new() };
    let weight = if text.weight == Weight::Bold { " font-weight=\"700\"" } else { "" };
    let halo = if text.halo {
        format!(
            " stroke=\"{}\" stroke-width=\"2\" stroke-linejoin=\"round\" paint-order=\"stroke\"",
            PAPER.css()
        )
    } else {
        String::new()
    };
    let size = number(text.size);
    format!(
        "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" xml:space=\"preserve\"{anchor}{weight}{}{halo}{turn}>{}</text>",
        paint("fill", text.color),
        spans(text)
    )
}

fn spans(text: &Text) -> String {
    let mut out = String::new();
    let mut drop = 0.0;
    for run in runs(&text.text) {
        let step = run.drop - drop;
        drop = run.drop;
        if step == 0.0 && run.drop == 0.0 {
            out.push_str(&escaped(&run.text));
            continue;
        }
        let size = if run.drop == 0.0 { text.size } else { text.size * SMALL };
        let _ = write!(
            out,
            "<tspan dy=\"{}\" font-size=\"{}\">{}</tspan>",
            number(step * text.size),
            number(size),
            escaped(&run.text)
        );
    }
    out
}
