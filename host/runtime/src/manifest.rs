//! `plugin.toml`: what a plugin says of itself before it runs.

use pintle_core::ids::Digest;
use pintle_core::plugin::{PluginLimits, Want};
use serde::Deserialize;

use crate::error::{LoadError, LoadFault};

/// The version of the format.
const VERSION: u32 = 1;

/// A checked manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Unique among the plugins of a tenant.
    pub name: String,
    /// Of the plugin.
    pub version: String,
    /// `executor`, `policy`, `backend:dns`, ...
    pub kind: String,
    /// One line for people.
    pub summary: String,
    /// File name of the component.
    pub file: String,
    /// Of the component, if it was packed.
    pub sha256: Option<Digest>,
    /// What it wants, and why.
    pub wants: Vec<Want>,
    /// Bounds of a call.
    pub limits: PluginLimits,
    /// How instances live.
    pub lifecycle: Lifecycle,
}

/// How instances live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Lifecycle {
    /// Whether an instance may serve more than one call: a wish, which the operator caps.
    pub reuse: Reuse,
    /// How long a replaced backend or policy may finish its calls.
    pub drain_ms: u32,
}

/// Whether an instance serves more than one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reuse {
    /// Each call gets a fresh one.
    #[default]
    None,
    /// Of the same tenant, binding and generation.
    Binding,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self { reuse: Reuse::None, drain_ms: 5000 }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Document {
    manifest: u32,
    name: String,
    version: String,
    kind: String,
    #[serde(default)]
    summary: String,
    component: Component,
    #[serde(default)]
    wants: Wants,
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    lifecycle: Lifecycle,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Component {
    file: String,
    sha256: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Wants {
    http: Option<Wish>,
    http_blobs: Option<Wish>,
    process: Option<Wish>,
    files: Option<Wish>,
    kv: Option<Wish>,
    blobs: Option<Wish>,
    tcp: Option<Wish>,
    sign: Option<Wish>,
    secrets_reveal: Option<Wish>,
    secret: Vec<SecretWish>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Wish {
    #[serde(default = "yes")]
    required: bool,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SecretWish {
    name: String,
    r#use: SecretUse,
    #[serde(default = "yes")]
    required: bool,
    #[serde(default)]
    reason: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SecretUse {
    Header,
    Hmac,
    Sigv4,
    Env,
    Reveal,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Limits {
    memory_mib: u32,
    cpu_ms: u32,
    /// Without it: the step's deadline for executors, 10 s for all others.
    wall_ms: Option<u32>,
    log_kib: u32,
    output_kib: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_mib: 32, cpu_ms: 500, wall_ms: None, log_kib: 256, output_kib: 0 }
    }
}

fn yes() -> bool {
    true
}

impl Manifest {
    /// Reads the text of `plugin.toml`; `file` is its name in messages.
    pub fn parse(text: &str, file: &str) -> Result<Self, LoadError> {
        let document: Document = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| text.get(..span.start).unwrap_or(text).lines().count().max(1));
            let place = line.map_or_else(|| file.to_owned(), |line| format!("{file}:{line}"));
            LoadError::one(LoadFault::Manifest { place, reason: error.message().to_owned() })
        })?;
        let faults = document.faults();
        if !faults.is_empty() {
            let fault = |reason| LoadFault::Manifest { place: file.to_owned(), reason };
            return Err(LoadError { faults: faults.into_iter().map(fault).collect() });
        }
        Ok(document.into_manifest())
    }

    /// `acme-dns 1.4.0`: how messages name the plugin.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{} {}", self.name, self.version)
    }

    /// Whether a capability is among the wants.
    pub(crate) fn wants(&self, capability: &str) -> bool {
        self.wants.iter().any(|want| want.capability == capability)
    }
}

impl Document {
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.manifest != VERSION {
            faults
                .push(format!("`manifest = {}` is not known; this pintle reads `manifest = {VERSION}`", self.manifest));
        }
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.name.is_empty() || self.name.len() > 64 || !self.name.chars().all(plain) {
            faults.push(format!("name `{}` is not 1 to 64 of a-z, 0-9 and `-`", self.name));
        }
        if !is_version(&self.version) {
            faults.push(format!("version `{}` is not like `1.4.0`", self.version));
        }
        let known = ["executor", "policy"].contains(&self.kind.as_str())
            || self.kind.strip_prefix("backend:").is_some_and(|kind| !kind.is_empty());
        if !known {
            faults.push(format!("kind `{}` is not one of executor, policy, backend:KIND", self.kind));
        }
        if let Some(digest) = &self.component.sha256
            && let Err(error) = Digest::new(digest.as_str())
        {
            faults.push(error.to_string());
        }
        let Limits { memory_mib, cpu_ms, log_kib, .. } = self.limits;
        for (name, value) in [("memory-mib", memory_mib), ("cpu-ms", cpu_ms), ("log-kib", log_kib)] {
            if value == 0 {
                faults.push(format!("limits.{name} is 0; write at least 1"));
            }
        }
        for secret in self.wants.secret.iter().filter(|secret| secret.name.is_empty()) {
            let meant = if secret.reason.is_empty() { String::new() } else { format!(" ({})", secret.reason) };
            faults.push(format!("a wanted secret{meant} has no name; write `name` below [[wants.secret]]"));
        }
        faults
    }

    fn into_manifest(self) -> Manifest {
        let executor = self.kind == "executor";
        let limits = PluginLimits {
            memory_mib: self.limits.memory_mib,
            cpu_ms: self.limits.cpu_ms,
            wall_ms: self.limits.wall_ms.unwrap_or(if executor { 0 } else { 10_000 }),
            log_kib: self.limits.log_kib,
            output_kib: self.limits.output_kib,
        };
        Manifest {
            name: self.name,
            version: self.version,
            kind: self.kind,
            summary: self.summary,
            file: self.component.file,
            sha256: self.component.sha256.and_then(|text| Digest::new(text).ok()),
            wants: self.wants.into_list(),
            limits,
            lifecycle: self.lifecycle,
        }
    }
}

impl Wants {
    fn into_list(self) -> Vec<Want> {
        let named = [
            ("http", self.http),
            ("http-blobs", self.http_blobs),
            ("process", self.process),
            ("files", self.files),
            ("kv", self.kv),
            ("blobs", self.blobs),
            ("tcp", self.tcp),
            ("sign", self.sign),
            ("secrets-reveal", self.secrets_reveal),
        ];
        let plain = named.into_iter().filter_map(|(capability, wish)| {
            let Wish { required, reason } = wish?;
            Some(Want { capability: capability.to_owned(), required, reason })
        });
        let secrets = self.secret.into_iter().map(|secret| Want {
            capability: format!("secret:{}:{}", secret.name, secret.r#use.word()),
            required: secret.required,
            reason: secret.reason,
        });
        plain.chain(secrets).collect()
    }
}

impl SecretUse {
    fn word(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Hmac => "hmac",
            Self::Sigv4 => "sigv4",
            Self::Env => "env",
            Self::Reveal => "reveal",
        }
    }
}

/// Three numbers, and perhaps a pre-release or build part.
fn is_version(text: &str) -> bool {
    let (numbers, rest) = text.split_at(text.find(['-', '+']).unwrap_or(text.len()));
    let parts: Vec<&str> = numbers.split('.').collect();
    let number = |part: &&str| part.parse::<u32>().is_ok() && !part.starts_with('+');
    parts.len() == 3 && parts.iter().all(number) && rest.chars().all(|c| c.is_ascii_alphanumeric() || "-+.".contains(c))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const WHOLE: &str = r#"
        manifest = 1
        name = "dns-powerdns"
        version = "0.1.0"
        kind = "backend:dns"
        summary = "PowerDNS"
        [component]
        file = "dns_powerdns.wasm"
        [wants.http]
        required = false
        reason = "talks to the PowerDNS API"
        [[wants.secret]]
        name = "api-key"
        use = "header"
        [limits]
        memory-mib = 64
        cpu-ms = 700
        [lifecycle]
        reuse = "none"
        drain-ms = 4000
    "#;

    #[test]
    fn a_manifest_is_read_whole() {
        let manifest = Manifest::parse(WHOLE, "plugin.toml").unwrap();
        assert_eq!(manifest.title(), "dns-powerdns 0.1.0");
        assert_eq!(manifest.lifecycle, Lifecycle { reuse: Reuse::None, drain_ms: 4000 });
        let limits = PluginLimits { memory_mib: 64, cpu_ms: 700, wall_ms: 10_000, log_kib: 256, output_kib: 0 };
        assert_eq!(manifest.limits, limits);
        let wants: Vec<(&str, bool)> =
            manifest.wants.iter().map(|want| (want.capability.as_str(), want.required)).collect();
        assert_eq!(wants, [("http", false), ("secret:api-key:header", true)]);
    }

    #[test]
    fn every_fault_is_named_with_its_place() {
        let message = |text: &str| Manifest::parse(text, "plugin.toml").unwrap_err().to_string();
        let unknown = message(&WHOLE.replace("cpu-ms", "cpu"));
        assert!(unknown.starts_with("plugin.toml:17: unknown field `cpu`"), "{unknown}");
        let faulty = WHOLE
            .replace("manifest = 1", "manifest = 2")
            .replace("dns-powerdns\"", "DNS\"")
            .replace("0.1.0", "1.x")
            .replace("backend:dns", "backends")
            .replace("700", "0");
        assert_eq!(
            message(&faulty),
            "plugin.toml: `manifest = 2` is not known; this pintle reads `manifest = 1`\n\
             plugin.toml: name `DNS` is not 1 to 64 of a-z, 0-9 and `-`\n\
             plugin.toml: version `1.x` is not like `1.4.0`\n\
             plugin.toml: kind `backends` is not one of executor, policy, backend:KIND\n\
             plugin.toml: limits.cpu-ms is 0; write at least 1"
        );
        let nameless = message(&WHOLE.replace("name = \"api-key\"", "name = \"\"\n        reason = \"signs\""));
        let add = "has no name; write `name` below [[wants.secret]]";
        assert_eq!(nameless, format!("plugin.toml: a wanted secret (signs) {add}"));
        let bare = message(&WHOLE.replace("name = \"api-key\"", "name = \"\""));
        assert_eq!(bare, format!("plugin.toml: a wanted secret {add}"));
    }
}
