//! The command line: verbs, progress, colors, publishing. The only place that prints.

mod args;
mod failure;
mod progress;
mod project;
mod publish;
mod run;
mod talk;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Verb};
use failure::Failure;
use talk::Talk;

/// Reads the arguments, does the verb, tells how it ended.
pub fn main() -> ExitCode {
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

fn dispatch(cli: &Cli, talk: &Talk) -> Result<u8, Failure> {
    match &cli.verb {
        Verb::Run(args) => run::run(cli, args, talk),
        _ => Err(Failure::usage("not yet")),
    }
}

fn tell(failure: &Failure, talk: &Talk) {
    if let Some((errors, map)) = &failure.spec {
        talk.note(&errors.render(map));
    } else {
        talk.error(&failure.message);
    }
    if let Some(hint) = &failure.hint {
        talk.hint(hint);
    }
}
