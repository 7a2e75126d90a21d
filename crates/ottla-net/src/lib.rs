//! Frames in and out of sockets, real and simulated; limits.
