//! One partition's life: append, read, in-sync replicas, high watermark, epochs.
