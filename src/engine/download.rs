//! Fetching a public file into the store: resumed where a connection was lost, tried again with
//! growing pauses, kept only if its digest is the promised one.
//!
//! The bytes grow in `tmp/<digest>.part`, so that a later run goes on where this one was killed.

use std::io::{self, Read};
use std::path::PathBuf;
use std::time::Duration;

use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body};

use super::digest::Digest;
use super::events::{Event, Observer};
use super::files::Partial;
use super::store::Store;

/// No file of this field's archives that is fetched one by one is larger.
const MOST_BYTES: u64 = 8 << 30;
/// An attempt that brought this much was no failure: the next one is a first one again.
const PROGRESS_BYTES: u64 = 1 << 20;
/// No pause is longer, whatever the server asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The file that is wanted.
pub struct Wanted<'a> {
    /// Its address.
    pub url: &'a str,
    /// The blake3 of its bytes.
    pub digest: Digest,
    /// Its size, where it is declared.
    pub bytes: Option<u64>,
}

/// How long to put up with a bad connection.
pub struct Patience {
    /// Attempts in a row that bring next to nothing.
    pub attempts: u32,
    /// The pause after the first of them; it doubles with each.
    pub pause: Duration,
    /// Silence after which a connection is given up.
    pub silence: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            attempts: 5,
            pause: Duration::from_millis(500),
            silence: Duration::from_secs(60),
        }
    }
}

/// Why an attempt failed.
enum Trouble {
    /// The next one may succeed; the pause that the server asks for.
    Passing(String, Option<Duration>),
    /// It makes no sense to try again.
    Lasting(String),
}

impl Trouble {
    fn passing(why: impl ToString) -> Self {
        Trouble::Passing(why.to_string(), None)
    }

    fn disk(why: io::Error) -> Self {
        Trouble::Lasting(format!("cannot keep what arrives: {why}"))
    }
}

/// What has arrived so far.
struct Arrived {
    file: Partial,
    hasher: blake3::Hasher,
    bytes: u64,
    /// What the server calls this version of the file.
    version: Option<String>,
    /// Whether the bytes came in more than one answer.
    pieces: bool,
}

/// Fetches a file; gives the place in the store where it lies.
///
/// # Errors
/// A sentence: the server's status, what the network said last, or that the bytes are others.
pub fn download(
    store: &Store,
    wanted: &Wanted<'_>,
    patience: &Patience,
    observer: &dyn Observer,
) -> Result<PathBuf, String> {
    let kept = store.download_path(wanted.digest);
    let disk = |why: io::Error| format!("cannot fetch {} into the store: {why}", wanted.url);
    let part = store.staging().join(format!("{}.part", wanted.digest));
    let file = loop {
        let file = store.files().open_partial(&part).map_err(disk)?;
        if !file.lock() {
            // Without locks two runs could write to one file: this one writes to its own.
            let own = format!("{}.{}.part", wanted.digest, std::process::id());
            break store.files().open_partial(&store.staging().join(own)).map_err(disk)?;
        }
        if kept.is_file() {
            if file.is_named() {
                let _ = store.files().remove(&part);
            }
            return Ok(kept);
        }
        // Another run may have moved it into place, and then have found it damaged.
        if file.is_named() {
            break file;
        }
    };
    let mut arrived = Arrived::so_far(file, store, wanted).map_err(disk)?;
    observer.event(&Event::Downloading { url: wanted.url, bytes: wanted.bytes });
    fetch(store, wanted, patience, observer, &mut arrived)
        .map_err(|why| format!("cannot fetch {}: {why}", wanted.url))?;
    let folder = kept.parent().unwrap_or(store.root());
    store.files().create_folder(folder).map_err(disk)?;
    let bytes = arrived.bytes;
    arrived.file.place(&kept).map_err(disk)?;
    store.files().sync_folder(folder).map_err(disk)?;
    let _ = store.files().remove(&version_path(store, wanted));
    observer.event(&Event::Downloaded { bytes });
    Ok(kept)
}

fn version_path(store: &Store, wanted: &Wanted<'_>) -> PathBuf {
    store.staging().join(format!("{}.version", wanted.digest))
}

/// Tries until all bytes are there and are the wanted ones.
fn fetch(
    store: &Store,
    wanted: &Wanted<'_>,
    patience: &Patience,
    observer: &dyn Observer,
    arrived: &mut Arrived,
) -> Result<(), String> {
    let agent = agent(patience);
    let mut failures = 0;
    loop {
        let before = arrived.bytes;
        let trouble = match attempt(&agent, store, wanted, arrived) {
            Ok(()) => return Ok(()),
            Err(Trouble::Lasting(why)) => return Err(why),
            Err(Trouble::Passing(why, pause)) => (why, pause),
        };
        failures = if arrived.bytes >= before + PROGRESS_BYTES { 1 } else { failures + 1 };
        let (why, asked) = trouble;
        if failures >= patience.attempts {
            return Err(format!(
                "{why} ({failures} attempts in a row failed, {} bytes arrived); hint: run again \
                 later to go on from there, or give a copy with `--mirror DIR`",
                arrived.bytes
            ));
        }
        let own = patience.pause.saturating_mul(1 << (failures - 1).min(16));
        let pause = asked.unwrap_or(own).min(LONGEST_PAUSE);
        observer.event(&Event::Retrying { url: wanted.url, why: &why, pause });
        std::thread::sleep(pause);
    }
}

fn agent(patience: &Patience) -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        // What is compressed on the way cannot be resumed.
        .accept_encoding("identity")
        .timeout_connect(Some(patience.silence.min(Duration::from_secs(20))))
        .timeout_recv_response(Some(patience.silence))
        .timeout_per_read(Some(patience.silence))
        .build()
        .into()
}

fn attempt(
    agent: &Agent,
    store: &Store,
    wanted: &Wanted<'_>,
    arrived: &mut Arrived,
) -> Result<(), Trouble> {
    if wanted.bytes != Some(arrived.bytes) || arrived.bytes == 0 {
        let mut request = agent.get(wanted.url);
        if arrived.bytes > 0 {
            request = request.header(header::RANGE, format!("bytes={}-", arrived.bytes));
            if let Some(version) = &arrived.version {
                request = request.header(header::IF_RANGE, version);
            }
        }
        let answer = request.call().map_err(trouble_of)?;
        admit(store, wanted, arrived, &answer)?;
        receive(wanted, arrived, answer)?;
    }
    check(store, wanted, arrived)
}

/// Which errors of the network may pass.
fn trouble_of(why: ureq::Error) -> Trouble {
    match why {
        ureq::Error::Io(_)
        | ureq::Error::Timeout(_)
        | ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::Protocol(_) => Trouble::passing(why),
        _ => Trouble::Lasting(why.to_string()),
    }
}

/// Looks at an answer's head: is it the file from its start, or the rest of it?
fn admit(
    store: &Store,
    wanted: &Wanted<'_>,
    arrived: &mut Arrived,
    answer: &Response<Body>,
) -> Result<(), Trouble> {
    let status = answer.status();
    let start = match status {
        StatusCode::OK => 0,
        StatusCode::PARTIAL_CONTENT => range_start(answer).ok_or_else(|| {
            Trouble::Lasting("the server answers with a part of it, but not with which".into())
        })?,
        StatusCode::RANGE_NOT_SATISFIABLE => {
            arrived.start_again(store, wanted)?;
            return Err(Trouble::passing("the server has less of it than has arrived"));
        }
        _ => return Err(refused(answer)),
    };
    if start == 0 {
        arrived.start_again(store, wanted)?;
        arrived.version = version(answer);
        if let Some(version) = &arrived.version {
            let path = version_path(store, wanted);
            // Without it a resumed download is checked by its digest only.
            let _ = store.commit_sealed(&path, format!("{}\n{version}", wanted.url).as_bytes());
        }
    } else if start != arrived.bytes {
        arrived.start_again(store, wanted)?;
        return Err(Trouble::passing("the server answers with another part than was asked for"));
    } else {
        arrived.pieces = true;
    }
    Ok(())
}

fn refused(answer: &Response<Body>) -> Trouble {
    let status = answer.status();
    let seconds = text(answer, &header::RETRY_AFTER).and_then(|text| text.trim().parse().ok());
    let passing = [408, 425, 429].contains(&status.as_u16()) || status.is_server_error();
    let why = format!("the server answers {status}");
    if passing {
        Trouble::Passing(why, seconds.map(Duration::from_secs))
    } else {
        Trouble::Lasting(why)
    }
}

/// Writes an answer's body behind what has arrived.
fn receive(
    wanted: &Wanted<'_>,
    arrived: &mut Arrived,
    answer: Response<Body>,
) -> Result<(), Trouble> {
    let is_encoded = text(&answer, &header::CONTENT_ENCODING).is_some_and(|e| e != "identity");
    let declared: Option<u64> =
        text(&answer, &header::CONTENT_LENGTH).and_then(|n| n.parse().ok()).filter(|_| !is_encoded);
    let whole = declared.map(|n| n.saturating_add(arrived.bytes));
    let most = wanted.bytes.unwrap_or(MOST_BYTES);
    let mut body = answer.into_body().into_reader();
    let mut piece = vec![0; 1 << 16];
    let end = loop {
        match body.read(&mut piece) {
            Ok(0) => break Ok(()),
            Ok(n) => arrived.add(&piece[..n])?,
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Err(why) => break Err(why.to_string()),
        }
        if arrived.bytes > most {
            break Ok(());
        }
    };
    let bytes = arrived.bytes;
    match (end, wanted.bytes) {
        (Err(why), _) if Some(bytes) != wanted.bytes => {
            Err(Trouble::passing(format!("{why}, after {bytes} bytes")))
        }
        (Ok(()), Some(expected)) if bytes > expected => {
            Err(Trouble::Lasting(format!("the answer has more than {expected} bytes")))
        }
        // All that was declared came: the server has another file.
        (Ok(()), Some(expected)) if bytes < expected && whole == Some(bytes) => {
            Err(Trouble::Lasting(format!("the answer has {bytes} bytes instead of {expected}")))
        }
        (Ok(()), Some(expected)) if bytes < expected => {
            Err(Trouble::passing(format!("the answer ends after {bytes} of {expected} bytes")))
        }
        _ => Ok(()),
    }
}

/// Compares the digest of what has arrived. Pieces that do not fit together are fetched once more
/// as a whole; other bytes than promised are refused for good, and not kept.
fn check(store: &Store, wanted: &Wanted<'_>, arrived: &mut Arrived) -> Result<(), Trouble> {
    let found = Digest::finish(&arrived.hasher);
    if found == wanted.digest {
        return Ok(());
    }
    let pieces = arrived.pieces;
    arrived.start_again(store, wanted)?;
    if pieces {
        return Err(Trouble::passing("the pieces that arrived do not make up the wanted file"));
    }
    Err(Trouble::Lasting(format!("it serves other bytes: blake3 {found}, not {}", wanted.digest)))
}

impl Arrived {
    /// What a former run left.
    fn so_far(mut file: Partial, store: &Store, wanted: &Wanted<'_>) -> io::Result<Self> {
        let mut hasher = blake3::Hasher::new();
        let bytes = file.read(|piece| {
            hasher.update(piece);
        })?;
        let mut arrived = Arrived { file, hasher, bytes, version: None, pieces: bytes > 0 };
        if bytes > wanted.bytes.unwrap_or(MOST_BYTES) {
            arrived.cut()?;
        } else if let Some(known) = store.read_sealed(&version_path(store, wanted))
            && let Ok(text) = String::from_utf8(known)
            && let Some((url, version)) = text.split_once('\n')
            && url == wanted.url
        {
            arrived.version = Some(version.to_owned());
        }
        Ok(arrived)
    }

    fn cut(&mut self) -> io::Result<()> {
        self.file.cut(0)?;
        self.hasher = blake3::Hasher::new();
        (self.bytes, self.pieces, self.version) = (0, false, None);
        Ok(())
    }

    /// Forgets what has arrived.
    fn start_again(&mut self, store: &Store, wanted: &Wanted<'_>) -> Result<(), Trouble> {
        if self.version.is_some() {
            let _ = store.files().remove(&version_path(store, wanted));
        }
        self.cut().map_err(Trouble::disk)
    }

    fn add(&mut self, piece: &[u8]) -> Result<(), Trouble> {
        if let Err(why) = self.file.write_all(piece) {
            // Half of it may have arrived: what is hashed must be what is there.
            let _ = self.file.cut(self.bytes);
            return Err(Trouble::disk(why));
        }
        self.hasher.update(piece);
        self.bytes += piece.len() as u64;
        Ok(())
    }
}

fn text<'a>(answer: &'a Response<Body>, name: &header::HeaderName) -> Option<&'a str> {
    answer.headers().get(name)?.to_str().ok()
}

/// What the server calls this version of the file; weak tags do not vouch for bytes.
fn version(answer: &Response<Body>) -> Option<String> {
    let tag = text(answer, &header::ETAG).filter(|tag| tag.starts_with('"'));
    tag.or_else(|| text(answer, &header::LAST_MODIFIED)).map(str::to_owned)
}

/// The first byte of `Content-Range: bytes FIRST-LAST/TOTAL`.
fn range_start(answer: &Response<Body>) -> Option<u64> {
    let range = text(answer, &header::CONTENT_RANGE)?.strip_prefix("bytes ")?;
    range.split_once('-')?.0.trim().parse().ok()
}

#[cfg(test)]
#[path = "download_tests.rs"]
mod tests;
