//! Sources: found by digest in a mirror, else fetched, checked, kept; wrong bytes are refused.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::project::Project;

const PIPELINE: &str = r#"
[pipeline]
name = "sources"
seed = 1
[dataset.table]
about = "a table"
[node.table]
stage = "read_table"
section = "§3"
dataset = "table"
format = "csv"
columns = [{ name = "x", type = "f64" }]
"#;

const TABLE: &str = "x\n1.5\n2.5\n";

/// Serves the same answer to everybody on a port of the loopback; counts the askers.
fn server(body: &'static str) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(4) {
            let Ok(mut stream) = stream else { continue };
            count.fetch_add(1, Ordering::SeqCst);
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (format!("http://{address}/table.csv"), asked)
}

fn project(url: &str) -> Project {
    let profile = format!(
        "[profile]\nname = \"test\"\nabout = \"sources\"\n[dataset.table]\nurl = \"{url}\"\n\
         blake3 = \"{}\"\nbytes = {}\nmirror_path = \"tables/table.csv\"\n",
        blake3::hash(TABLE.as_bytes()).to_hex(),
        TABLE.len()
    );
    Project::new().file("pipeline.toml", PIPELINE).file("profiles/test.toml", profile)
}

#[test]
fn a_public_file_is_fetched_once_and_kept() {
    let (url, asked) = server(TABLE);
    let project = project(&url);
    project.run().ran(&["table"]);
    project.run().ran(&[]);
    project.run_with(&["--force"]).ran(&["table"]);
    assert_eq!(asked.load(Ordering::SeqCst), 1, "the second look is in the store");
}

#[test]
fn other_bytes_than_promised_are_refused() {
    let (url, _) = server("x\n1.5\n9.9\n");
    let project = project(&url);
    let answer = project.mdwarf(&["run", "--profile", "test", "--json"]);
    assert_eq!(answer.code, 1);
    answer.says("serves other bytes");
    let (url, _) = server("x\n1.5\n");
    let short = self::project(&url);
    let answer = short.mdwarf(&["run", "--profile", "test", "--json"]);
    assert_eq!(answer.code, 1);
    answer.says("6 bytes instead of 10");
}

#[test]
fn a_mirror_serves_a_file_under_any_name() {
    let project = project("http://127.0.0.1:9/never-asked");
    project.write("mirror/some/other/name.csv", TABLE);
    let mirror = project.path("mirror").to_string_lossy().into_owned();
    project.run_with(&["--mirror", &mirror, "--offline"]).ran(&["table"]);
}

#[test]
fn offline_and_without_a_mirror_the_way_out_is_named() {
    let project = project("http://127.0.0.1:9/never-asked");
    let answer = project.mdwarf(&["run", "--profile", "test", "--json", "--offline"]);
    assert_eq!(answer.code, 1);
    answer.says("--offline").says("--mirror");
}
