//! What goes wrong around the door: said clearly, and nothing lost.

mod certificates;
mod clock;
mod log;
mod state;
mod upstreams;
