//! The command line: verbs, progress, colors, publishing. The only place that prints.

mod archive;
mod args;
mod check;
mod claims;
mod contradictions;
#[cfg(test)]
mod crash_tests;
mod dag;
mod dag_svg;
#[cfg(test)]
mod damage_tests;
mod diff;
mod diff_text;
mod export;
mod failure;
mod footer;
mod gc;
mod history;
mod import;
mod init;
mod label;
mod lineage;
mod lineage_draw;
mod lineage_impact;
mod lineage_text;
mod lock;
mod log;
mod matrix;
mod past;
mod plan;
mod profile_schema;
mod progress;
mod project;
mod publish;
mod report;
mod run;
mod run_facts;
mod runs;
mod schema;
mod show;
mod show_node;
mod signals;
mod status;
mod table;
mod talk;
mod trace;
mod trace_text;
mod unpack;
mod verify;
mod why;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use args::{Cli, Verb};
use failure::Failure;
use talk::Talk;

/// Reads the arguments, does the verb, tells how it ended.
pub fn main() -> ExitCode {
    quiet_panics_of_stages();
    let cli = Cli::parse();
    let talk = Talk::new(cli.common.color);
    match dispatch(&cli, &talk) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            tell(&failure, &talk);
            ExitCode::from(failure.code)
        }
    }
}

/// A panic in a stage becomes the failure of its node, with the message: the default report on top
/// of it would only hide that. RUST_BACKTRACE brings it back.
fn quiet_panics_of_stages() {
    if std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0") {
        return;
    }
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() == Some("main") {
            default(panic);
        }
    }));
}

fn dispatch(cli: &Cli, talk: &Talk) -> Result<u8, Failure> {
    match &cli.verb {
        Verb::Run(args) => match &args.matrix {
            Some(name) => matrix::matrix(cli, args, name, talk),
            None => run::run(cli, args, talk),
        },
        Verb::Plan(args) => plan::plan(cli, args, talk),
        Verb::Status { past } => status::status(cli, past.run.as_deref(), talk),
        Verb::Why { node, past } => why::why(cli, node, past.run.as_deref(), talk),
        Verb::Dag { format } => dag::dag(cli, *format, talk),
        Verb::Show { what, rows, past } => show::show(cli, what, *rows, past.run.as_deref(), talk),
        Verb::Lineage(args) => lineage::lineage(cli, args, talk),
        Verb::Diff { old, new } => diff::diff(cli, old, new, talk),
        Verb::Export { format, path } => export::export(cli, *format, path, talk),
        Verb::Import { bundle, into, max_size, no_run } => {
            import::import(cli, bundle, into, *max_size, *no_run, talk)
        }
        Verb::Label(args) => label::label(cli, args, talk),
        Verb::Trace { id, column } => trace::trace(cli, *id, column, talk),
        Verb::Claims { check, past } => claims::claims(cli, *check, past.run.as_deref(), talk),
        Verb::Unpack { folder, what } => unpack::unpack(cli, what.as_deref(), folder, talk),
        Verb::Log { node, past } => log::log(cli, node, past.run.as_deref(), talk),
        Verb::Check { contradictions: true } => check::contradictions(cli, talk),
        Verb::Check { .. } => check::check(cli, talk),
        Verb::Schema { of } => Ok(schema::schema(*of, talk)),
        Verb::Runs => runs::runs(cli, talk),
        Verb::Verify { repair } => verify::verify(cli, *repair, talk),
        Verb::Lock => lock::lock(cli, talk),
        Verb::Gc(args) => gc::gc(cli, args, talk),
        Verb::Init { folder } => init::init(cli, folder.as_deref(), talk),
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "mdwarf", &mut script);
            talk.out(String::from_utf8_lossy(&script).trim_end());
            Ok(0)
        }
    }
}

fn tell(failure: &Failure, talk: &Talk) {
    if let Some((errors, map)) = &failure.spec {
        talk.note(&report::render(errors, map, talk.color));
        talk.error(&format!("{} in the specification", table::count(errors.0.len(), "error")));
    } else {
        talk.error(&failure.message);
    }
    if let Some(hint) = &failure.hint {
        talk.hint(hint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn force_takes_its_node_only_after_an_equals_sign() {
        let force = |words: &[&str]| match Cli::try_parse_from(words).map(|cli| cli.verb) {
            Ok(Verb::Run(args)) => args.force,
            other => panic!("not a run: {other:?}"),
        };
        assert_eq!(force(&["mdwarf", "run", "-f"]).as_deref(), Some(""));
        assert_eq!(force(&["mdwarf", "repro", "--force=train"]).as_deref(), Some("train"));
        assert_eq!(force(&["mdwarf", "run"]), None);
    }
}
