//! The metadata quorum: openraft behind one handle.
