//! Tests of the source itself: layering, seams, generated documents.
