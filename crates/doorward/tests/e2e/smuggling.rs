//! Request smuggling: nobody on the way may see another end of a request than we do.
//!
//! A corpus is sent straight at the door, through servers of others in front of it, and with
//! servers of others behind it. Every case has a number, which is in all of its paths. What an
//! upstream saw is compared with what the door's log allowed (the decision's id is passed on)
//! and with a strict reading of the bytes that the door was sent.

mod asked;
mod corpus;
mod proxies;

mod runs;
mod stand;
mod strict;
mod talk;
mod tap;
mod witness;
