//! [`Error`]: what the disk said, and of which file.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustix::io::Errno;

/// A failed disk operation. Cheaply cloned: one failed sync is told to all that waited for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    operation: &'static str,
    path: Arc<Path>,
    cause: Cause,
}

/// Why a disk operation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The operating system's error number.
    Os(i32),
    /// The file ended before all was read.
    UnexpectedEnd,
    /// The file is longer than the caller reads.
    TooLarge {
        /// Its length in bytes.
        len: u64,
        /// The longest that the caller reads.
        len_max: u64,
    },
    /// The two names of a rename lie in different folders.
    OtherFolder,
    /// The simulated machine has lost power: nothing works any more.
    PowerLost,
}

impl Error {
    /// The failure of `operation`, a verb such as `open`, on the file at `path`.
    pub fn new(operation: &'static str, path: &Path, cause: Cause) -> Error {
        Error { operation, path: path.into(), cause }
    }

    pub(super) fn os(operation: &'static str, path: &Path, error: &io::Error) -> Error {
        // Everything that std and rustix report here comes from a system call; the few of std's own making are misuse of a path.
        Error::new(operation, path, Cause::Os(error.raw_os_error().unwrap_or(Errno::INVAL.raw_os_error())))
    }

    /// Why.
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// The file or folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn is_os(&self, errno: Errno) -> bool {
        self.cause == Cause::Os(errno.raw_os_error())
    }

    /// The disk, or the writer's quota, is full (ENOSPC, EDQUOT).
    pub fn is_no_space(&self) -> bool {
        self.is_os(Errno::NOSPC) || self.is_os(Errno::DQUOT)
    }

    /// There is no such file or folder.
    pub fn is_not_found(&self) -> bool {
        self.is_os(Errno::NOENT)
    }

    /// The name is taken.
    pub fn is_already_exists(&self) -> bool {
        self.is_os(Errno::EXIST)
    }

    /// The process, or the system, has no file descriptor left (EMFILE, ENFILE): close some and try again.
    pub fn is_out_of_descriptors(&self) -> bool {
        self.is_os(Errno::MFILE) || self.is_os(Errno::NFILE)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.operation, self.path.display(), self.cause)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Os(errno) => io::Error::from_raw_os_error(*errno).fmt(f),
            Cause::UnexpectedEnd => f.write_str("the file ends too early"),
            Cause::TooLarge { len, len_max } => write!(f, "it has {len} bytes, more than the {len_max} that are read"),
            Cause::OtherFolder => f.write_str("the new name lies in another folder"),
            Cause::PowerLost => f.write_str("the simulated power is gone"),
        }
    }
}
