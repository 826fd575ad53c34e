//! What a Store carries: who calls, what it may do, and what it has used up.

use std::sync::Arc;

use pintle_core::ids::TenantId;
use pintle_core::time::Span;
use pintle_plane::output::{Channel, Sink};
use wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::bindings::{GuestError, denied};
use crate::call::blobs::CallBlobs;
use crate::call::breach::Breach;
use crate::call::budget::Budgets;
use crate::call::limiter::Limiter;
use crate::call::meter::Meter;
use crate::call::record::Record;
use crate::call::streams::Printer;
use crate::grants::Grants;
use crate::limits::{CallLimits, HANDLES, RANDOM_BYTES};
use crate::services::Services;

/// Who calls which plugin, for which step.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// Name of the plugin.
    pub(crate) plugin: String,
    /// Its version.
    pub(crate) version: String,
    /// Whose call.
    pub(crate) tenant: TenantId,
    /// `run/step`, for logs.
    pub(crate) step: String,
    /// See `ProcessSpec::claim`.
    pub(crate) claim: String,
    /// The step's directory.
    pub(crate) working_dir: std::path::PathBuf,
    /// Every effect is refused.
    pub(crate) dry_run: bool,
}

/// The data of a plugin's Store.
pub(crate) struct CallState {
    pub(crate) who: Arc<Identity>,
    pub(crate) grants: Arc<Grants>,
    pub(crate) services: Arc<Services>,
    pub(crate) config: Arc<str>,
    pub(crate) record: Arc<Record>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) limiter: Limiter,
    pub(crate) limits: CallLimits,
    pub(crate) budgets: Budgets,
    pub(crate) printer: Printer,
    log: Printer,
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) blobs: CallBlobs,
    wasi: Option<Box<Wasi>>,
}

struct Wasi {
    ctx: WasiCtx,
    table: ResourceTable,
}

/// What a call is made of.
pub(crate) struct CallParts {
    pub(crate) who: Arc<Identity>,
    pub(crate) grants: Arc<Grants>,
    pub(crate) services: Arc<Services>,
    pub(crate) config: Arc<str>,
    pub(crate) record: Arc<Record>,
    pub(crate) limits: CallLimits,
    pub(crate) sink: Arc<dyn Sink>,
}

impl CallState {
    /// A fresh state; nothing of an earlier call is in it.
    pub(crate) fn new(parts: CallParts) -> Self {
        let CallParts { who, grants, services, config, record, limits, sink } = parts;
        Self {
            limiter: Limiter::new(limits.memory),
            budgets: Budgets::default(),
            printer: Printer::new(Arc::clone(&sink), limits.output),
            log: Printer::new(Arc::new(LogSink { who: Arc::clone(&who) }), Some(limits.log)),
            meter: Arc::new(Meter::default()),
            blobs: CallBlobs::default(),
            wasi: None,
            who,
            grants,
            services,
            config,
            record,
            limits,
            sink,
        }
    }

    /// What is left until the deadline, in the WIT's unit.
    pub(crate) fn remaining_ms(&self) -> u32 {
        self.record.remaining().map_or(u32::MAX, |left| u32::try_from(left.as_millis()).unwrap_or(u32::MAX))
    }

    /// Counts log bytes; those that a guest prints by way of WASI are counted with them.
    pub(crate) fn charge_log(&self, bytes: usize) -> Result<(), Breach> {
        match self.log.charge(bytes) {
            0 => Ok(()),
            _ => Err(Breach::Log { limit: self.limits.log }),
        }
    }

    /// The refusal of every effect of a dry run.
    pub(crate) fn refuse_dry_run(&self, what: &str) -> Result<(), GuestError> {
        if self.who.dry_run {
            return Err(denied(format!("this is a dry run: {what} is not done")));
        }
        Ok(())
    }

    /// Notes a refusal with the line that would allow it.
    pub(crate) fn deny(&self, capability: &str, grant: &str) -> GuestError {
        let Identity { plugin, version, step, .. } = &*self.who;
        let refused = format!("{plugin} {version} has no grant for this use of {capability}");
        if self.grants.sandbox {
            return denied(format!("{refused}: --sandbox takes it away. Leave out --sandbox to allow it"));
        }
        tracing::warn!(plugin, version, step, capability, "a call was denied; approve: {grant}");
        denied(format!("{refused}. Approve: {grant}"))
    }
}

impl WasiView for CallState {
    /// A plugin built from std finds a world in which nothing is: no files, no environment, no network.
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let wasi = self.wasi.get_or_insert_with(|| {
            let mut table = ResourceTable::new();
            table.set_max_capacity(HANDLES);
            let ctx = WasiCtxBuilder::new()
                .stdout(self.log.stream(Channel::Stdout, PrintedTo::Log))
                .stderr(self.log.stream(Channel::Stderr, PrintedTo::Log))
                .max_random_size(RANDOM_BYTES)
                .allow_tcp(false)
                .allow_udp(false)
                .build();
            Box::new(Wasi { ctx, table })
        });
        WasiCtxView { ctx: &mut wasi.ctx, table: &mut wasi.table }
    }
}

pub(crate) use crate::call::streams::PrintedTo;

/// Where the prints of a plugin built from std go.
struct LogSink {
    who: Arc<Identity>,
}

impl Sink for LogSink {
    fn write(&self, channel: Channel, bytes: &[u8]) {
        let Identity { plugin, version, step, .. } = &*self.who;
        let text = String::from_utf8_lossy(bytes);
        tracing::info!(target: "plugin", plugin, version, step, ?channel, "{}", text.trim_end());
    }
}

/// A span of the WIT as a span of the core.
pub(crate) fn span(ms: u32) -> Span {
    Span(u64::from(ms))
}

#[cfg(test)]
mod tests {
    use pintle_plane::output::Channel;

    use crate::call::breach::Breach;
    use crate::grants::Grants;
    use crate::host::testing::state;

    #[test]
    fn lines_that_are_logged_and_lines_that_are_printed_share_one_limit() -> std::io::Result<()> {
        let dir = tempfile::tempdir()?;
        let call = state(dir.path(), Grants::none(), false);
        assert_eq!(call.charge_log(600), Ok(()));
        assert_eq!(call.log.print(Channel::Stderr, &[b'x'; 400]), Ok(()));
        assert!(call.log.print(Channel::Stderr, &[b'x'; 25]).is_err(), "1025 bytes of 1024");
        assert_eq!(call.charge_log(1), Err(Breach::Log { limit: 1024 }));
        Ok(())
    }
}
