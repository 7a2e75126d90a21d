//! `ottla log dump`: what the files of a log hold, read without a node. Files in Kafka's format are all the same to it.

mod index;
mod producers;
mod segment;

use std::path::PathBuf;

use anyhow::{Context, bail};
use ottla_storage::inspect::SegmentFile;

use super::output::{Output, Stdout};

/// What to do with files of a log.
#[derive(Debug, clap::Args)]
pub(super) struct Log {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Print the batches and records of a .log file, or the entries of an .index, .timeindex, .txnindex or .snapshot file
    Dump(Dump),
}

/// Which file.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The file is only read, and may belong to a running node: then its end may be a batch that is just being written. Where
damage begins it says so, and exits with 1. An .index file is compared with the .log file beside it, where there is one.

Examples:
    ottla log dump data/orders-0/00000000000000000000.log
    ottla log dump data/orders-0/00000000000000000000.log --batches --json"
)]
struct Dump {
    /// A file of a log, under the name that the log gave it
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Print batches without their records
    #[arg(long)]
    batches: bool,

    #[command(flatten)]
    output: Output,
}

pub(super) fn run(log: &Log) -> anyhow::Result<()> {
    match &log.action {
        Action::Dump(dump) => {
            let identified = SegmentFile::identify(&dump.file);
            let (kind, base_offset) = identified.with_context(|| {
                let name = dump.file.display();
                format!(
                    "{name} is no .log, .index, .timeindex, .txnindex or .snapshot file under the name that a log gives it, \
                     20 digits and that"
                )
            })?;
            let (mut out, json) = (Stdout::open(), dump.output.json);
            let damage = match kind {
                SegmentFile::Log => segment::dump(&dump.file, base_offset, dump.batches, json, &mut out)?,
                SegmentFile::OffsetIndex => index::dump_offsets(&dump.file, base_offset, json, &mut out)?,
                SegmentFile::TimeIndex => index::dump_times(&dump.file, base_offset, json, &mut out)?,
                SegmentFile::TxnIndex => index::dump_aborted(&dump.file, json, &mut out)?,
                SegmentFile::ProducerSnapshot => producers::dump(&dump.file, json, &mut out)?,
            };
            out.flush()?;
            match damage {
                None => Ok(()),
                Some(Damage { position, reason }) => {
                    bail!("{}: damage begins at byte {position}: {reason}", dump.file.display())
                }
            }
        }
    }
}

/// The first thing in a file that cannot be right. What stands before it is whole.
#[derive(Debug, PartialEq, Eq)]
struct Damage {
    /// Where it begins, in bytes.
    position: u64,
    reason: String,
}
