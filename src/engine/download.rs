//! Fetching a public file. Its digest is checked by the caller before anything is kept.

use std::io::Read;
use std::time::Duration;

use super::events::{Event, Observer};

/// No file of this field's archives that is fetched one by one is larger.
const MOST_BYTES: u64 = 8 << 30;

/// Fetches an URL into memory.
///
/// `expected_bytes`: the declared size; a longer answer is cut off and then refused by its digest.
///
/// # Errors
/// A sentence: the server's status, or what the network said.
pub fn download(
    url: &str,
    expected_bytes: Option<u64>,
    observer: &dyn Observer,
) -> Result<Vec<u8>, String> {
    observer.event(&Event::Downloading { url, bytes: expected_bytes });
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_connect(Some(Duration::from_secs(20)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        .build()
        .into();
    let response = agent.get(url).call().map_err(|why| why.to_string())?;
    let limit = expected_bytes.map_or(MOST_BYTES, |bytes| bytes + 1);
    let mut bytes = Vec::new();
    response
        .into_body()
        .into_reader()
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(|why| why.to_string())?;
    if let Some(expected) = expected_bytes
        && bytes.len() as u64 != expected
    {
        return Err(format!("the answer has {} bytes instead of {expected}", bytes.len()));
    }
    observer.event(&Event::Downloaded { bytes: bytes.len() as u64 });
    Ok(bytes)
}
