//! What the person is told when a command cannot do its work.

use std::io::Write as _;
use std::process::ExitCode;

/// What failed, on what, what to do about it, and the exit status.
#[derive(Debug)]
pub struct Failure {
    what: String,
    remedy: Option<String>,
    status: u8,
}

impl Failure {
    /// `what` failed (one sentence, starts with a capital); exit status 1.
    pub fn new(what: impl Into<String>) -> Failure {
        Failure {
            what: what.into(),
            remedy: None,
            status: 1,
        }
    }

    /// Adds what to do.
    #[must_use]
    pub fn try_this(mut self, remedy: impl Into<String>) -> Failure {
        self.remedy = Some(remedy.into());
        self
    }

    /// Sets the exit status.
    #[must_use]
    pub fn status(mut self, status: u8) -> Failure {
        self.status = status;
        self
    }

    /// What failed, and what to do.
    #[must_use]
    pub fn words(&self) -> (&str, Option<&str>) {
        (&self.what, self.remedy.as_deref())
    }

    /// Says it on standard error and gives the exit status.
    #[must_use]
    pub fn report(&self) -> ExitCode {
        let mut text = format!("cuse-pcm: {}\n", self.what);
        if let Some(remedy) = &self.remedy {
            text.push_str(&format!("cuse-pcm: try: {remedy}\n"));
        }
        // Where standard error is gone, the status still tells.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
        ExitCode::from(self.status)
    }
}

impl From<crate::container::Error> for Failure {
    fn from(error: crate::container::Error) -> Failure {
        Failure::new(error.to_string()).try_this(error.remedy())
    }
}
