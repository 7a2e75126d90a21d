//! What can be wrong with what was set, by cause. Each message names the setting, what was read and what is allowed.

use std::fmt;
use std::sync::Arc;

use crate::environment::variable_name;

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A line of a properties file, counted from 1.
    File {
        /// The file as the user named it.
        file: Arc<str>,
        /// The line on which the property begins.
        line: usize,
    },
    /// A variable of the environment.
    Environment {
        /// The variable as the user named it.
        variable: Arc<str>,
    },
    /// `--override` on the command line.
    Override,
    /// The configs of a topic, or of brokers in the metadata: the request that carries them says where.
    Request,
}

impl fmt::Display for Origin {
    /// A prefix for a message, with its colon and blank; nothing for [`Origin::Request`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File { file, line } => write!(f, "{file}:{line}: "),
            Origin::Environment { variable } => write!(f, "{variable}: "),
            Origin::Override => f.write_str("--override: "),
            Origin::Request => Ok(()),
        }
    }
}

/// One thing wrong with what was set. Where Kafka has a message for the cause, this one begins with Kafka's words:
/// clients see it beside `INVALID_CONFIG`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No setting has this name.
    #[error("{origin}Unknown {scope} config name: {name}{}", did_you_mean(nearest, origin))]
    UnknownName {
        /// The name as it was read.
        name: String,
        /// `broker` or `topic`.
        scope: &'static str,
        /// The known name that was probably meant.
        nearest: Option<&'static str>,
        /// Where it was read.
        origin: Origin,
    },
    /// The setting does not take this value.
    #[error("{origin}Invalid value {read} for configuration {name}: {allowed}")]
    InvalidValue {
        /// The setting, as it was named.
        name: String,
        /// The value as it was read; `[hidden]` where it is a secret.
        read: String,
        /// What is allowed.
        allowed: String,
        /// Where it was read.
        origin: Origin,
    },
    /// Values that are each allowed and do not go together.
    #[error("{0}")]
    Conflict(String),
    /// A line that is no property.
    #[error("{origin}{what}")]
    Syntax {
        /// Where it stands.
        origin: Origin,
        /// What is wrong with it.
        what: String,
    },
}

fn did_you_mean(nearest: &Option<&'static str>, origin: &Origin) -> String {
    let as_written = |name: &str| match origin {
        Origin::Environment { .. } => variable_name(name),
        _ => name.to_owned(),
    };
    nearest.map(|name| format!(" (did you mean {}?)", as_written(name))).unwrap_or_default()
}

/// Everything that is wrong with what was set, so that one attempt shows it all. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errors(pub(crate) Vec<Error>);

impl Errors {
    /// The errors, by name of the setting.
    pub fn iter(&self) -> impl Iterator<Item = &Error> {
        self.0.iter()
    }
}

impl From<Error> for Errors {
    fn from(error: Error) -> Errors {
        Errors(vec![error])
    }
}

impl fmt::Display for Errors {
    /// One line for each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Errors {}
