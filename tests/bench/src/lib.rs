//! The raw replayer, the floor and the benchmarks.
