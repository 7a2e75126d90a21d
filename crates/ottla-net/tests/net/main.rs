//! The accepting side and the client, from outside, over the simulated network and its clock.

mod client;
mod cluster;
mod common;
mod fairness;
mod limits;
mod serving;
