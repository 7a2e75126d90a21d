//! The one binary: composition, tasks and the command line.
