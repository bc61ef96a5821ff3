//! How new documents come to be: self-instruct, ensemble-instruct and the recipes.
//!
//! Nothing is built here yet; the crate holds the place that the workspace's arrows give it.
