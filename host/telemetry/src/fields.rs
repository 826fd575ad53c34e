//! Names of fields. A span is `run > step > attempt > call`.

/// Tenant of the run.
pub const TENANT: &str = "tenant";
/// Run id.
pub const RUN: &str = "run";
/// Name of the DAG.
pub const DAG: &str = "dag";
/// Name of the step.
pub const STEP: &str = "step";
/// Try of the step.
pub const ATTEMPT: &str = "attempt";
/// Fence of the claim.
pub const FENCE: &str = "fence";
/// Worker id.
pub const WORKER: &str = "worker";
/// Plugin name.
pub const PLUGIN: &str = "plugin";
/// Plugin version.
pub const PLUGIN_VERSION: &str = "plugin_version";
/// Exported function that was called.
pub const FUNCTION: &str = "function";
/// Microseconds that something took.
pub const TOOK_US: &str = "took_us";
