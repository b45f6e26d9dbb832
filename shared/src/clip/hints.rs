//! What a configuration file beside the tensors tells that shapes do not:
//! Hugging Face's `config.json` and `preprocessor_config.json`, open_clip's
//! `open_clip_config.json`, and the header that `clipwright convert` writes.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Backbone, EndOfText, ImageConfig, Naming, TextConfig, TowerConfig};
use crate::error::{Error, Result};
use crate::ops::Activation;

/// Key of a safetensors header under which `clipwright convert` keeps the hints
/// as JSON, so that a converted file needs nothing beside it.
pub const HEADER_KEY: &str = "clipwright.config";

/// A configuration file: its name, for messages, and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    pub name: String,
    pub json: String,
}

/// What shapes do not tell; every field may be unknown.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hints {
    pub image: TowerHints,
    pub text: TowerHints,
    pub end_of_text: Option<EndOfText>,
    pub mean: Option<[f32; 3]>,
    pub standard_deviation: Option<[f32; 3]>,
    /// Sizes of a text encoder that was left out: the file is whole without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out_text: Option<TextConfig>,
}

/// What shapes do not tell of one transformer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TowerHints {
    pub layers: Option<usize>,
    pub heads: Option<usize>,
    pub head_width: Option<usize>,
    pub activation: Option<Activation>,
    pub epsilon: Option<f64>,
}

impl Hints {
    /// What the files beside a model of this naming say. The kind of each is
    /// recognised by its fields; one of another kind says nothing. Where both
    /// transformers' and open_clip's are there, the naming's own comes first.
    ///
    /// # Errors
    /// [`Error::Format`] if one is no JSON; [`Error::Setting`] if one asks for
    /// something that would give other numbers and is not done here.
    pub fn read(files: &[Configuration], naming: Naming) -> Result<Self> {
        let (mut own, mut others) = (Self::default(), Self::default());
        for file in files {
            let mut hints = Self::default();
            let of = hints.add(&file.name, &file.json)?;
            let is_own = of.is_none_or(|of| of.contains(&naming));
            if is_own { &mut own } else { &mut others }.fill(hints);
        }
        own.fill(others);
        if naming == Naming::OpenClipCustomText {
            // Only open_clip has this layout, and exact GELU is its default.
            for tower in [&mut own.image, &mut own.text] {
                tower.activation = tower.activation.or(Some(Activation::Gelu));
            }
        }
        Ok(own)
    }

    /// Adds what one file says; returns the namings that it is for, if it is for
    /// particular ones.
    fn add(&mut self, name: &str, json: &str) -> Result<Option<&'static [Naming]>> {
        let value: Value =
            serde_json::from_str(json).map_err(|error| Error::format(name, error))?;
        let source = Source {
            name,
            fields: value.as_object(),
        };
        if source.object("model_cfg").fields.is_some() {
            self.add_open_clip(&source)?;
            return Ok(Some(&[Naming::OpenAi, Naming::OpenClipCustomText]));
        }
        if source.has("vision_config") || source.has("text_config") {
            self.add_hugging_face(&source)?;
        } else if source.has("model_type") {
            self.add_hugging_face_part(&source)?;
        } else {
            self.add_pixels(&source, "image_mean", "image_std")?;
            return Ok(None);
        }
        Ok(Some(&[Naming::HuggingFace]))
    }

    /// The hints that lead to these encoders again.
    pub fn of(image: Option<&ImageConfig>, text: Option<&TextConfig>) -> Self {
        let tower = image.and_then(|image| match &image.backbone {
            Backbone::Vit { tower, .. } => Some(TowerHints::of(tower)),
            Backbone::ResNet { .. } => None,
        });
        Self {
            image: tower.unwrap_or_default(),
            text: text
                .map(|text| TowerHints::of(&text.tower))
                .unwrap_or_default(),
            end_of_text: text.map(|text| text.end_of_text),
            mean: image.map(|image| image.mean),
            standard_deviation: image.map(|image| image.standard_deviation),
            left_out_text: None,
        }
    }

    /// Takes from `other` what is unknown here.
    pub fn fill(&mut self, other: Self) {
        self.image.fill(other.image);
        self.text.fill(other.text);
        self.end_of_text = self.end_of_text.or(other.end_of_text);
        self.mean = self.mean.or(other.mean);
        self.standard_deviation = self.standard_deviation.or(other.standard_deviation);
        self.left_out_text = self.left_out_text.take().or(other.left_out_text);
    }

    /// Reads the header of a converted file.
    pub fn from_header(json: &str) -> Result<Self> {
        serde_json::from_str(json).map_err(|error| Error::format(HEADER_KEY, error))
    }

    /// The text for the header of a converted file.
    pub fn to_header(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| Error::format(HEADER_KEY, error))
    }

    /// transformers' `CLIPConfig`.
    fn add_hugging_face(&mut self, source: &Source<'_>) -> Result<()> {
        self.image = tower(&source.object("vision_config"), VISION_HEADS)?;
        let text = source.object("text_config");
        self.text = tower(&text, TEXT_HEADS)?;
        self.add_end_of_text(&text)
    }

    /// The configuration of one encoder alone.
    fn add_hugging_face_part(&mut self, source: &Source<'_>) -> Result<()> {
        match source.text("model_type") {
            Some("clip_vision_model") => self.image = tower(source, VISION_HEADS)?,
            Some("clip_text_model") => {
                self.text = tower(source, TEXT_HEADS)?;
                self.add_end_of_text(source)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn add_end_of_text(&mut self, text: &Source<'_>) -> Result<()> {
        // transformers reads the highest id if the configuration says 2, as the
        // first released ones wrongly did.
        const LEGACY: usize = 2;
        const TRANSFORMERS_DEFAULT: usize = 49407;
        let id = text.number("eos_token_id")?.unwrap_or(TRANSFORMERS_DEFAULT);
        self.end_of_text = Some(match u32::try_from(id) {
            Ok(id) if id as usize != LEGACY => EndOfText::Id(id),
            _ => EndOfText::HighestId,
        });
        Ok(())
    }

    /// open_clip's `model_cfg` and `preprocess_cfg`.
    fn add_open_clip(&mut self, source: &Source<'_>) -> Result<()> {
        let model = source.object("model_cfg");
        let activation = match model.flag("quick_gelu") {
            Some(true) => Activation::QuickGelu,
            _ => Activation::Gelu,
        };
        let vision = model.object("vision_cfg");
        let text = model.object("text_cfg");
        vision.refuse_unless("timm_model_name", &[Value::Null])?;
        vision.refuse_unless("attentional_pool", &[Value::Null, false.into()])?;
        vision.refuse_unless("no_ln_pre", &[Value::Null, false.into()])?;
        vision.refuse_unless("final_ln_after_pool", &[Value::Null, false.into()])?;
        vision.refuse_unless("pool_type", &[Value::Null, "tok".into()])?;
        vision.refuse_unless("pos_embed_type", &[Value::Null, "learnable".into()])?;
        text.refuse_unless("hf_model_name", &[Value::Null])?;
        text.refuse_unless("embed_cls", &[Value::Null, false.into()])?;
        text.refuse_unless("no_causal_mask", &[Value::Null, false.into()])?;
        text.refuse_unless("proj_bias", &[Value::Null, false.into()])?;
        text.refuse_unless("pool_type", &[Value::Null, "argmax".into(), "eos".into()])?;
        for part in [&vision, &text] {
            part.refuse_unless("act_kwargs", &[Value::Null])?;
            part.refuse_unless("norm_kwargs", &[Value::Null])?;
        }
        self.image = TowerHints {
            layers: vision.number("layers").unwrap_or(None), // a ResNet has a list
            heads: None,
            head_width: vision.number("head_width")?,
            activation: Some(activation),
            epsilon: None,
        };
        self.text = TowerHints {
            layers: text.number("layers")?.or(Some(LAYERS)),
            heads: text.number("heads")?.or(Some(TEXT_HEADS)),
            head_width: None,
            activation: Some(activation),
            epsilon: None,
        };
        self.end_of_text = match (text.text("pool_type"), text.number("eos_id")?) {
            (Some("eos"), Some(id)) => u32::try_from(id).ok().map(EndOfText::Id),
            _ => Some(EndOfText::HighestId),
        };
        let pixels = source.object("preprocess_cfg");
        pixels.refuse_unless("interpolation", &[Value::Null, "bicubic".into()])?;
        pixels.refuse_unless("resize_mode", &[Value::Null, "shortest".into()])?;
        self.add_pixels(&pixels, "mean", "std")
    }

    fn add_pixels(&mut self, source: &Source<'_>, mean: &str, deviation: &str) -> Result<()> {
        self.mean = source.colours(mean)?.or(self.mean);
        self.standard_deviation = source.colours(deviation)?.or(self.standard_deviation);
        Ok(())
    }
}

impl TowerHints {
    fn fill(&mut self, other: Self) {
        self.layers = self.layers.or(other.layers);
        // A width of heads is another way to say their number.
        if self.heads.is_none() && self.head_width.is_none() {
            self.heads = other.heads;
            self.head_width = other.head_width;
        }
        self.activation = self.activation.or(other.activation);
        self.epsilon = self.epsilon.or(other.epsilon);
    }

    fn of(tower: &TowerConfig) -> Self {
        Self {
            layers: Some(tower.layers),
            heads: Some(tower.heads),
            head_width: None,
            activation: Some(tower.activation),
            epsilon: Some(tower.epsilon),
        }
    }
}

/// Heads and layers where a configuration leaves them out: the defaults of
/// transformers (`CLIPVisionConfig`, `CLIPTextConfig`) and, but for the vision
/// heads, of open_clip.
const VISION_HEADS: usize = 12;
const TEXT_HEADS: usize = 8;
const LAYERS: usize = 12;

/// One tower of transformers' configuration.
fn tower(source: &Source<'_>, heads: usize) -> Result<TowerHints> {
    let activation = match source.text("hidden_act").unwrap_or("quick_gelu") {
        "quick_gelu" => Activation::QuickGelu,
        "gelu" => Activation::Gelu,
        other => {
            return Err(source.refused("hidden_act", other, "quick_gelu or gelu"));
        }
    };
    Ok(TowerHints {
        layers: source.number("num_hidden_layers")?.or(Some(LAYERS)),
        heads: source.number("num_attention_heads")?.or(Some(heads)),
        head_width: None,
        activation: Some(activation),
        epsilon: source.float("layer_norm_eps")?,
    })
}

/// A JSON object, and the file that it comes from.
struct Source<'a> {
    name: &'a str,
    fields: Option<&'a Map<String, Value>>,
}

impl<'a> Source<'a> {
    fn get(&self, key: &str) -> Option<&'a Value> {
        self.fields?.get(key).filter(|value| !value.is_null())
    }

    fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    fn object(&self, key: &str) -> Self {
        Self {
            name: self.name,
            fields: self.get(key).and_then(Value::as_object),
        }
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        self.get(key).and_then(Value::as_str)
    }

    fn flag(&self, key: &str) -> Option<bool> {
        self.get(key).and_then(Value::as_bool)
    }

    fn number(&self, key: &str) -> Result<Option<usize>> {
        let read = |value: &Value| value.as_u64().and_then(|n| usize::try_from(n).ok());
        self.read(key, "a whole number", read)
    }

    fn float(&self, key: &str) -> Result<Option<f64>> {
        self.read(key, "a number", Value::as_f64)
    }

    fn colours(&self, key: &str) -> Result<Option<[f32; 3]>> {
        self.read(key, "three numbers", |value| {
            let values: Option<Vec<f32>> = value
                .as_array()?
                .iter()
                .map(|value| value.as_f64().map(|value| value as f32))
                .collect();
            values?.try_into().ok()
        })
    }

    fn read<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let read = read(value).ok_or_else(|| self.refused(key, value, expected))?;
        Ok(Some(read))
    }

    fn refused(&self, key: &str, got: impl fmt::Display, expected: &str) -> Error {
        Error::Configuration {
            field: key.into(),
            file: self.name.into(),
            got: got.to_string(),
            expected: expected.into(),
        }
    }

    /// # Errors
    /// If the field asks for something that is not done here.
    fn refuse_unless(&self, key: &str, accepted: &[Value]) -> Result<()> {
        let value = self.get(key).unwrap_or(&Value::Null);
        if accepted.contains(value) {
            return Ok(());
        }
        let accepted: Vec<String> = accepted.iter().map(Value::to_string).collect();
        Err(self.refused(key, value, &accepted.join(" or ")))
    }
}
