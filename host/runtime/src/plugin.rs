//! A plugin: its manifest, its grants, and its code, checked before the first call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pintle_core::ids::{Digest, TenantId};
use pintle_core::plugin::{ActionRow, Repeats, Staged};
use pintle_plane::output::{Channel, Sink};
use pintle_plane::stop::{StopSignal, Urgency};

use crate::bindings::{self, Action};
use crate::blobs::digest_of;
use crate::call::breach::Breach;
use crate::call::fall::Blame;
use crate::call::record::Record;
use crate::call::state::{CallParts, Identity};
use crate::error::{LoadError, LoadFault};
use crate::grants::Grants;
use crate::limits::CallLimits;
use crate::manifest::Manifest;
use crate::runtime::Runtime;

pub(crate) mod code;
mod imports;
pub(crate) mod invoke;
mod link;
pub(crate) mod load;

use self::code::{Code, Source};
use self::invoke::{Ask, Said, invoke};

/// How long a plugin may take to say who it is.
const DESCRIBE: Duration = Duration::from_secs(5);

/// A plugin that may be called.
pub struct Plugin {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) staged: Staged,
    pub(crate) limits: CallLimits,
    pub(crate) grants: Arc<Grants>,
    pub(crate) config: Arc<str>,
    pub(crate) code: Code,
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin")
            .field("name", &self.staged.name)
            .field("version", &self.staged.version)
            .field("digest", &self.staged.digest)
            .finish_non_exhaustive()
    }
}

impl Plugin {
    /// Reads, compiles, checks and asks a component. `file` is its name in messages. All faults are listed.
    pub async fn load(
        runtime: &Arc<Runtime>,
        file: &str,
        bytes: Vec<u8>,
        manifest: &Manifest,
        grants: Grants,
    ) -> Result<Arc<Self>, LoadError> {
        let mut plugin = load::check(runtime, file, bytes, manifest, grants).await?;
        let (description, actions) = plugin.introduced().await?;
        let says = format!("{} {}", description.name, description.version);
        let mut faults = Vec::new();
        if says != manifest.title() {
            faults.push(LoadFault::OtherName { plugin: manifest.title(), says });
        }
        faults.extend(load::action_faults(&manifest.title(), &actions));
        if !faults.is_empty() {
            return Err(LoadError { faults });
        }
        plugin.staged.config_schema = description.config_schema;
        if plugin.staged.summary.is_empty() {
            plugin.staged.summary = description.summary;
        }
        plugin.staged.actions = actions.into_iter().map(row).collect();
        Ok(Arc::new(plugin))
    }

    /// A plugin whose row is already known and trusted: nothing is read, compiled or run before its first call.
    pub(crate) fn known(runtime: &Arc<Runtime>, staged: Staged, source: Source, grants: Grants) -> Arc<Self> {
        let wants = |capability: &str| staged.wants.iter().any(|want| want.capability == capability);
        let grants = grants.within(wants);
        Arc::new(Self::new(Arc::clone(runtime), staged, source, grants))
    }

    fn new(runtime: Arc<Runtime>, staged: Staged, source: Source, grants: Grants) -> Self {
        let limits = CallLimits::from(staged.limits);
        let code = Code::new(staged.digest.clone(), source, limits.memory);
        Self { runtime, staged, limits, grants: Arc::new(grants), config: "{}".into(), code }
    }

    /// The row that staging leaves behind.
    #[must_use]
    pub fn staged(&self) -> &Staged {
        &self.staged
    }

    /// SHA-256 of the component.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.staged.digest
    }

    /// Whom messages name.
    pub(crate) fn blame(&self, function: &'static str) -> Blame {
        Blame {
            who: format!("{} {}", self.staged.name, self.staged.version),
            function,
            settings: format!("plugins.{}.limits.", self.staged.name),
            snake: false,
        }
    }

    /// Asks the plugin who it is and what it can do, without any capability.
    async fn introduced(&self) -> Result<(bindings::Descriptor, Vec<Action>), LoadError> {
        let description = match self.ask(Ask::Describe).await? {
            Said::Description(description) => description,
            Said::Actions(_) | Said::Progress(_) | Said::Aborted(_) => return Err(off_topic("describe")),
        };
        match self.ask(Ask::Actions).await? {
            Said::Actions(actions) => Ok((description, actions)),
            Said::Description(_) | Said::Progress(_) | Said::Aborted(_) => Err(off_topic("actions")),
        }
    }

    async fn ask(&self, ask: Ask) -> Result<Said, LoadError> {
        let record = Arc::new(Record::new(Some(Instant::now() + DESCRIBE), Arc::new(NoStop)));
        let who = Identity {
            plugin: self.staged.name.clone(),
            version: self.staged.version.clone(),
            tenant: TenantId::default_tenant(),
            step: "staging".to_owned(),
            claim: String::new(),
            working_dir: std::path::PathBuf::from("/"),
            dry_run: true,
        };
        let parts = CallParts {
            who: Arc::new(who),
            grants: Arc::new(Grants::none()),
            services: Arc::clone(&self.runtime.services),
            config: Arc::clone(&self.config),
            record: Arc::clone(&record),
            limits: self.limits,
            sink: Arc::new(NoSink),
        };
        let function = ask.function();
        let ready = self.code.ready(&self.runtime).await;
        let ready = ready.map_err(|error| LoadError::one(LoadFault::Host(error.to_string())))?;
        let said = invoke(&self.runtime, ready, parts, ask, &Breach::Staging(DESCRIBE)).await;
        said.map(|(said, _)| said).map_err(|fall| {
            let failure = fall.failure(&self.blame(function), record.panic(), false);
            LoadError::one(LoadFault::Call(failure.message))
        })
    }
}

fn off_topic(function: &str) -> LoadError {
    LoadError::one(LoadFault::Host(format!("{function} was answered by another function")))
}

fn row(action: Action) -> ActionRow {
    ActionRow {
        name: action.name,
        summary: action.summary,
        input_schema: action.input_schema,
        output_schema: action.output_schema,
        repeats: match action.repeats {
            bindings::Repeats::Pure => Repeats::Pure,
            bindings::Repeats::Idempotent => Repeats::Idempotent,
            bindings::Repeats::Keyed => Repeats::Keyed,
            bindings::Repeats::UnsafeToRepeat => Repeats::UnsafeToRepeat,
        },
    }
}

/// SHA-256 of a component.
pub(crate) fn digest(bytes: &[u8]) -> Digest {
    digest_of(bytes)
}

/// Staging prints nowhere and is not stopped: it is short.
pub(crate) struct NoSink;

impl Sink for NoSink {
    fn write(&self, _: Channel, _: &[u8]) {}
}

pub(crate) struct NoStop;

impl StopSignal for NoStop {
    fn urgency(&self) -> Urgency {
        Urgency::None
    }

    fn reached(&self, _: Urgency) -> pintle_plane::BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }
}
