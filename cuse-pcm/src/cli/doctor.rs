//! `cuse-pcm doctor`: what this machine can do, and what to change where it cannot.

mod checks;
mod machine;

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::output::print;
use super::{Failure, run};
use machine::Machine;

pub(super) use machine::in_path;

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    /// Works.
    Good,
    /// Something useful is not to be had.
    Limited,
    /// `run` cannot work.
    Bad,
}

/// One thing looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Check {
    name: &'static str,
    verdict: Verdict,
    /// What is there.
    found: String,
    /// What that means, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

#[derive(Debug, Serialize)]
struct Report {
    /// Whether `cuse-pcm run` works here.
    can_run: bool,
    checks: Vec<Check>,
}

impl Doctor {
    /// Prints the report; exit status 0 if `run` can work.
    pub(super) fn main(&self) -> Result<ExitCode, Failure> {
        let checks = checks::all(&Machine::look());
        let report = Report {
            can_run: checks.iter().all(|check| check.verdict != Verdict::Bad),
            checks,
        };
        let text = if self.json {
            let json = serde_json::to_string_pretty(&report);
            json.map_err(|error| Failure::new(format!("Cannot write the report: {error}")))? + "\n"
        } else {
            in_words(&report)
        };
        print(&text)?;
        Ok(ExitCode::from(u8::from(!report.can_run)))
    }
}

fn in_words(report: &Report) -> String {
    let mut text = String::new();
    for check in &report.checks {
        let mark = match check.verdict {
            Verdict::Good => "ok      ",
            Verdict::Limited => "limited ",
            Verdict::Bad => "MISSING ",
        };
        text.push_str(&format!("{mark} {:<20} {}\n", check.name, check.found));
        if let Some(advice) = &check.advice {
            text.push_str(&format!("{:30}→ {advice}\n", ""));
        }
    }
    text.push_str(if report.can_run {
        "`cuse-pcm run` works here.\n"
    } else {
        "`cuse-pcm run` does not work here: see MISSING above.\n"
    });
    text
}

/// The hidden command behind the check of `run`: does what it does up to the command itself.
pub(super) fn probe() -> Result<ExitCode, Failure> {
    print(&run::probe()?)?;
    Ok(ExitCode::SUCCESS)
}
