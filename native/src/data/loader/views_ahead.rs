//! Batches of views, made ahead of their use by a bounded number of batches.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::available_parallelism;

use anyhow::{Context, Result};
use clipwright_shared::views::RgbImage;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::Images;

/// How far ahead, on how many threads. The views do not depend on either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ahead {
    pub threads: usize,
    /// Batches that are made or waiting while another one is used.
    pub batches: usize,
}

impl Default for Ahead {
    /// A thread for every core, and two batches.
    fn default() -> Self {
        Self {
            threads: available_parallelism().map_or(1, NonZeroUsize::get),
            batches: 2,
        }
    }
}

/// An iterator over batches of views, each made of images by their indices. The
/// next batches are made on a thread pool of its own while one is used; dropping
/// the iterator ends that.
pub struct ViewsAhead {
    images: Arc<Images>,
    view: Arc<View>,
    batches: std::vec::IntoIter<Vec<usize>>,
    ahead: usize,
    /// Place in the whole sequence of the next view to be ordered.
    position: usize,
    ordered: VecDeque<Ordered>,
    stopped: Arc<AtomicBool>,
    pool: ThreadPool,
}

/// Makes the view at a place in the sequence of an image and its index.
type View = dyn Fn(&RgbImage, usize, usize) -> clipwright_shared::Result<RgbImage> + Send + Sync;

/// A batch that is being made.
struct Ordered {
    len: usize,
    /// Views with their places in the batch, as they get ready.
    ready: Receiver<(usize, Result<RgbImage>)>,
}

impl ViewsAhead {
    /// Starts to make views, as far ahead as [`Ahead::default`] says.
    ///
    /// `view` gets an image, the view's place in the whole sequence (all batches
    /// one after the other, from 0) and the image's index: what is random in it
    /// belongs to one of these, so that it does not depend on threads.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn new(
        images: Arc<Images>,
        batches: Vec<Vec<usize>>,
        view: impl Fn(&RgbImage, usize, usize) -> clipwright_shared::Result<RgbImage>
        + Send
        + Sync
        + 'static,
    ) -> Result<Self> {
        Self::with(images, batches, view, Ahead::default())
    }

    /// As [`ViewsAhead::new`], so far ahead, on so many threads.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn with(
        images: Arc<Images>,
        batches: Vec<Vec<usize>>,
        view: impl Fn(&RgbImage, usize, usize) -> clipwright_shared::Result<RgbImage>
        + Send
        + Sync
        + 'static,
        ahead: Ahead,
    ) -> Result<Self> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(ahead.threads.max(1))
            .thread_name(|index| format!("views-{index}"))
            // The view that is missing then is the error; the process goes on.
            .panic_handler(|_| {})
            .build()
            .context("cannot start the threads that decode images")?;
        let mut views = Self {
            images,
            view: Arc::new(view),
            batches: batches.into_iter(),
            ahead: ahead.batches.max(1),
            position: 0,
            ordered: VecDeque::new(),
            stopped: Arc::new(AtomicBool::new(false)),
            pool,
        };
        views.order();
        Ok(views)
    }

    /// Orders batches until there are as many as may be ahead.
    fn order(&mut self) {
        while self.ordered.len() < self.ahead
            && let Some(batch) = self.batches.next()
        {
            let (sender, ready) = channel();
            let len = batch.len();
            for (place, index) in batch.into_iter().enumerate() {
                let position = self.position + place;
                let (images, view) = (Arc::clone(&self.images), Arc::clone(&self.view));
                let (stopped, sender) = (Arc::clone(&self.stopped), sender.clone());
                self.pool.spawn_fifo(move || {
                    if stopped.load(Ordering::Relaxed) {
                        return;
                    }
                    let made = images.get(index).and_then(|image| {
                        let _span = tracing::trace_span!("crop").entered();
                        Ok(view(&image, position, index)?)
                    });
                    // Nobody waits any more if this fails.
                    let _ = sender.send((place, made));
                });
            }
            self.position += len;
            self.ordered.push_back(Ordered { len, ready });
        }
    }
}

impl Iterator for ViewsAhead {
    /// The views of a batch in its order; the first error in that order ends the
    /// sequence.
    type Item = Result<Vec<RgbImage>>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.ordered.pop_front()?;
        let mut views: Vec<Option<Result<RgbImage>>> = (0..batch.len).map(|_| None).collect();
        // Ends when the last view is sent, or given up.
        for (place, made) in batch.ready {
            views[place] = Some(made);
        }
        let missing = || Err(anyhow::anyhow!("the thread that made a view broke down"));
        let views: Result<Vec<RgbImage>> = views
            .into_iter()
            .map(|view| view.unwrap_or_else(missing))
            .collect();
        match &views {
            Ok(_) => self.order(),
            Err(_) => {
                self.stopped.store(true, Ordering::Relaxed);
                self.ordered.clear();
                self.batches = Vec::new().into_iter();
            }
        }
        Some(views)
    }
}

impl Drop for ViewsAhead {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
