//! Counters and histograms of the plugin; the host adds plugin and tenant as labels.

use super::pairs;
use crate::bindings::wire::metrics as wire;

/// Adds to a counter.
pub fn add(name: &str, by: u64, labels: &[(&str, &str)]) {
    wire::add(name, by, &pairs(labels));
}

/// One observation of a histogram.
pub fn observe(name: &str, value: f64, labels: &[(&str, &str)]) {
    wire::observe(name, value, &pairs(labels));
}
