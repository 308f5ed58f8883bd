//! A drawing as PNG, with the glyphs' outlines, so that it looks the same on every machine.

use tiny_skia::{
    Color as SkColor, FillRule, LineCap, LineJoin, Mask, Paint, Path, PathBuilder, Pixmap,
    Stroke as SkStroke, StrokeDash, Transform,
};
use ttf_parser::OutlineBuilder;

use super::color::{Color, PAPER};
use super::font::{face, glyph};
use super::rich_text::{runs, width};
use super::scene::{Item, Rect, Scene, Stroke, Text};

/// Pixels in a meter at `dpi` dots in an inch.
fn per_meter(dpi: f64) -> u32 {
    (dpi / 0.0254).round() as u32
}

/// Draws `scene` at `dpi` dots in an inch; empty if the sheet has no area.
pub fn png(scene: &Scene, dpi: f64) -> Vec<u8> {
    let scale = dpi / 72.0;
    let (w, h) = ((scene.width * scale).round() as u32, (scene.height * scale).round() as u32);
    let Some(mut canvas) = Canvas::new(w, h, scale as f32) else { return Vec::new() };
    for item in &scene.items {
        canvas.draw(item);
    }
    encoded(&canvas.pixmap, dpi).unwrap_or_default()
}

fn encoded(pixmap: &Pixmap, dpi: f64) -> Option<Vec<u8>> {
    let rgb: Vec<u8> =
        pixmap.pixels().iter().flat_map(|p| [p.red(), p.green(), p.blue()]).collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, pixmap.width(), pixmap.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    let (xppu, yppu) = (per_meter(dpi), per_meter(dpi));
    encoder.set_pixel_dims(Some(png::PixelDimensions { xppu, yppu, unit: png::Unit::Meter }));
    encoder.write_header().ok()?.write_image_data(&rgb).ok()?;
    Some(bytes)
}

struct Canvas {
    pixmap: Pixmap,
    scale: f32,
    mask: Option<(Rect, Mask)>,
}

impl Canvas {
    fn new(width: u32, height: u32, scale: f32) -> Option<Self> {
        let mut pixmap = Pixmap::new(width, height)?;
        pixmap.fill(sk_color(PAPER));
        Some(Self { pixmap, scale, mask: None })
    }

    fn draw(&mut self, item: &Item) {
        match item {
            Item::Path { lines, closed, fill, stroke, clip } => {
                let Some(path) = path(lines, *closed) else { return };
                self.clip(clip.as_ref());
                let clipped = clip.is_some();
                if let Some(color) = fill {
                    self.fill(&path, *color, Transform::identity(), clipped);
                }
                if let Some(stroke) = stroke {
                    self.stroke(&path, stroke, clipped);
                }
            }
            Item::Dots { centers, diameter, color, clip } => {
                self.clip(clip.as_ref());
                let mut builder = PathBuilder::new();
                for (x, y) in centers {
                    builder.push_circle(*x as f32, *y as f32, *diameter as f32 / 2.0);
                }
                if let Some(path) = builder.finish() {
                    self.fill(&path, *color, Transform::identity(), clip.is_some());
                }
            }
            Item::Text(text) => self.text(text),
        }
    }

    /// Makes the mask of `rect`, unless it is the last one used.
    fn clip(&mut self, rect: Option<&Rect>) {
        let Some(rect) = rect else { return };
        if self.mask.as_ref().is_some_and(|(last, _)| last == rect) {
            return;
        }
        let mask = Mask::new(self.pixmap.width(), self.pixmap.height());
        let Some((mut mask, area)) = mask.zip(path(&[rect.corners()], true)) else { return };
        mask.fill_path(
            &area,
            FillRule::Winding,
            true,
            Transform::from_scale(self.scale, self.scale),
        );
        self.mask = Some((*rect, mask));
    }

    fn fill(&mut self, path: &Path, color: Color, place: Transform, clipped: bool) {
        let mut paint = Paint::default();
        paint.set_color(sk_color(color));
        let place = place.post_scale(self.scale, self.scale);
        let mask = self.mask.as_ref().filter(|_| clipped).map(|(_, mask)| mask);
        self.pixmap.fill_path(path, &paint, FillRule::Winding, place, mask);
    }

    fn stroke(&mut self, path: &Path, stroke: &Stroke, clipped: bool) {
        let mut paint = Paint::default();
        paint.set_color(sk_color(stroke.color));
        let pen = pen(stroke.width, &stroke.dash);
        let place = Transform::from_scale(self.scale, self.scale);
        let mask = self.mask.as_ref().filter(|_| clipped).map(|(_, mask)| mask);
        self.pixmap.stroke_path(path, &paint, &pen, place, mask);
    }

    fn text(&mut self, text: &Text) {
        let Some(path) = text_path(text) else { return };
        let (x, y) = (text.at.0 as f32, text.at.1 as f32);
        let turn = if text.upward { Transform::from_rotate(-90.0) } else { Transform::identity() };
        let place = turn.post_translate(x, y);
        if text.halo
            && let Some(path) = path.clone().transform(place)
        {
            self.stroke(&path, &Stroke { color: PAPER, width: 2.0, dash: Vec::new() }, false);
        }
        self.fill(&path, text.color, place, false);
    }
}

fn sk_color(color: Color) -> SkColor {
    let [r, g, b] = color.rgb;
    SkColor::from_rgba8(r, g, b, (color.alpha.clamp(0.0, 1.0) * 255.0).round() as u8)
}

fn pen(width: f64, dash: &[f64]) -> SkStroke {
    let mut lengths: Vec<f32> = dash.iter().map(|&d| d as f32).collect();
    if lengths.len() % 2 == 1 {
        lengths.extend(lengths.clone());
    }
    SkStroke {
        width: width as f32,
        line_cap: LineCap::Butt,
        line_join: LineJoin::Round,
        dash: StrokeDash::new(lengths, 0.0),
        ..SkStroke::default()
    }
}

fn path(lines: &[Vec<(f64, f64)>], closed: bool) -> Option<Path> {
    let mut builder = PathBuilder::new();
    for line in lines {
        for (i, (x, y)) in line.iter().enumerate() {
            if i == 0 {
                builder.move_to(*x as f32, *y as f32);
            } else {
                builder.line_to(*x as f32, *y as f32);
            }
        }
        if closed && !line.is_empty() {
            builder.close();
        }
    }
    builder.finish()
}

/// Outlines of a text whose anchor is at the origin.
fn text_path(text: &Text) -> Option<Path> {
    let face = face(text.weight)?;
    let mut x = -text.anchor.part() * width(text.weight, &text.text) * text.size;
    let mut builder = PathBuilder::new();
    for run in runs(&text.text) {
        let unit = text.size * run.scale() / f64::from(face.units_per_em());
        for c in run.text.chars() {
            let glyph = glyph(face, c);
            let y = run.drop * text.size;
            face.outline_glyph(glyph, &mut Placed { builder: &mut builder, x, y, unit });
            x += f64::from(face.glyph_hor_advance(glyph).unwrap_or(0)) * unit;
        }
    }
    builder.finish()
}

/// Writes a glyph's outline, whose `y` grows upward, at its place on the sheet.
struct Placed<'a> {
    builder: &'a mut PathBuilder,
    x: f64,
    y: f64,
    unit: f64,
}

impl Placed<'_> {
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        let place = |origin: f64, by: f64| (origin + by * self.unit) as f32;
        (place(self.x, f64::from(x)), place(self.y, -f64::from(y)))
    }
}

impl OutlineBuilder for Placed<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.builder.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.builder.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.builder.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.builder.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.builder.close();
    }
}
