//! JSON Schemas from Rust types, in the plain form that `pintle validate` reads: no references, no dialect line.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;

/// The JSON Schema of a type, as text. `#[serde(deny_unknown_fields)]` makes it strict; doc comments become descriptions.
#[must_use]
pub fn of<T: JsonSchema>() -> String {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.remove("title");
    schema.as_value().to_string()
}

#[cfg(test)]
#[expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        /// How often.
        count: Option<u32>,
        inner: Inner,
    }

    #[derive(Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Inner {
        First,
    }

    #[test]
    fn schemas_are_strict_inlined_and_described() {
        let _ = |outer: Outer| (outer.count, matches!(outer.inner, Inner::First));
        let text = of::<Outer>();
        let schema: serde_json::Value = serde_json::from_str(&text).expect("a schema is JSON");
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["required"], serde_json::json!(["inner"]));
        assert_eq!(schema["properties"]["count"]["description"], "How often.");
        assert!(!text.contains("$ref") && !text.contains("$schema"), "{text}");
    }
}
