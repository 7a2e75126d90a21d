//! What a log does, told one behaviour at a time, on the simulated disk.

mod appending;
mod crashes;
mod fixture;
mod flushing;
mod model;
mod reading;
mod recovering;
mod retaining;
mod rotting;
mod truncating;
