//! Record batches: a borrowed view, validation, a builder, compression and control records.
