//! The manual pages and the shell completions, written from the definitions of the command line, so that they cannot
//! tell of other options than the program has. What no definition says is in the files beside this one.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;

use super::Failure;

/// Of the last change that a reader would notice.
const DATE: &str = "2026-11-28";
const CONFIG_PAGE: &str = include_str!("manual/cuse-pcm.toml.5");

#[derive(Debug, Args)]
pub(super) struct Manual {
    /// Where to write them, laid out as in /usr/share
    directory: PathBuf,
}

impl Manual {
    /// Writes them.
    pub(super) fn main(self) -> Result<ExitCode, Failure> {
        let mut program = super::Arguments::command().disable_help_subcommand(true);
        program.build();
        let pages = self.directory.join("man");
        write(&pages.join("man5/cuse-pcm.toml.5"), CONFIG_PAGE.as_bytes())?;
        let commands = program.get_subcommands().filter(|c| !c.is_hide_set());
        for command in std::iter::once(&program).chain(commands) {
            let name = command.get_display_name().unwrap_or(command.get_name());
            let path = pages.join(format!("man1/{name}.1"));
            write(&path, page(command, &program).as_bytes())?;
        }
        for (shell, path) in COMPLETIONS {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut visible(), "cuse-pcm", &mut text);
            write(&self.directory.join(path), &text)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Where the shells look.
const COMPLETIONS: [(Shell, &str); 3] = [
    (Shell::Bash, "bash-completion/completions/cuse-pcm"),
    (Shell::Zsh, "zsh/site-functions/_cuse-pcm"),
    (Shell::Fish, "fish/vendor_completions.d/cuse-pcm.fish"),
];

/// The definitions without hidden commands, which the completions would offer.
fn visible() -> Command {
    let all = super::Arguments::command();
    let commands: Vec<Command> = (all.get_subcommands())
        .filter(|c| !c.is_hide_set())
        .cloned()
        .collect();
    let mut rest = Command::new("cuse-pcm")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommands(commands);
    for argument in all.get_arguments() {
        rest = rest.arg(argument.clone());
    }
    rest
}

fn write(path: &Path, text: &[u8]) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, text))
        .map_err(|error| Failure::new(format!("Cannot write {}: {error}", path.display())))
}

/// The page of a command.
fn page(command: &Command, program: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").to_owned();
    let man = Man::new(command.clone().override_usage(usage))
        .date(DATE)
        .source(concat!("cuse-pcm ", env!("CARGO_PKG_VERSION")))
        .manual("ALSA in user space");
    let after = command.get_after_help().map(ToString::to_string);
    let after = after.unwrap_or_default();
    let (notes, examples) = after.split_once("Examples:\n").unwrap_or((&after, ""));
    let mut page = String::new();
    page += &section(&man, Man::render_title);
    page += &section(&man, Man::render_name_section);
    page += &section(&man, Man::render_synopsis_section);
    page += &section(&man, Man::render_description_section);
    page += &text(notes);
    if command.get_arguments().any(|a| !a.is_hide_set()) {
        page += &options(command, &man);
    }
    if command.has_subcommands() {
        page += ".SH COMMANDS\n";
        for sub in program.get_subcommands().filter(|c| !c.is_hide_set()) {
            let about = sub.get_about().map(ToString::to_string);
            let about = about.unwrap_or_default();
            let _ = writeln!(
                page,
                ".TP\n.BR cuse\\-pcm\\-{} (1)\n{about}",
                sub.get_name()
            );
        }
    }
    page += by_hand(command.get_name());
    if !examples.is_empty() {
        page += ".SH EXAMPLES";
        page += text(examples).trim_start_matches("\n.PP");
    }
    if !page.contains(".SH \"EXIT STATUS\"") {
        page += EXIT_STATUS;
    }
    page + &see_also(command, program)
}

/// The options; those with a heading of their own as parts of one section.
fn options(command: &Command, man: &Man) -> String {
    let mut text = section(man, Man::render_options_section);
    for heading in command.get_arguments().filter_map(|a| a.get_help_heading()) {
        let shouted = escaped(&heading.to_uppercase());
        for title in [format!(".SH {shouted}\n"), format!(".SH \"{shouted}\"\n")] {
            text = text.replace(&title, &format!(".SS \"{}\"\n", escaped(heading)));
        }
    }
    // One line break is enough.
    text.replace(".br\n.br\n", ".br\n")
}

/// What no definition says of a command.
fn by_hand(name: &str) -> &'static str {
    match name {
        "cuse-pcm" => include_str!("manual/cuse-pcm.roff"),
        "run" => include_str!("manual/run.roff"),
        "serve" => include_str!("manual/serve.roff"),
        "doctor" => include_str!("manual/doctor.roff"),
        _ => "",
    }
}

const EXIT_STATUS: &str = ".SH \"EXIT STATUS\"
0, or 2 for a wrong command line, or 1 for anything else that failed; standard error then says what, and what to do.
";

fn see_also(command: &Command, program: &Command) -> String {
    let mut pages: Vec<String> = std::iter::once(program)
        .chain(program.get_subcommands().filter(|c| !c.is_hide_set()))
        .filter(|other| other.get_name() != command.get_name())
        .map(|other| other.get_display_name().unwrap_or("cuse-pcm").to_owned() + " (1)")
        .collect();
    pages.extend(["cuse-pcm.toml (5)", "aplay (1)", "amixer (1)"].map(str::to_owned));
    let lines: Vec<String> = pages
        .iter()
        .map(|p| format!(".BR {}", escaped(p)))
        .collect();
    format!(".SH \"SEE ALSO\"\n{}\n", lines.join(" ,\n"))
}

/// A section as `clap_mangen` writes it.
fn section(
    man: &Man,
    render: impl Fn(&Man, &mut dyn std::io::Write) -> std::io::Result<()>,
) -> String {
    let mut bytes = Vec::new();
    // Memory takes all that is written.
    let _ = render(man, &mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let empty = |line: &&str| !line.is_empty();
    let lines = text.lines().filter(empty).map(str::trim_end);
    lines.fold(String::new(), |all, line| all + line + "\n")
}

/// Paragraphs, and blocks of lines that begin with blanks, which stay as they are.
fn text(text: &str) -> String {
    let mut out = String::new();
    let mut verbatim = false;
    let mut fresh = true;
    for line in text.lines() {
        let indented = line.starts_with("  ") || (verbatim && line.is_empty());
        if verbatim && !indented {
            out += "\n.EE";
            verbatim = false;
            fresh = true;
        }
        if indented {
            if !verbatim {
                out += "\n.PP\n.EX";
                verbatim = true;
            }
        } else if line.is_empty() {
            fresh = true;
            continue;
        } else if fresh {
            out += "\n.PP";
            fresh = false;
        }
        out += "\n";
        out += &escaped(line);
    }
    let mut out = out.trim_end().to_owned();
    if verbatim {
        out += "\n.EE";
    }
    out + "\n"
}

fn escaped(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-");
    match line.chars().next() {
        Some('.' | '\'') => format!("\\&{line}"),
        _ => line,
    }
}
