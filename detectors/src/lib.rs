//! What gives a text or a data set away: machine text, artifacts, calibration, evaluation.
//!
//! Nothing is built here yet; the crate holds the place that the workspace's arrows give it.
