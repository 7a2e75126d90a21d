//! The history checker: what clients saw, judged.
