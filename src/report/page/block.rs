//! Data inside the page: packed by zlib, written in base64, unpacked by the browser.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use maud::{Markup, PreEscaped, html};

use crate::report::plot::base64;

/// A block of bytes that the page's script finds by `id`.
pub fn packed(id: &str, bytes: &[u8]) -> Markup {
    html! { script id=(id) type="application/octet-stream" { (PreEscaped(base64(&zipped(bytes)))) } }
}

/// Bytes in zlib's format. Writing to memory does not fail; were it to, the block would be empty.
pub fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    match encoder.write_all(bytes) {
        Ok(()) => encoder.finish().unwrap_or_default(),
        Err(_) => Vec::new(),
    }
}
