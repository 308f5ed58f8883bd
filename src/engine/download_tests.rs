use std::collections::VecDeque;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use super::super::events::Silent;
use super::super::files::{Files, Operation};
use super::super::files_trial::{Fault, Trial, Unsynced};
use super::*;

const LENGTH: usize = 3000;

fn content() -> Vec<u8> {
    (0..LENGTH).map(|i| (i * i % 251) as u8).collect()
}

/// What the server does on a connection.
#[derive(Clone)]
enum Act {
    /// Answers as it should, with a tag.
    Serve,
    /// Answers as it should, but only so many bytes arrive.
    Drop(usize),
    /// So many bytes arrive, then nothing for long.
    Stall(usize),
    /// Says these bytes and hangs up.
    Say(Vec<u8>),
    /// Serves the file whole whatever is asked for.
    IgnoreRange,
    /// Serves this content under another tag, and ignores `If-Range`.
    Other(Vec<u8>),
    /// Serves the file of another tag and honors `If-Range`.
    Tagged(&'static str, usize),
}

/// A server that does one act a connection, the last one for ever.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(acts: impl IntoIterator<Item = Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/file", listener.local_addr().expect("an address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, mut acts) = (asked.clone(), acts.into_iter().collect::<VecDeque<Act>>());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let act = if acts.len() > 1 { acts.pop_front() } else { acts.front().cloned() };
                let log = log.clone();
                thread::spawn(move || answer(stream, &act.expect("an act"), &log));
            }
        });
        Server { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("the log").clone()
    }

    fn wanted(&self) -> Wanted<'_> {
        let digest = Digest::of_bytes(&content());
        Wanted { url: &self.url, digest, bytes: Some(LENGTH as u64) }
    }
}

fn answer(mut stream: TcpStream, act: &Act, log: &Mutex<Vec<String>>) {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        request.push(byte[0]);
    }
    let request = String::from_utf8(request).expect("text").to_lowercase();
    log.lock().expect("the log").push(request.clone());
    let full = content();
    let said = match act {
        Act::Serve => file(&request, &full, "\"v1\"", LENGTH),
        Act::Drop(n) | Act::Stall(n) => file(&request, &full, "\"v1\"", *n),
        Act::Tagged(tag, n) => file(&request, &full, tag, *n),
        Act::Say(bytes) => bytes.clone(),
        Act::IgnoreRange => file("", &full, "\"v1\"", LENGTH),
        Act::Other(bytes) => file(&request.replace("if-range", "x"), bytes, "\"v2\"", LENGTH),
    };
    let _ = stream.write_all(&said);
    if matches!(act, Act::Stall(_)) {
        thread::sleep(Duration::from_millis(1500));
    }
}

/// An answer of a sound server, of whose body `n` bytes are sent.
fn file(request: &str, bytes: &[u8], tag: &str, n: usize) -> Vec<u8> {
    let field = |name: &str| {
        request.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).map(str::to_owned)
    };
    let same = field("if-range:").is_none_or(|asked| asked == tag);
    let start = field("range: bytes=").filter(|_| same);
    let start = start.and_then(|r| r.trim_end_matches('-').parse::<usize>().ok());
    let (status, range) = match start {
        Some(at) if at >= bytes.len() => {
            return b"HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n".to_vec();
        }
        Some(at) => {
            let range =
                format!("Content-Range: bytes {at}-{}/{}\r\n", bytes.len() - 1, bytes.len());
            ("206 Partial Content", range)
        }
        None => ("200 OK", String::new()),
    };
    let body = &bytes[start.unwrap_or(0)..];
    let mut said = format!(
        "HTTP/1.1 {status}\r\nETag: {tag}\r\n{range}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    said.extend_from_slice(&body[..n.min(body.len())]);
    said
}

fn say(head: &str, body: &[u8]) -> Act {
    let mut said = format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n").into_bytes();
    said.extend_from_slice(body);
    Act::Say(said)
}

const HURRY: Patience =
    Patience { attempts: 4, pause: Duration::from_millis(1), silence: Duration::from_millis(300) };

struct Place {
    folder: tempfile::TempDir,
    store: Store,
}

fn place() -> Place {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path()).expect("a store");
    Place { folder, store }
}

impl Place {
    fn fetch(&self, server: &Server) -> Result<Vec<u8>, String> {
        self.fetch_with(server, &HURRY)
    }

    fn fetch_with(&self, server: &Server, patience: &Patience) -> Result<Vec<u8>, String> {
        let path = download(&self.store, &server.wanted(), patience, &Silent)?;
        Ok(std::fs::read(path).expect("what was fetched"))
    }

    /// What lies in the staging folder.
    fn staged(&self) -> Vec<(String, u64)> {
        let entries = std::fs::read_dir(self.store.staging()).expect("a folder").flatten();
        let sized = |entry: std::fs::DirEntry| {
            (entry.file_name().into_string().expect("text"), entry.metadata().expect("one").len())
        };
        entries.map(sized).collect()
    }
}

/// The acts end in the right file, after so many connections.
fn fetched(acts: impl IntoIterator<Item = Act>, connections: usize) -> Vec<String> {
    let (place, server) = (place(), Server::new(acts));
    let found = place.fetch(&server);
    assert_eq!(found.as_deref(), Ok(&content()[..]), "{:?}", server.asked());
    assert_eq!(place.staged(), [], "nothing is left over");
    let asked = server.asked();
    assert_eq!(asked.len(), connections, "{asked:?}");
    asked
}

/// The acts end in an error that says this, after so many connections; nothing wrong is kept.
fn refused_with(acts: impl IntoIterator<Item = Act>, says: &str, connections: usize) {
    let (place, server) = (place(), Server::new(acts));
    let why = place.fetch(&server).expect_err("an error");
    assert!(why.contains(says) && why.contains(&server.url), "{why}");
    assert_eq!(server.asked().len(), connections, "{why}: {:?}", server.asked());
    assert!(!place.store.download_path(server.wanted().digest).exists());
    let sound = Server::new([Act::Serve]);
    assert_eq!(place.fetch(&sound).as_deref(), Ok(&content()[..]), "after {why}");
}

#[test]
fn a_sound_server_is_asked_once() {
    let asked = fetched([Act::Serve], 1);
    assert!(!asked[0].contains("range:") && asked[0].contains("accept-encoding: identity"));
}

#[test]
fn a_lost_connection_is_resumed_wherever_it_was_lost() {
    for n in (1..LENGTH).step_by(97).chain([1, LENGTH - 1]) {
        let asked = fetched([Act::Drop(n), Act::Serve], 2);
        assert!(asked[1].contains(&format!("range: bytes={n}-\r\n")), "{}", asked[1]);
        assert!(asked[1].contains("if-range: \"v1\""), "{}", asked[1]);
    }
    fetched([Act::Drop(0), Act::Serve], 2);
    fetched([Act::Drop(900), Act::Drop(1000), Act::Drop(900), Act::Serve], 4);
}

#[test]
fn silence_is_not_waited_out() {
    let started = Instant::now();
    fetched([Act::Stall(1234), Act::Say(vec![]), Act::Serve], 3);
    assert!(started.elapsed() < Duration::from_millis(1400));
}

#[test]
fn bodies_of_unknown_length_may_be_cut() {
    let head = "200 OK\r\nTransfer-Encoding: chunked";
    fetched([say(head, b"5\r\nabcde\r\n"), Act::Serve], 3);
    fetched([say("200 OK", &content()[..700]), Act::Serve], 2);
}

#[test]
fn lies_about_the_length_are_seen() {
    let longer = format!("200 OK\r\nContent-Length: {}", LENGTH + 50);
    fetched([say(&longer, &content())], 1);
    let shorter = format!("200 OK\r\nContent-Length: {}", LENGTH - 50);
    refused_with([say(&shorter, &content())], "2950 bytes instead of 3000", 1);
    let more: Vec<u8> = content().into_iter().chain([0; 9]).collect();
    refused_with([say("200 OK", &more)], "more than 3000 bytes", 1);
    refused_with([say("200 OK\r\nContent-Length: -7", &content())], "", 4);
}

#[test]
fn other_bytes_are_refused_and_not_kept() {
    let mut other = content();
    other[77] ^= 1;
    refused_with([Act::Other(other)], "serves other bytes", 1);
    let portal = b"<html>please log in</html>";
    let head = format!("200 OK\r\nContent-Length: {}", portal.len());
    refused_with([say(&head, portal)], "26 bytes instead of 3000", 1);
}

#[test]
fn a_file_that_changed_between_the_pieces_is_fetched_anew() {
    // The server says that it changed: all of it comes.
    let asked = fetched([Act::Tagged("\"v0\"", 500), Act::Serve], 2);
    assert!(asked[1].contains("if-range: \"v0\""));
    // The server does not say so: the pieces do not fit, and all of it comes after that.
    let mut other = content();
    other[7] ^= 1;
    let mut half = file("", &other, "\"v0\"", LENGTH);
    half.truncate(half.len() - 1000);
    let piece = file("range: bytes=2000-", &content(), "\"v1\"", LENGTH);
    let asked = fetched([Act::Say(half), Act::Say(piece), Act::Serve], 3);
    assert!(asked[1].contains("range: bytes=2000-") && !asked[2].contains("range: bytes"));
}

#[test]
fn odd_answers_to_a_range_start_it_again() {
    fetched([Act::Drop(500), Act::IgnoreRange], 2);
    let other_part = file("range: bytes=100-", &content(), "\"v1\"", LENGTH);
    fetched([Act::Drop(500), Act::Say(other_part), Act::Serve], 3);
    fetched([Act::Drop(500), say("416 No\r\nContent-Length: 0", b""), Act::Serve], 3);
    let part = say("206 Partial Content\r\nContent-Length: 5", b"abcde");
    refused_with([part], "not with which", 1);
}

#[test]
fn redirects_are_followed_but_not_in_circles() {
    let home = Server::new([Act::Serve]);
    let there = |url: &str| say(&format!("302 Found\r\nLocation: {url}\r\nContent-Length: 0"), b"");
    let (place, server) = (place(), Server::new([there(&home.url)]));
    assert_eq!(place.fetch(&server).as_deref(), Ok(&content()[..]));
    refused_with([there("/file")], "redirects", 11);
    refused_with([there("gopher://nowhere/")], "", 1);
    refused_with([there("http://127.0.0.1:9/nobody")], "4 attempts", 4);
}

#[test]
fn passing_refusals_are_waited_out_and_lasting_ones_are_not() {
    fetched([say("503 Busy\r\nRetry-After: 0\r\nContent-Length: 0", b""), Act::Serve], 2);
    fetched([say("429 Slowly\r\nContent-Length: 0", b""), Act::Serve], 2);
    refused_with([say("404 Not Found\r\nContent-Length: 0", b"")], "404", 1);
    refused_with([say("500 Oh\r\nContent-Length: 0", b"")], "500", 4);
    refused_with([Act::Say(vec![])], "4 attempts", 4);
    refused_with([Act::Say(b"this is no HTTP\r\n\r\n".to_vec())], "", 4);
}

#[test]
fn a_later_run_goes_on_where_one_was_given_up() {
    let (place, server) = (place(), Server::new([Act::Drop(1700), Act::Serve]));
    let once = Patience { attempts: 1, ..HURRY };
    let why = place.fetch_with(&server, &once).expect_err("one attempt");
    assert!(why.contains("1700 bytes arrived") && why.contains("hint: "), "{why}");
    assert_eq!(place.fetch(&server).as_deref(), Ok(&content()[..]));
    let asked = server.asked();
    assert!(asked[1].contains("range: bytes=1700-") && asked[1].contains("if-range: \"v1\""));
    assert_eq!(place.staged(), []);
}

#[test]
fn whatever_lies_in_the_place_of_the_part_the_file_comes_out_right() {
    type Spoil<'a> = &'a dyn Fn(&mut Vec<u8>);
    let spoils: [Spoil<'_>; 6] = [
        &|part| part.truncate(850),
        &|part| part.fill(0),
        &|part| part.clear(),
        &|part| part[3] ^= 4,
        &|part| *part = content(),
        &|part| part.resize(2 * LENGTH, 7),
    ];
    for (i, spoil) in spoils.iter().enumerate() {
        let (place, server) = (place(), Server::new([Act::Serve]));
        let part = place.store.staging().join(format!("{}.part", server.wanted().digest));
        let mut bytes = content()[..1700].to_vec();
        spoil(&mut bytes);
        std::fs::write(&part, bytes).expect("a part");
        assert_eq!(place.fetch(&server).as_deref(), Ok(&content()[..]), "spoil {i}");
        assert_eq!(server.asked().len(), [1, 2, 1, 2, 0, 1][i], "spoil {i}");
    }
}

#[test]
fn many_who_want_it_at_once_fetch_it_once() {
    let (place, server) = (place(), Server::new([Act::Drop(100), Act::Serve]));
    thread::scope(|scope| {
        let fetches: Vec<_> = (0..8).map(|_| scope.spawn(|| place.fetch(&server))).collect();
        for fetch in fetches {
            assert_eq!(fetch.join().expect("a thread").as_deref(), Ok(&content()[..]));
        }
    });
    assert_eq!(server.asked().len(), 2);
    assert_eq!(place.staged(), []);
}

#[test]
fn a_crash_at_any_operation_costs_at_most_a_fetch() {
    let mut trials = 0;
    for unsynced in [Unsynced::Stays, Unsynced::Dropped, Unsynced::Zeroed, Unsynced::Mixed(5)] {
        for at in 1.. {
            let trial = Arc::new(Trial::new(Fault::TornCrash, at, Operation::changes));
            let place = place();
            let store = Store::with_files(place.folder.path(), Files::on_trial(trial.clone()))
                .expect("a store that is there");
            let server = Server::new([Act::Drop(1000), Act::Serve]);
            let crashed = download(&store, &server.wanted(), &HURRY, &Silent);
            if trial.hit().is_none() {
                assert!(crashed.is_ok() && at > 8, "{crashed:?} at {at}");
                break;
            }
            assert!(crashed.is_err() || trial.count() > 8, "{:?}", trial.hit());
            trial.power_cut(unsynced).expect("a power cut");
            let server = Server::new([Act::Serve]);
            let found = place.fetch(&server);
            // What was cut off after it had its name is found by its digest when it is read.
            let kept = Digest::of_bytes(&found.expect("a second fetch"));
            assert_eq!(kept, server.wanted().digest, "{unsynced:?} {:?}", trial.hit());
            trials += 1;
        }
    }
    assert!(trials > 40, "{trials}");
}
