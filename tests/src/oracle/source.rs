//! Where scripts come from.

pub mod calls;
pub mod control;
pub mod matrix;
pub mod refine;
pub mod traces;
pub mod walk;

use super::call::Node;
use super::run::{Finding, Pair, play};
use calls::{Setup, Subject};

/// All sources.
pub const NAMES: &[&str] = &["refine", "matrix", "walk", "traces", "control"];

/// Whether a source is about control nodes.
#[must_use]
pub fn is_control(name: &str) -> bool {
    name.starts_with("control")
}

/// One source for one node.
#[derive(Debug)]
pub enum Source {
    /// [`refine`]
    Refine(refine::Refine),
    /// [`matrix`]
    Matrix(matrix::Matrix),
    /// [`walk`]
    Walk(walk::Walk),
    /// [`traces`]
    Traces(traces::Traces),
    /// [`control`]
    Control(control::Control),
}

impl Source {
    /// The source of this name; `None` where it makes no sense.
    ///
    /// # Panics
    /// There is none of this name.
    #[must_use]
    pub fn new(name: &str, seed: u64, node: Node, pair: &mut Pair) -> Option<Source> {
        let mut subject = || {
            Some(Subject {
                node,
                nodes: pair.ours.nodes,
                pins: pair.driver == "aloop",
                setup: Setup::of(&mut pair.kernel, node)?,
            })
        };
        Some(match name {
            "refine" => Source::Refine(refine::Refine::new(seed, node)),
            "matrix" => Source::Matrix(matrix::Matrix::new(seed, subject()?)),
            "traces" => Source::Traces(traces::Traces::new(subject()?)),
            "control" => Source::Control(control::Control::new(seed)),
            "walk" => Source::Walk(walk::Walk::new(seed, subject()?)),
            _ => panic!("There is no source {name}"),
        })
    }

    /// Plays its next script; `None` when there is no more.
    pub fn next(&mut self, pair: &mut Pair) -> Option<Result<(), Box<Finding>>> {
        match self {
            Source::Refine(refine) => {
                let script = refine.script();
                let kernel = play(&mut pair.kernel, &script);
                for outcome in kernel.iter().filter(|outcome| outcome.errno == 0) {
                    refine.learn(&outcome.bytes);
                }
                Some(pair.compare_with(&script, &kernel))
            }
            Source::Matrix(matrix) => Some(pair.check(&matrix.script()?)),
            Source::Traces(traces) => Some(pair.check(&traces.script()?)),
            Source::Control(control) => {
                control.begin();
                Some(pair.walk(&mut |last| control.next(last)))
            }
            Source::Walk(walk) => {
                walk.begin();
                Some(pair.walk(&mut |last| walk.next(last)))
            }
        }
    }
}
