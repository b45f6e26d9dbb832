//! Tuning itself: features of views → a context for that image alone
//! (azshue/TPT `test_time_tuning`; the project's notebook, section 6).
//!
//! Every image starts from the same context, so that the text features of the start are
//! computed once and the first step of an image needs no text forward: its logits are a
//! product with kept features, and the gradient of its loss in those features goes back
//! through the kept graph (the chain rule). What an image costs is that one backward
//! pass and the forward of its own, tuned context.

use candle_core::{Tensor, Var};

use super::seen::{distance, seen};
use super::{Tuned, TuningPoint, TuningSettings};
use crate::clip::{Clip, logits};
use crate::error::{Dims, Error, Result};
use crate::learners::{Coop, PromptTokens, Prompts, text_features, text_features_of_each};
use crate::ops::{Replayed, softmax};
use crate::train::{AdamW, check_loss};

/// Gradients below this are taken for zero. A class that is out of the question has them,
/// on the way back they fall below what a float holds in full, and processors compute with
/// such numbers many times slower. A step does not notice: AdamW adds 1e-8 to a gradient's
/// size before it divides by it.
const NEGLIGIBLE: f64 = 1e-20;

/// A start, made ready for many images.
pub struct Tuner {
    clip: Clip,
    settings: TuningSettings,
    class_specific: bool,
    start: Var, // [n_ctx, width] or [n_classes, n_ctx, width]
    parts: Vec<Part>,
    text: Tensor, // normalised features of the start, [n_classes, embed_dim]
    scale: f64,
}

/// Classes whose prompts are encoded together.
struct Part {
    first: usize,
    prompts: Prompts,
    /// The start's features with their graph, if memory allows: there is one part.
    graph: Option<Tensor>,
    /// A gradient in the features of the start → one in its context.
    backward: Replayed,
    /// Contexts → their features.
    forward: Replayed,
}

impl Part {
    fn classes(&self) -> usize {
        self.prompts.classes()
    }
}

/// What an image says before its first step.
struct Before {
    loss: f32,
    logits: Tensor,   // [views, n_classes]
    gradient: Tensor, // of the loss in the text features, [n_classes, embed_dim]
}

/// Images that are tuned on step by step, each alone.
pub struct Tuning {
    images: Vec<Tensor>, // normalised features of each one's views, [views, embed_dim]
    before: Vec<Before>,
    losses: Vec<Vec<f32>>,
    contexts: Var, // one behind the other: [images, …], each as the start is shaped
    optimizer: AdamW,
    steps: usize,
}

impl Tuning {
    /// Steps done.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The context of each image, shaped as the start.
    fn contexts(&self) -> Result<Vec<Tensor>> {
        let contexts = (0..self.images.len()).map(|at| Ok(self.contexts.get(at)?.detach()));
        contexts.collect()
    }
}

impl Tuner {
    /// Starts from `coop`, a context of any origin; `tokens` are those of its classes.
    ///
    /// # Errors
    /// [`Error::Setting`] for settings without sense, a single class, and classes that
    /// are not those of a class-specific context; [`Error::TextTooLong`].
    pub fn new(
        clip: &Clip,
        coop: &Coop,
        tokens: &PromptTokens,
        settings: TuningSettings,
    ) -> Result<Self> {
        // Losses that do not go by patches take any number of views: those are checked
        // with each image.
        let views = settings.layout.views();
        settings.check(views, tokens.classes())?;
        if coop.class_specific() && coop.context.dim(0)? != tokens.classes() {
            let expected = format!("{}, as the context has", coop.context.dim(0)?);
            let got = tokens.classes();
            return Err(Error::setting("the number of classes", got, expected));
        }
        let at_once = settings.classes_at_once.max(1);
        let mut parts = Vec::new();
        for first in (0..tokens.classes()).step_by(at_once) {
            let prompts = coop.prompts(clip, &tokens.part(first, at_once))?;
            parts.push(Part {
                first,
                prompts,
                graph: None,
                backward: Replayed::new(true),
                forward: Replayed::new(true),
            });
        }
        let mut tuner = Self {
            clip: clip.clone(),
            settings,
            class_specific: coop.class_specific(),
            start: Var::from_tensor(&coop.context.detach())?,
            text: coop.context.detach(),
            parts,
            scale: clip.logit_scale()?,
        };
        let start = tuner.start.as_tensor().clone();
        let features = tuner.parts.iter().map(|part| tuner.features(part, &start));
        let features = features.collect::<Result<Vec<_>>>()?;
        let detached: Vec<Tensor> = features.iter().map(Tensor::detach).collect();
        tuner.text = Tensor::cat(&detached, 0)?;
        if let ([part], [features]) = (tuner.parts.as_mut_slice(), features.as_slice()) {
            part.graph = Some(features.clone());
        }
        Ok(tuner)
    }

    /// Whether work that comes again is recorded on a GPU and replayed. It is, if nobody says
    /// otherwise.
    pub fn record(&mut self, is_recorded: bool) {
        for part in &mut self.parts {
            part.backward = Replayed::new(is_recorded);
            part.forward = Replayed::new(is_recorded);
        }
    }

    pub fn settings(&self) -> &TuningSettings {
        &self.settings
    }

    /// Normalised text features of the start, `[n_classes, embed_dim]`.
    pub fn text_features(&self) -> &Tensor {
        &self.text
    }

    /// The context that every image starts from.
    pub fn start(&self) -> &Tensor {
        self.start.as_tensor()
    }

    /// Logits `[views, n_classes]` with the start's context, of normalised image
    /// features `[views, embed_dim]`.
    pub fn logits(&self, views: &Tensor) -> Result<Tensor> {
        logits(views, &self.text, self.scale)
    }

    /// The loss of the start and its gradient in the context (as the context is shaped),
    /// of normalised image features `[views, embed_dim]`.
    ///
    /// # Errors
    /// Those of [`Self::tune`].
    pub fn gradient(&self, views: &Tensor) -> Result<(f32, Tensor)> {
        let before = self.before(views)?;
        let mut gradients = self.gradients(std::slice::from_ref(&before))?;
        Ok((before.loss, gradients.remove(0)))
    }

    /// Tunes on one image: normalised features `[views, embed_dim]`, the first view the
    /// one that is classified.
    ///
    /// # Errors
    /// [`Error::Setting`] if the views do not fit the settings or the loss is no number.
    pub fn tune(&self, views: &Tensor) -> Result<Tuned> {
        let mut tuned = self.tune_many(std::slice::from_ref(views))?;
        Ok(tuned.remove(0))
    }

    /// Tunes on each of `images` alone, as [`Self::tune`] does. They share the text
    /// features of the start and their graph; the tuned contexts are encoded together.
    ///
    /// # Errors
    /// Those of [`Self::tune`], of the first image that has one.
    pub fn tune_many(&self, images: &[Tensor]) -> Result<Vec<Tuned>> {
        if images.is_empty() {
            return Ok(Vec::new());
        }
        let mut tuning = self.begin(images)?;
        for _ in 0..self.settings.steps {
            self.step(&mut tuning)?;
        }
        self.end(&tuning)
    }

    /// What [`Self::tune_many`] begins with; [`Self::step`] goes on with it, as often as
    /// one likes.
    ///
    /// # Errors
    /// Those of [`Self::tune`]; [`Error::Setting`] if there are no images.
    pub fn begin(&self, images: &[Tensor]) -> Result<Tuning> {
        if images.is_empty() {
            return Err(Error::setting("the number of images", 0, "1 or more"));
        }
        let before = images.iter().map(|views| self.before(views));
        let before = before.collect::<Result<Vec<_>>>()?;
        // One variable holds all contexts. AdamW goes by elements, so that each context
        // moves as if it were alone.
        let starts = vec![self.start().detach(); images.len()];
        let contexts = Var::from_tensor(&Tensor::stack(&starts, 0)?)?;
        Ok(Tuning {
            images: images.to_vec(),
            losses: vec![Vec::new(); before.len()],
            before,
            optimizer: AdamW::new(vec![contexts.clone()], self.settings.weight_decay),
            contexts,
            steps: 0,
        })
    }

    /// One step on each image.
    ///
    /// # Errors
    /// [`Error::Setting`] if a loss is no number.
    pub fn step(&self, tuning: &mut Tuning) -> Result<()> {
        let (losses, gradients): (Vec<f32>, Vec<Tensor>) = match tuning.steps {
            0 => {
                let losses = tuning.before.iter().map(|before| before.loss).collect();
                (losses, self.gradients(&tuning.before)?)
            }
            _ => {
                let contexts = tuning.contexts()?;
                let images = contexts.iter().zip(&tuning.images);
                let both = images.map(|(context, views)| self.gradient_at(context, views));
                both.collect::<Result<Vec<_>>>()?.into_iter().unzip()
            }
        };
        // The gradient of this sum in the contexts is what was found above.
        let all = Tensor::stack(&gradients, 0)?.detach();
        let store = (tuning.contexts.as_tensor() * all)?.sum_all()?.backward()?;
        tuning.optimizer.step(&store, self.settings.lr)?;
        for (so_far, loss) in tuning.losses.iter_mut().zip(losses) {
            so_far.push(loss);
        }
        tuning.steps += 1;
        Ok(())
    }

    /// Where each image is now: at the start, or behind the steps done.
    ///
    /// # Errors
    /// [`Error::Setting`] if a loss is no number.
    pub fn points(&self, tuning: &Tuning) -> Result<Vec<TuningPoint>> {
        let contexts = tuning.contexts()?;
        let texts = match tuning.steps {
            0 => vec![self.text.clone(); contexts.len()],
            _ => self.encode(&contexts)?,
        };
        let images = tuning.images.iter().zip(contexts.iter().zip(&texts));
        let points = images.map(|(views, (context, text))| {
            let logits = logits(views, text, self.scale)?;
            let TuningSettings {
                loss,
                layout,
                selection,
                ..
            } = self.settings;
            let loss = loss.value(&logits, layout, selection)?.to_scalar()?;
            check_loss(loss)?;
            Ok(TuningPoint {
                loss,
                probabilities: softmax(&logits.get(0)?)?.to_vec1()?,
                moved: self.moved(&self.rows(context)?)?,
                views: seen(&logits, &self.settings)?,
            })
        });
        points.collect()
    }

    /// What the steps done came to.
    ///
    /// # Errors
    /// Those of the tensor operations.
    pub fn end(&self, tuning: &Tuning) -> Result<Vec<Tuned>> {
        let contexts = tuning.contexts()?;
        let texts = self.encode(&contexts)?;
        let mut tuned = Vec::with_capacity(contexts.len());
        for (at, (context, text)) in contexts.iter().zip(&texts).enumerate() {
            let image = tuning.images[at].narrow(0, 0, 1)?;
            let after = logits(&image, text, self.scale)?;
            let before = &tuning.before[at].logits;
            let context = self.rows(context)?;
            tuned.push(Tuned {
                losses: tuning.losses[at].clone(),
                base: before.get(0)?.to_vec1()?,
                tuned: after.get(0)?.to_vec1()?,
                moved: self.moved(&context)?,
                context,
                views: seen(before, &self.settings)?,
            });
        }
        Ok(tuned)
    }

    /// The vectors of a context; of a class-specific one class by class.
    fn rows(&self, context: &Tensor) -> Result<Vec<Vec<f32>>> {
        Ok(context.reshape(((), self.clip.text.width()))?.to_vec2()?)
    }

    /// How far each of these vectors is from where it started.
    fn moved(&self, context: &[Vec<f32>]) -> Result<Vec<f32>> {
        let starts = self.rows(self.start())?;
        Ok(context.iter().zip(&starts).map(distance).collect())
    }

    /// Normalised text features `[classes, embed_dim]` of a part; differentiable in the
    /// context of all classes.
    fn features(&self, part: &Part, context: &Tensor) -> Result<Tensor> {
        let context = self.context_of(part, context)?;
        text_features(&self.clip, &part.prompts, &context)
    }

    /// What of a context is for the classes of a part.
    fn context_of(&self, part: &Part, context: &Tensor) -> Result<Tensor> {
        Ok(match self.class_specific {
            true => context.narrow(0, part.first, part.classes())?,
            false => context.clone(),
        })
    }

    /// The loss at the start and its gradient in the text features.
    fn before(&self, views: &Tensor) -> Result<Before> {
        let (count, _) = self.check_features(views)?;
        self.settings.check(count, self.text.dim(0)?)?;
        let before = self.logits(views)?;
        let (loss, gradient) = self.in_text_features(&before, views)?;
        Ok(Before {
            loss,
            logits: before,
            gradient,
        })
    }

    fn check_features(&self, views: &Tensor) -> Result<(usize, usize)> {
        let embed_dim = self.text.dim(1)?;
        match views.dims() {
            [count, width] if *width == embed_dim => Ok((*count, *width)),
            dims => Err(Error::setting(
                "the shape of the views' features",
                Dims::from(dims),
                format!("[views, {embed_dim}]"),
            )),
        }
    }

    /// The loss of `logits` and its gradient `[n_classes, embed_dim]` in the text
    /// features: of a product with the views that is one more product with them.
    fn in_text_features(&self, logits: &Tensor, views: &Tensor) -> Result<(f32, Tensor)> {
        let TuningSettings {
            loss,
            layout,
            selection,
            ..
        } = self.settings;
        let logits = Var::from_tensor(&logits.detach())?;
        let loss = loss.value(&logits, layout, selection)?;
        let value: f32 = loss.to_scalar()?;
        check_loss(value)?;
        let gradients = loss.backward()?;
        let gradient = match gradients.get(&logits) {
            Some(gradient) => gradient.detach(),
            None => logits.zeros_like()?,
        };
        let gradient = gradient.t()?.contiguous()?.matmul(&views.contiguous()?)?;
        let gradient = (gradient * self.scale)?.detach();
        let counts = gradient.abs()?.ge(NEGLIGIBLE)?.to_dtype(gradient.dtype())?;
        Ok((value, (gradient * counts)?))
    }

    /// The gradient of each image's loss in the start's context.
    fn gradients(&self, before: &[Before]) -> Result<Vec<Tensor>> {
        let mut gradients = vec![self.start.zeros_like()?; before.len()];
        for part in &self.parts {
            let features = match &part.graph {
                Some(features) => features.clone(),
                None => self.features(part, self.start())?,
            };
            let gradient = |share: &Tensor| {
                let store = (&features * share)?.sum_all()?.backward()?;
                Ok::<_, Error>(match store.get(&self.start) {
                    Some(gradient) => gradient.detach(),
                    None => self.start.zeros_like()?,
                })
            };
            for (sum, before) in gradients.iter_mut().zip(before) {
                let share = before.gradient.narrow(0, part.first, part.classes())?;
                let gradient = match part.graph {
                    Some(_) => part.backward.call(&share, gradient)?,
                    // Its features are others each time.
                    None => gradient(&share)?,
                };
                *sum = (&*sum + gradient)?.detach();
            }
        }
        Ok(gradients)
    }

    /// The loss of one image and its gradient in a context that is its own.
    fn gradient_at(&self, context: &Tensor, views: &Tensor) -> Result<(f32, Tensor)> {
        let context = Var::from_tensor(context)?;
        let graphs = self.parts.iter();
        let graphs = graphs.map(|part| self.features(part, &context));
        let graphs = graphs.collect::<Result<Vec<_>>>()?;
        let text = Tensor::cat(&graphs, 0)?;
        let logits = logits(views, &text.detach(), self.scale)?;
        let (loss, gradient) = self.in_text_features(&logits, views)?;
        let store = (&text * gradient)?.sum_all()?.backward()?;
        let gradient = match store.get(&context) {
            Some(gradient) => gradient.detach(),
            None => context.zeros_like()?,
        };
        Ok((loss, gradient))
    }

    /// Normalised text features `[n_classes, embed_dim]` of each context, as many
    /// prompts at once as the settings allow.
    fn encode(&self, contexts: &[Tensor]) -> Result<Vec<Tensor>> {
        let mut texts = vec![Vec::with_capacity(self.parts.len()); contexts.len()];
        for part in &self.parts {
            let classes = part.classes();
            let together = (self.settings.classes_at_once / classes).max(1);
            for (chunk, contexts) in contexts.chunks(together).enumerate() {
                let own = contexts
                    .iter()
                    .map(|context| self.context_of(part, context));
                let own = Tensor::cat(&own.collect::<Result<Vec<_>>>()?, 0)?;
                let count = contexts.len();
                let features = part.forward.call(&own, |own| {
                    let of_each = text_features_of_each(&self.clip, &part.prompts, own, count)?;
                    Ok::<_, Error>(of_each.detach())
                })?;
                for at in 0..count {
                    let own = features.narrow(0, at * classes, classes)?;
                    texts[chunk * together + at].push(own);
                }
            }
        }
        let texts = texts.iter().map(|parts| Ok(Tensor::cat(parts, 0)?));
        texts.collect()
    }
}
