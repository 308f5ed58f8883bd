use super::*;

#[test]
fn a_png_has_300_dots_in_an_inch() {
    let mut sheet = Sheet::new("t", Origin::Observed, COLUMN_MM, 20.0);
    sheet.missing("", Rect::new(5.0, 12.0, 200.0, 30.0), "Nothing.");
    let figure = sheet.figure("t", "c", "a");
    let reader = png::Decoder::new(std::io::Cursor::new(&figure.png)).read_info().expect("a PNG");
    let info = reader.info();
    assert_eq!(info.width, 1004);
    assert_eq!(info.pixel_dims.map(|d| d.xppu), Some(11_811));
}

#[test]
fn a_figure_is_written_again_in_other_colors() {
    let mut sheet = Sheet::new("t", Origin::Simulated, COLUMN_MM, 20.0);
    sheet.missing("", Rect::new(5.0, 12.0, 200.0, 30.0), "Nothing.");
    let figure = sheet.figure("t", "c", "a");
    let (old, new) = (OKABE_ITO[1].css(), "#123456");
    let colors = [(OKABE_ITO[1], Color::parse(new).expect("a color"))];
    let other = figure.clone().recolored(&colors);
    assert!(figure.svg.contains(&old) && !other.svg.contains(&old) && other.svg.contains(new));
    assert!(other.png != figure.png && other.json == figure.json);
    assert_eq!(figure.clone().recolored(&[]).svg, figure.svg);
    assert!(Color::parse("#12345").is_none() && Color::parse("blue").is_none());
}

#[test]
fn text_lies_where_it_is_measured() {
    let mut sheet = Sheet::new("t", Origin::Observed, 40.0, 20.0);
    sheet.text("MMMM_{x}", (20.0, 40.0), 10.0, Anchor::Start, Weight::Regular);
    let figure = sheet.figure("t", "", "");
    let mut reader =
        png::Decoder::new(std::io::Cursor::new(&figure.png)).read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let width = reader.next_frame(&mut pixels).expect("pixels").width as usize;
    let dark: Vec<f64> = (0..pixels.len() / 3)
        .filter(|i| pixels[3 * i] < 128)
        .map(|i| (i % width) as f64 * 72.0 / 300.0)
        .collect();
    let (left, right) =
        dark.iter().fold((f64::INFINITY, 0.0_f64), |(a, b), &x| (a.min(x), b.max(x)));
    let end = 20.0 + 10.0 * super::rich_text::width(Weight::Regular, "MMMM_{x}");
    assert!(left > 20.0 && left < 22.0, "{left}");
    assert!((right - end).abs() < 1.5, "{right} {end}");
}

#[test]
fn the_web_font_has_both_weights_and_every_sign_used() {
    let rules = web_font();
    assert_eq!(rules.matches("@font-face").count(), 2);
    assert!(rules.len() < 150_000, "{}", rules.len());
}

#[test]
fn odd_names_and_texts_do_not_break_the_svg() {
    let mut sheet = Sheet::new("a\"b<c", Origin::Simulated, 40.0, 20.0);
    sheet.text("x < y & \"z\" \u{0}\u{7}", (1.0, 9.0), 6.0, Anchor::Start, Weight::Bold);
    let figure = sheet.figure("t<", "c", "a & b");
    assert!(figure.svg.contains("x &lt; y &amp; &quot;z&quot; </text>"));
    assert!(!figure.svg.contains('\u{0}') && figure.svg.contains("<desc>a &amp; b</desc>"));
}
