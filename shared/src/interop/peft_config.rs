//! PEFT's `adapter_config.json`: what of it changes the numbers.

use regex_lite::Regex;
use serde_json::{Map, Value};

use super::checked_alpha;
use crate::error::{Error, Result};
use crate::learners::Scaling;

/// Fields that have to be absent, or null or the like, with the text that means nothing
/// too: otherwise the adapter means something that cannot be had here.
const EMPTY: [(&str, &str); 9] = [
    ("bias", "none"),
    ("modules_to_save", ""),
    ("layer_replication", ""),
    ("trainable_token_indices", ""),
    ("target_parameters", ""),
    ("alora_invocation_tokens", ""),
    ("arrow_config", ""),
    ("lora_bias", ""),
    ("fan_in_fan_out", ""),
];

/// What a configuration says.
#[derive(Debug)]
pub(super) struct PeftConfig {
    pub(super) scaling: Scaling,
    alpha: f64,
    /// Modules with an alpha of their own.
    alphas: Vec<(Regex, f64)>,
}

impl PeftConfig {
    /// Reads the file `name`.
    ///
    /// # Errors
    /// [`Error::Format`] if it is no JSON object; [`Error::Configuration`], by field,
    /// if it asks for what is not done here.
    pub(super) fn read(name: &str, json: &[u8]) -> Result<Self> {
        let json = str::from_utf8(json).map_err(|error| Error::format(name, error))?;
        let fields: Map<String, Value> =
            serde_json::from_str(json).map_err(|error| Error::format(name, error))?;
        let problem = |field: &str, got: &Value, expected: &str| Error::Configuration {
            field: field.into(),
            file: name.into(),
            got: got.to_string(),
            expected: expected.into(),
        };
        let missing = |field: &str, expected: &str| Error::Configuration {
            field: field.into(),
            file: name.into(),
            got: "missing".into(),
            expected: expected.into(),
        };
        match fields.get("peft_type") {
            Some(Value::String(kind)) if kind == "LORA" => {}
            Some(other) => return Err(problem("peft_type", other, "\"LORA\"")),
            None => return Err(missing("peft_type", "\"LORA\"")),
        }
        for (field, nothing) in EMPTY {
            if let Some(got) = fields.get(field)
                && !is_nothing(got)
                && got.as_str() != Some(nothing)
            {
                let expected = match nothing {
                    "" => "nothing".into(),
                    nothing => format!("\"{nothing}\""),
                };
                return Err(problem(field, got, &expected));
            }
        }
        let variants = fields.iter().filter(|(field, value)| {
            field.starts_with("use_") && *field != "use_rslora" && !is_nothing(value)
        });
        if let Some((field, got)) = variants.into_iter().next() {
            return Err(problem(field, got, "false, plain LoRA"));
        }
        let scaling = match fields.get("use_rslora") {
            None | Some(Value::Null | Value::Bool(false)) => Scaling::AlphaOverRank,
            Some(Value::Bool(true)) => Scaling::AlphaOverRootRank,
            Some(other) => return Err(problem("use_rslora", other, "true or false")),
        };
        let number = |field: &str, got: &Value| {
            let alpha = got
                .as_f64()
                .ok_or_else(|| problem(field, got, "a number"))?;
            checked_alpha(alpha).map_err(|_| problem(field, got, "a number above 0"))
        };
        let alpha = match fields.get("lora_alpha") {
            Some(got) => number("lora_alpha", got)?,
            None => return Err(missing("lora_alpha", "a number above 0")),
        };
        let mut alphas = Vec::new();
        match fields.get("alpha_pattern") {
            None | Some(Value::Null) => {}
            Some(Value::Object(patterns)) => {
                for (pattern, got) in patterns {
                    // As PEFT matches them: whole modules' names, from a dot on.
                    let regex = Regex::new(&format!(r"^(?:.*\.)?(?:{pattern})$"));
                    let regex = regex.map_err(|_| {
                        let got = pattern.as_str().into();
                        problem("alpha_pattern", &got, "names, or regular expressions")
                    })?;
                    alphas.push((regex, number("alpha_pattern", got)?));
                }
            }
            Some(got) => return Err(problem("alpha_pattern", got, "an object")),
        }
        Ok(Self {
            scaling,
            alpha,
            alphas,
        })
    }

    /// The alpha of the module `name`.
    pub(super) fn alpha(&self, name: &str) -> f64 {
        let own = self
            .alphas
            .iter()
            .find(|(pattern, _)| pattern.is_match(name));
        own.map_or(self.alpha, |(_, alpha)| *alpha)
    }
}

/// Whether a field asks for nothing.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        _ => false,
    }
}
