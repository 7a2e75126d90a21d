//! Metadata records, the immutable image, and the pure decisions over it.
