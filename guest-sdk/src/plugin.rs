//! Who a plugin is, and how it is configured.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::bindings::exports::pintle::core::plugin as wire;
use crate::{input, schema};

/// A plugin's name, version and configuration; written by [`export!`](crate::export!).
pub trait Identity {
    /// As in the manifest.
    const NAME: &'static str;
    /// As in the manifest.
    const VERSION: &'static str;
    /// One line for people.
    const SUMMARY: &'static str;
    /// What the operator may configure.
    type Config: Config;
}

/// A plugin's configuration: its JSON Schema goes into the descriptor, and the host checks with it before a new
/// configuration goes live.
pub trait Config: DeserializeOwned + JsonSchema {
    /// Faults beyond the types, all at once. Has no effect and calls no host.
    fn check(&self) -> Vec<ConfigFault> {
        Vec::new()
    }
}

/// The configuration of a plugin that has none: any key is refused.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}

impl Config for NoConfig {}

/// One fault of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFault {
    /// JSON pointer into the configuration: `/servers/0/url`.
    pub path: String,
    /// What is wrong, and what to write instead.
    pub message: String,
}

/// The descriptor that the host asks for when it stages the plugin.
#[must_use]
pub fn describe<P: Identity>() -> wire::Descriptor {
    wire::Descriptor {
        name: P::NAME.to_owned(),
        version: P::VERSION.to_owned(),
        summary: P::SUMMARY.to_owned(),
        config_schema: schema::of::<P::Config>(),
        features: Vec::new(),
        extensions: Vec::new(),
    }
}

/// Every fault of a configuration.
#[must_use]
pub fn check_config<P: Identity>(json: &str) -> Vec<ConfigFault> {
    match input::parse::<P::Config>(json) {
        Ok(config) => config.check(),
        Err(fault) => vec![ConfigFault { path: fault.pointer(), message: fault.message }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Servers {
        servers: Vec<Server>,
    }

    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Server {
        url: String,
    }

    impl Config for Servers {
        fn check(&self) -> Vec<ConfigFault> {
            let bad = self.servers.iter().enumerate().filter(|(_, server)| !server.url.starts_with("https:"));
            bad.map(|(index, _)| ConfigFault { path: format!("/servers/{index}/url"), message: "use https".to_owned() })
                .collect()
        }
    }

    struct Example;

    impl Identity for Example {
        const NAME: &'static str = "example";
        const VERSION: &'static str = "1.2.3";
        const SUMMARY: &'static str = "An example.";
        type Config = Servers;
    }

    #[test]
    fn a_descriptor_carries_the_schema_of_the_configuration() {
        let descriptor = describe::<Example>();
        assert_eq!((descriptor.name.as_str(), descriptor.version.as_str()), ("example", "1.2.3"));
        assert!(descriptor.config_schema.contains("\"additionalProperties\":false"), "{}", descriptor.config_schema);
    }

    #[test]
    fn faults_point_into_the_configuration() {
        let faults = check_config::<Example>(r#"{"servers":[{"url":"https://a"},{"url":7}]}"#);
        assert_eq!(faults.len(), 1);
        assert_eq!(faults.first().map(|fault| fault.path.as_str()), Some("/servers/1/url"));
    }

    #[test]
    fn all_faults_of_a_well_typed_configuration_are_told_at_once() {
        let faults =
            check_config::<Example>(r#"{"servers":[{"url":"http://a"},{"url":"https://b"},{"url":"ftp://c"}]}"#);
        let paths: Vec<_> = faults.iter().map(|fault| fault.path.as_str()).collect();
        assert_eq!(paths, ["/servers/0/url", "/servers/2/url"]);
    }
}
