//! Data-driven tests of the whole program; see `tests/` beside this file.
