//! What was dear to make, as long as it is asked for: the most recent few.

/// Values by their keys, those asked for last at the end.
pub(super) struct Kept<K, V>(Vec<(K, V)>);

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: PartialEq, V: Clone> Kept<K, V> {
    /// The value of `key`, which is asked for once more.
    pub fn get(&mut self, key: &K) -> Option<V> {
        let place = self.0.iter().position(|(known, _)| known == key)?;
        self.0[place..].rotate_left(1);
        self.0.last().map(|(_, value)| value.clone())
    }

    /// Keeps a value, and of all of them the `most` that were asked for last.
    pub fn put(&mut self, key: K, value: V, most: usize) {
        self.0.retain(|(known, _)| *known != key);
        self.0.push((key, value));
        let older = self.0.len().saturating_sub(most);
        self.0.drain(..older);
    }

    /// Drops the values of these keys.
    pub fn forget(&mut self, is_gone: impl Fn(&K) -> bool) {
        self.0.retain(|(key, _)| !is_gone(key));
    }
}

#[cfg(test)]
mod tests {
    use super::Kept;

    fn keys(kept: &Kept<u32, char>) -> Vec<u32> {
        kept.0.iter().map(|(key, _)| *key).collect()
    }

    #[test]
    fn only_what_was_asked_for_last_is_kept() {
        let mut kept = Kept::default();
        for (key, value) in [(1, 'a'), (2, 'b'), (3, 'c')] {
            kept.put(key, value, 3);
        }
        assert_eq!(kept.get(&1), Some('a'));
        kept.put(4, 'd', 3);
        assert_eq!(kept.get(&2), None);
        assert_eq!(keys(&kept), [3, 1, 4]);
        kept.put(3, 'e', 3);
        assert_eq!((kept.get(&3), keys(&kept)), (Some('e'), vec![1, 4, 3]));
        // Fewer may be kept than before.
        kept.put(5, 'f', 2);
        assert_eq!(keys(&kept), [3, 5]);
        kept.forget(|key| *key == 3);
        assert_eq!((kept.get(&3), kept.get(&5)), (None, Some('f')));
    }
}
