//! Batches of views, made ahead of their use by a bounded number of batches.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;

use anyhow::{Context, Result, anyhow};
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

/// A batch to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Which epoch's views these are; the view is told.
    pub epoch: usize,
    /// Indices of the images.
    pub images: Vec<usize>,
}

/// How batches are made of images.
pub struct Recipe<T> {
    view: Box<View>,
    finish: Box<Finish<T>>,
}

/// Makes the view of an image, told its index and the epoch.
type View = dyn Fn(&RgbImage, usize, usize) -> clipwright_shared::Result<RgbImage> + Send + Sync;

/// Makes a batch of its views.
type Finish<T> = dyn Fn(Vec<RgbImage>) -> clipwright_shared::Result<T> + Send + Sync;

impl<T> Recipe<T> {
    /// `view` gets an image, its index and the epoch: what is random in it is named by
    /// these, so that it does not depend on threads. `finish` gets a batch's views in
    /// their order.
    pub fn new(
        view: impl Fn(&RgbImage, usize, usize) -> clipwright_shared::Result<RgbImage>
        + Send
        + Sync
        + 'static,
        finish: impl Fn(Vec<RgbImage>) -> clipwright_shared::Result<T> + Send + Sync + 'static,
    ) -> Self {
        Self {
            view: Box::new(view),
            finish: Box::new(finish),
        }
    }
}

/// An iterator over batches in the order that they were ordered in. The next ones are
/// made on a thread pool of its own while one is used; dropping the iterator ends that.
pub struct ViewsAhead<T> {
    making: Arc<Making<T>>,
    orders: Box<dyn Iterator<Item = Order> + Send>,
    ahead: usize,
    ordered: VecDeque<Receiver<Result<T>>>,
    pool: ThreadPool,
}

/// What all threads share.
struct Making<T> {
    images: Arc<Images>,
    recipe: Recipe<T>,
    stopped: AtomicBool,
}

/// A batch that is being made.
struct Batch<T> {
    /// The views that are ready.
    views: Mutex<Vec<Option<Result<RgbImage>>>>,
    sender: Sender<Result<T>>,
}

impl<T: Send + 'static> ViewsAhead<T> {
    /// Starts to make batches of `images`, as far ahead as [`Ahead::default`] says.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn new(
        images: Arc<Images>,
        orders: impl Iterator<Item = Order> + Send + 'static,
        recipe: Recipe<T>,
    ) -> Result<Self> {
        Self::with(images, orders, recipe, Ahead::default())
    }

    /// As [`ViewsAhead::new`], so far ahead, on so many threads.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn with(
        images: Arc<Images>,
        orders: impl Iterator<Item = Order> + Send + 'static,
        recipe: Recipe<T>,
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
            making: Arc::new(Making {
                images,
                recipe,
                stopped: AtomicBool::new(false),
            }),
            orders: Box::new(orders),
            ahead: ahead.batches.max(1),
            ordered: VecDeque::new(),
            pool,
        };
        views.order();
        Ok(views)
    }

    /// Orders batches until there are as many as may be ahead.
    fn order(&mut self) {
        while self.ordered.len() < self.ahead
            && let Some(Order { epoch, images }) = self.orders.next()
        {
            let (sender, ready) = channel();
            let views = images.iter().map(|_| None).collect();
            let batch = Arc::new(Batch {
                views: Mutex::new(views),
                sender,
            });
            if images.is_empty() {
                self.making.finish_if_last(batch);
                self.ordered.push_back(ready);
                continue;
            }
            let shares = vec![batch; images.len()].into_iter();
            for (place, (index, batch)) in images.into_iter().zip(shares).enumerate() {
                let making = Arc::clone(&self.making);
                self.pool.spawn_fifo(move || {
                    if making.stopped.load(Ordering::Relaxed) {
                        return;
                    }
                    let made = making.view(index, epoch);
                    batch.lock()[place] = Some(made);
                    making.finish_if_last(batch);
                });
            }
            self.ordered.push_back(ready);
        }
    }
}

impl<T> Making<T> {
    fn view(&self, index: usize, epoch: usize) -> Result<RgbImage> {
        let image = self.images.get(index)?;
        let _span = tracing::trace_span!("crop").entered();
        Ok((self.recipe.view)(&image, index, epoch)?)
    }

    /// Makes the batch of its views, once nobody else has anything to do with it.
    fn finish_if_last(&self, batch: Arc<Batch<T>>) {
        let Some(batch) = Arc::into_inner(batch) else {
            return;
        };
        let views = std::mem::take(&mut *batch.lock());
        let missing = || Err(anyhow!("the thread that made a view broke down"));
        let views: Result<Vec<RgbImage>> = views
            .into_iter()
            .map(|view| view.unwrap_or_else(missing))
            .collect();
        let made = views.and_then(|views| {
            let _span = tracing::trace_span!("normalise").entered();
            Ok((self.recipe.finish)(views)?)
        });
        // Nobody waits any more if this fails.
        let _ = batch.sender.send(made);
    }
}

impl<T> Batch<T> {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Option<Result<RgbImage>>>> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + 'static> Iterator for ViewsAhead<T> {
    /// A batch; the first error in the order of its images ends the sequence.
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        let ready = self.ordered.pop_front()?;
        let batch = {
            let _span = tracing::trace_span!("wait").entered();
            ready.recv()
        };
        let batch = match batch {
            Ok(batch) => batch,
            Err(_) => Err(anyhow!("the thread that made a batch broke down")),
        };
        match &batch {
            Ok(_) => self.order(),
            Err(_) => {
                self.making.stopped.store(true, Ordering::Relaxed);
                self.ordered.clear();
                self.orders = Box::new(std::iter::empty());
            }
        }
        Some(batch)
    }
}

impl<T> Drop for ViewsAhead<T> {
    fn drop(&mut self) {
        self.making.stopped.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
