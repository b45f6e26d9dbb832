use std::fs;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use super::*;

/// A folder with `count` images whose red is their index.
fn images(count: usize) -> (tempfile::TempDir, Vec<std::path::PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<_> = (0..count)
        .map(|index| folder.path().join(format!("{index}.png")))
        .collect();
    for (index, path) in paths.iter().enumerate() {
        let pixel = image::Rgb([index as u8, 0, 0]);
        RgbImage::from_pixel(8, 8, pixel).save(path).unwrap();
    }
    (folder, paths)
}

/// A view that tells of what it was made.
fn tell(image: &RgbImage, index: usize, epoch: usize) -> clipwright_shared::Result<RgbImage> {
    let red = image.get_pixel(0, 0)[0];
    let pixel = image::Rgb([red, index as u8, epoch as u8]);
    Ok(RgbImage::from_pixel(1, 1, pixel))
}

/// Batches of the views that `view` makes, as they are.
fn plain(
    view: impl Fn(&RgbImage, usize, usize) -> clipwright_shared::Result<RgbImage>
    + Send
    + Sync
    + 'static,
) -> Recipe<Vec<RgbImage>> {
    Recipe::new(view, Ok)
}

/// One epoch of these images.
fn orders(batches: Vec<Vec<usize>>) -> impl Iterator<Item = Order> + Send + 'static {
    let order = |images| Order { epoch: 0, images };
    batches.into_iter().map(order)
}

fn batches() -> Vec<Order> {
    (0..10)
        .map(|batch| Order {
            epoch: batch / 4,
            images: (0..batch % 5).map(|at| (7 * batch + 3 * at) % 20).collect(),
        })
        .collect()
}

fn pixels(views: &[RgbImage]) -> Vec<[u8; 3]> {
    views.iter().map(|view| view.get_pixel(0, 0).0).collect()
}

/// Waits until `done`, for a few seconds.
fn soon(done: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while !done() && start.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(5));
    }
    done()
}

#[test]
fn views_come_in_order_whatever_the_threads() {
    let (_folder, paths) = images(20);
    let sequential: Vec<Vec<[u8; 3]>> = batches()
        .iter()
        .map(|batch| {
            let view = |&index: &usize| {
                let image = crate::data::read_image(&paths[index]).unwrap();
                tell(&image, index, batch.epoch).unwrap()
            };
            pixels(&batch.images.iter().map(view).collect::<Vec<_>>())
        })
        .collect();
    for (threads, batches_ahead, budget) in [
        (1, 1, 0),
        (2, 3, 1000),
        (4, 2, u64::MAX),
        (7, 100, 192),
        (0, 0, 0),
    ] {
        let images = Arc::new(Images::with_budget(paths.clone(), budget));
        let ahead = Ahead {
            threads,
            batches: batches_ahead,
        };
        let orders = batches().into_iter();
        let views = ViewsAhead::with(Arc::clone(&images), orders, plain(tell), ahead).unwrap();
        let made: Vec<_> = views.map(|views| pixels(&views.unwrap())).collect();
        assert_eq!(made, sequential, "{ahead:?}, budget {budget}");
        assert!(images.kept_bytes() <= budget);
        let kept = images.kept_bytes() / 192;
        let views: usize = batches().iter().map(|batch| batch.images.len()).sum();
        let most = (budget / 192).min(views as u64);
        assert!(kept > 0 || most == 0, "nothing kept of {most}");
    }
}

#[test]
fn a_slow_consumer_is_waited_for() {
    let (_folder, paths) = images(1);
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    let view = move |image: &RgbImage, _: usize, _: usize| {
        count.fetch_add(1, Ordering::SeqCst);
        Ok(image.clone())
    };
    let ahead = Ahead {
        threads: 4,
        batches: 3,
    };
    let images = Arc::new(Images::new(paths));
    let orders = orders(vec![vec![0; 2]; 50]);
    let mut views = ViewsAhead::with(images, orders, plain(view), ahead).unwrap();
    for used in 0..40 {
        // Ahead of the batch in use are three, of two views each.
        assert!(soon(|| made.load(Ordering::SeqCst) == 2 * (used + 3)));
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(made.load(Ordering::SeqCst), 2 * (used + 3), "{used} used");
        assert_eq!(views.next().unwrap().unwrap().len(), 2);
    }
    assert_eq!(views.count(), 10);
    assert_eq!(made.load(Ordering::SeqCst), 100);
}

#[test]
fn an_unreadable_image_is_named_and_ends_the_sequence() {
    let (folder, paths) = images(8);
    fs::write(&paths[5], "no image").unwrap();
    fs::remove_file(&paths[6]).unwrap();
    let batches = vec![vec![0, 1], vec![2, 5, 6], vec![3], vec![4]];
    for threads in [1, 3] {
        let ahead = Ahead {
            threads,
            batches: 2,
        };
        let images = Arc::new(Images::new(paths.clone()));
        let orders = orders(batches.clone());
        let mut views = ViewsAhead::with(images, orders, plain(tell), ahead).unwrap();
        assert!(views.next().unwrap().is_ok());
        let error = format!("{:#}", views.next().unwrap().unwrap_err());
        assert!(error.contains("5.png"), "{error}");
        assert!(views.next().is_none());
    }
    let outside = vec![vec![8]];
    let images = Arc::new(Images::new(paths));
    let mut views = ViewsAhead::new(images, orders(outside), plain(tell)).unwrap();
    let error = format!("{:#}", views.next().unwrap().unwrap_err());
    assert!(error.contains("image 8 of 8"), "{error}");
    drop(folder);
}

#[test]
fn dropping_it_early_stops_the_threads() {
    let (_folder, paths) = images(1);
    let (made, open) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let (count, gate) = (Arc::clone(&made), Arc::clone(&open));
    let view = move |image: &RgbImage, _: usize, _: usize| {
        count.fetch_add(1, Ordering::SeqCst);
        while !gate.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(image.clone())
    };
    let ahead = Ahead {
        threads: 2,
        batches: 4,
    };
    let images = Arc::new(Images::new(paths));
    let held = Arc::clone(&images);
    let orders = orders(vec![vec![0; 100]; 100]);
    let views = ViewsAhead::with(images, orders, plain(view), ahead).unwrap();
    assert!(soon(|| made.load(Ordering::SeqCst) == 2));
    drop(views);
    open.store(true, Ordering::SeqCst);
    // What the threads hold is let go of, and of 10 000 views two were begun.
    assert!(soon(|| Arc::strong_count(&held) == 1));
    assert_eq!(made.load(Ordering::SeqCst), 2);
}

#[test]
fn a_view_or_a_batch_that_panics_is_an_error() {
    let (_folder, paths) = images(2);
    let view = |image: &RgbImage, index: usize, epoch: usize| {
        assert!([index, epoch] != [1, 1], "the view of this test breaks");
        Ok(image.clone())
    };
    let orders = || {
        (0..3).map(|epoch| Order {
            epoch,
            images: vec![0, 1],
        })
    };
    let images = Arc::new(Images::new(paths));
    let mut views = ViewsAhead::new(Arc::clone(&images), orders(), plain(view)).unwrap();
    assert!(views.next().unwrap().is_ok());
    assert!(views.next().unwrap().is_err());
    assert!(views.next().is_none());

    let recipe: Recipe<()> = Recipe::new(tell, |_| panic!("the batch of this test breaks"));
    let mut batches = ViewsAhead::new(images, orders(), recipe).unwrap();
    assert!(batches.next().unwrap().is_err());
    assert!(batches.next().is_none());
}

#[test]
fn who_uses_a_batch_for_longer_than_it_takes_never_waits() {
    let (_folder, paths) = images(4);
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    let recipe = Recipe::new(tell, move |views| {
        count.fetch_add(1, Ordering::SeqCst);
        Ok(views.len())
    });
    // Three epochs: the first batch of the next one is made while the last one is used.
    let orders = (0..3).flat_map(|epoch| {
        (0..2).map(move |batch| Order {
            epoch,
            images: vec![2 * batch, 2 * batch + 1],
        })
    });
    let ahead = Ahead {
        threads: 1,
        batches: 2,
    };
    let images = Arc::new(Images::with_budget(paths, 0));
    let mut batches = ViewsAhead::with(images, orders, recipe, ahead).unwrap();
    for used in 0..6 {
        let ready = 6.min(used + 2);
        assert!(soon(|| made.load(Ordering::SeqCst) == ready), "{used} used");
        assert_eq!(batches.next().unwrap().unwrap(), 2);
    }
    assert!(batches.next().is_none());
}
