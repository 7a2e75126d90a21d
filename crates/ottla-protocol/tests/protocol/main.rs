//! The door, tried from outside with the broker's allocator: what a forged length reserves must be served, as in the broker.

mod counting;
mod hostile;
mod messages;
mod samples;

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;
