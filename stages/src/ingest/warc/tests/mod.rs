//! Files built byte by byte, then damaged. Expectations are by hand: each record is known before it is packed.

mod damage;
mod kit;
mod pages;
mod ranges;
mod samples;
