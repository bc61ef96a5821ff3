//! What gives a text or a data set away: machine text, artifacts, calibration, evaluation.

pub mod artifact;
pub mod calibrate;
pub mod eval;
pub mod leak_probe;
pub mod machine;
pub mod model_file;
