//! A partition's log on disk; the only crate that owns files.
//!
//! [`disk`] is the seam to the file system, [`log_directory`] one `log.dirs` entry (a [`LockedDirectory`] first), [`flush`] what makes
//! writes durable, [`inspect`] what tools see of a log's files.
//!
//! **Architecture invariant:** storage knows no leader, ISR, group or request; offsets come to it already fenced. It reads no clock but
//! the one that it is given, starts no thread, and does blocking positional I/O through [`disk::Disk`] only.

mod ballast;
mod batch_walk;
pub mod checkpoint_file;
mod clean;
mod clean_shutdown;
mod config;
mod directory_health;
pub mod disk;
mod environment;
mod epochs;
mod error;
mod file_by_name;
mod file_copy;
mod file_names;
pub mod flush;
mod index;
pub mod inspect;
mod locked_directory;
mod log;
pub mod log_directory;
mod meta_properties;
mod partition_folder;
mod partition_metadata;
mod producers;
mod reader;
mod recovery;
mod segment;
mod segment_cache;
mod snapshot_file;

pub use ballast::{BALLAST_FILE, Ballast};
pub use clean::{Deletion, Reason};
pub use clean_shutdown::{CLEAN_SHUTDOWN_FILE, CleanShutdown};
pub use config::LogConfig;
pub use directory_health::{DirectoryFailure, DirectoryHealth, FailureListener};
pub use environment::LogEnvironment;
pub use error::{Error, Result};
pub use flush::{FlushKey, FlushPlan, FlushTicket, Flushable, Flusher, FlusherSeams};
pub use index::txn::AbortedTxn;
pub use locked_directory::LockedDirectory;
pub use log::{Appended, Log, Opening, RecoveryPoint};
pub use log_directory::{
    Checkpoint, CheckpointError, LogDirectory, LogDirectoryOptions, OpenError, PartitionFolders, ReplaceError,
};
pub use meta_properties::{META_PROPERTIES_FILE, MalformedMetaProperties, MetaProperties};
pub use partition_folder::{PartitionFolder, QUORUM_FOLDER};
pub use partition_metadata::read_topic_id;
pub use reader::{Access, LogReader, Read, ReadRequest, TimestampOffset};
pub use recovery::{Cut, Recovered};
