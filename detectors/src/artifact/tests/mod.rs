//! Tests of the audit as a whole, and of its measures against others.

mod golden;
mod shared;
mod types;
mod whole;
