//! A partition's log on disk; the only crate that owns files.
//!
//! [`disk`] is the seam to the file system, [`log_directory`] one `log.dirs` entry, [`flush`] what makes writes durable.
//!
//! **Architecture invariant:** storage knows no leader, ISR, group or request; offsets come to it already fenced. It reads no clock but
//! the one that it is given, starts no thread, and does blocking positional I/O through [`disk::Disk`] only.

mod ballast;
pub mod checkpoint_file;
mod clean_shutdown;
mod directory_health;
pub mod disk;
pub mod flush;
pub mod log_directory;
mod meta_properties;
mod partition_folder;

pub use ballast::{BALLAST_FILE, Ballast};
pub use clean_shutdown::{CLEAN_SHUTDOWN_FILE, CleanShutdown};
pub use directory_health::{DirectoryFailure, DirectoryHealth, FailureListener};
pub use flush::{FlushKey, FlushPlan, FlushTicket, Flushable, Flusher, FlusherSeams};
pub use log_directory::{
    Checkpoint, CheckpointError, LogDirectory, LogDirectoryOptions, OpenError, PartitionFolders, ReplaceError,
};
pub use meta_properties::{META_PROPERTIES_FILE, MalformedMetaProperties, MetaProperties};
pub use partition_folder::PartitionFolder;
