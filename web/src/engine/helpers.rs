//! Others who encode views beside this worker.

/// Workers that have the model's image encoder too. They give the same features to the
/// bit, so that nobody sees who encoded what.
pub trait Helpers {
    /// Makes ready for so much work, if that is worth it.
    fn expect(&mut self, multiplications: f64);

    /// Gives views, RGB one after another, of `side` pixels to whoever has room, to be seen
    /// through an adapter of the image encoder, a learned file, or without one. The number
    /// that their features come back under; none if nobody has room.
    fn offer(&mut self, side: u32, views: &[u8], adapter: Option<&[u8]>) -> Option<u32>;

    /// What has come back: numbers with the features of all their views, or with nothing
    /// where the helper failed.
    fn take(&mut self) -> Vec<(u32, Option<Vec<f32>>)>;
}

#[cfg(test)]
mod tests;
