//! A project in a temporary folder, and the program run on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A temporary project.
pub struct Project {
    folder: TempDir,
    subfolder: PathBuf,
}

/// What a run of the program gave.
pub struct Answer {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Project {
    /// An empty project.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let project = Project { folder, subfolder: "project".into() };
        fs::create_dir_all(project.root()).expect("a project folder");
        project
    }

    pub fn root(&self) -> PathBuf {
        self.folder.path().join(&self.subfolder)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// Writes a file.
    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.write(name, content);
        self
    }

    /// Writes a file of a project in use.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, content).expect("a file");
    }

    /// Replaces a text in a file.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(name)).expect("a text file");
        assert!(text.contains(from), "`{from}` is not in {name}");
        self.write(name, text.replace(from, to));
    }

    /// Moves the whole project to another folder.
    pub fn moved(mut self) -> Self {
        let old = self.root();
        self.subfolder = "elsewhere/the same project".into();
        fs::create_dir_all(self.root().parent().expect("a folder")).expect("a folder");
        fs::rename(old, self.root()).expect("a move");
        self
    }

    /// Runs the program.
    pub fn mdwarf(&self, arguments: &[&str]) -> Answer {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mdwarf"));
        command
            .args(arguments)
            .arg("-C")
            .arg(self.root())
            .env_remove("MDWARF_MIRROR")
            .env_remove("MDWARF_CACHE")
            .env("NO_COLOR", "1");
        Answer::of(command.output().expect("the program runs"))
    }

    /// `run --profile test`, which must succeed.
    pub fn run(&self) -> Ran {
        self.run_with(&[])
    }

    /// `run` with more arguments, which must succeed.
    pub fn run_with(&self, more: &[&str]) -> Ran {
        let mut arguments = vec!["run", "--profile", "test", "--json"];
        arguments.extend(more);
        let answer = self.mdwarf(&arguments);
        assert_eq!(answer.code, 0, "run failed:\n{}\n{}", answer.stderr, answer.stdout);
        Ran(answer.last_json())
    }
}

impl Answer {
    pub fn of(output: Output) -> Self {
        Answer {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    pub fn last_json(&self) -> Value {
        let line = self.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}\n{}", self.stderr))
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|why| panic!("{why}: {}\n{}", self.stdout, self.stderr))
    }

    /// The text must be in what the program said.
    pub fn says(&self, text: &str) -> &Self {
        let all = format!("{}{}", self.stdout, self.stderr);
        // A graphical report wraps long lines: compare without white space and frames.
        let plain = |s: &str| -> String {
            s.chars().filter(|c| !c.is_whitespace() && !"│╭╰─·".contains(*c)).collect()
        };
        assert!(plain(&all).contains(&plain(text)), "`{text}` is not in:\n{all}");
        self
    }
}

/// The last line of `run --json`.
pub struct Ran(pub Value);

impl Ran {
    fn nodes(&self, key: &str) -> Vec<String> {
        let mut nodes: Vec<String> = self.0[key]
            .as_array()
            .expect("a list")
            .iter()
            .map(|node| node.as_str().expect("a name").to_owned())
            .collect();
        nodes.sort();
        nodes
    }

    /// These nodes ran, and no others.
    pub fn ran(&self, expected: &[&str]) -> &Self {
        let mut expected: Vec<String> = expected.iter().map(|s| (*s).to_owned()).collect();
        expected.sort();
        assert_eq!(self.nodes("ran"), expected, "{}", self.0);
        self
    }

    /// This node was reused.
    pub fn reused(&self, node: &str) -> &Self {
        assert!(self.nodes("reused").iter().any(|n| n == node), "{node}: {}", self.0);
        self
    }
}

/// `../shared/NAME` if it is there; else says which test is skipped.
pub fn shared(name: &str, test: &str) -> Option<PathBuf> {
    let base = std::env::var("MDWARF_SHARED")
        .map_or_else(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = base.join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {test} needs ../shared/{name}");
    None
}
