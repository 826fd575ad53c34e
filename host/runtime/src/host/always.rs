//! What every plugin has: call, random, log, output, config, metrics. They have no way to say `denied`; beyond their
//! bounds they end the guest.

use std::time::{SystemTime, UNIX_EPOCH};

use pintle_plane::output::Channel;
use pintle_plane::stop::{StopSignal, Urgency};

use crate::bindings::Pair;
use crate::bindings::host::{call, config, log, metrics, output, random};
use crate::bindings::pintle::core::types;
use crate::call::breach::Breach;
use crate::call::record::Panic;
use crate::call::state::{CallState, Identity};
use crate::limits::{MESSAGE_BYTES, METRIC_POINTS, RANDOM_BYTES};

impl types::Host for CallState {}

impl call::Host for CallState {
    fn unix_ms(&mut self) -> wasmtime::Result<u64> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn remaining(&mut self) -> wasmtime::Result<u32> {
        Ok(self.remaining_ms())
    }

    fn cancelled(&mut self) -> wasmtime::Result<bool> {
        Ok(self.record.is_over() || self.record.urgency() > Urgency::None)
    }
}

impl random::Host for CallState {
    fn bytes(&mut self, count: u32) -> wasmtime::Result<Vec<u8>> {
        let taken = self.budgets.random.take(u64::from(count));
        taken.map_err(|_| Breach::Count { what: "random bytes", limit: RANDOM_BYTES })?;
        let mut bytes = vec![0; count as usize];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            filled += rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty())?;
        }
        Ok(bytes)
    }
}

impl log::Host for CallState {
    fn write(&mut self, level: log::Level, message: String, fields: Vec<Pair>) -> wasmtime::Result<()> {
        let size: usize = fields.iter().map(|field| field.name.len() + field.value.len()).sum();
        self.charge_log(message.len() + size + 1)?;
        if matches!(level, log::Level::Error) && is_panic(&fields) {
            self.record.panicked(Panic::parse(&clipped(&message)));
        }
        let Identity { plugin, version, step, .. } = &*self.who;
        let fields = fields.iter().map(|Pair { name, value }| format!(" {name}={value:?}")).collect::<String>();
        match level {
            log::Level::Trace => tracing::trace!(target: "plugin", plugin, version, step, "{message}{fields}"),
            log::Level::Debug => tracing::debug!(target: "plugin", plugin, version, step, "{message}{fields}"),
            log::Level::Info => tracing::info!(target: "plugin", plugin, version, step, "{message}{fields}"),
            log::Level::Warn => tracing::warn!(target: "plugin", plugin, version, step, "{message}{fields}"),
            log::Level::Error => tracing::error!(target: "plugin", plugin, version, step, "{message}{fields}"),
        }
        Ok(())
    }
}

fn is_panic(fields: &[Pair]) -> bool {
    fields.iter().any(|field| field.name == "panic" && field.value == "true")
}

/// At most [`MESSAGE_BYTES`], cut between characters.
pub(crate) fn clipped(text: &str) -> String {
    let mut end = text.len().min(MESSAGE_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

impl output::Host for CallState {
    fn write(&mut self, channel: output::Channel, bytes: Vec<u8>) -> wasmtime::Result<()> {
        let channel = match channel {
            output::Channel::Stdout => Channel::Stdout,
            output::Channel::Stderr => Channel::Stderr,
        };
        let printed = self.meter.free(|| self.printer.print(channel, &bytes));
        Ok(printed?)
    }
}

impl config::Host for CallState {
    fn get(&mut self) -> wasmtime::Result<String> {
        Ok(self.config.to_string())
    }
}

impl CallState {
    fn metric(&mut self, name: &str, value: f64, labels: &[Pair]) -> wasmtime::Result<()> {
        let taken = self.budgets.metrics.take(1);
        taken.map_err(|_| Breach::Count { what: "metric points", limit: METRIC_POINTS })?;
        let Identity { plugin, version, .. } = &*self.who;
        tracing::trace!(target: "plugin_metrics", plugin, version, name, value, ?labels);
        Ok(())
    }
}

impl metrics::Host for CallState {
    fn add(&mut self, name: String, by: u64, labels: Vec<Pair>) -> wasmtime::Result<()> {
        // A counter beyond 2^53 loses its last digits; nobody counts that far in one call.
        #[expect(clippy::cast_precision_loss, reason = "see above")]
        let by = by as f64;
        self.metric(&name, by, &labels)
    }

    fn observe(&mut self, name: String, value: f64, labels: Vec<Pair>) -> wasmtime::Result<()> {
        self.metric(&name, value, &labels)
    }
}
