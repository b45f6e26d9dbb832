//! CPython's `random.Random`, so that few-shot draws are the reference's, image
//! for image (CPython 3.11 `Lib/random.py`, `Modules/_randommodule.c`).

use rand_mt::Mt;

/// A Mersenne Twister with CPython's seeding and derived draws.
pub struct PythonRandom {
    twister: Mt,
}

impl PythonRandom {
    /// `random.seed(seed)` for a non-negative integer.
    pub fn new(seed: u64) -> Self {
        let low = seed as u32;
        let high = (seed >> 32) as u32;
        let key: &[u32] = if high == 0 { &[low] } else { &[low, high] };
        Self {
            twister: Mt::new_with_key(key.iter().copied()),
        }
    }

    /// `random.random()`: 53 bits, in `[0, 1)`.
    pub fn random(&mut self) -> f64 {
        let high = f64::from(self.twister.next_u32() >> 5);
        let low = f64::from(self.twister.next_u32() >> 6);
        (high * 67_108_864.0 + low) / 9_007_199_254_740_992.0
    }

    /// `random.getrandbits(bits)` for 1 to 32 bits.
    pub fn bits(&mut self, bits: u32) -> u32 {
        self.twister.next_u32() >> (32 - bits)
    }

    /// `random.randrange(n)` for `n` below 2³²; 0 for `n = 0`.
    pub fn below(&mut self, n: usize) -> usize {
        if n == 0 {
            return 0;
        }
        let bits = usize::BITS - n.leading_zeros();
        loop {
            let draw = self.bits(bits) as usize;
            if draw < n {
                return draw;
            }
        }
    }

    /// `random.sample(range(n), count)`; `count` is at most `n`.
    pub fn sample(&mut self, n: usize, count: usize) -> Vec<usize> {
        let count = count.min(n);
        // CPython keeps a set of chosen indices if that is smaller than a list.
        let mut set_size = 21;
        if count > 5 {
            set_size += 4usize.pow(((count * 3) as f64).log(4.0).ceil() as u32);
        }
        if n <= set_size {
            let mut pool: Vec<usize> = (0..n).collect();
            return (0..count)
                .map(|drawn| {
                    let at = self.below(n - drawn);
                    let item = pool[at];
                    pool[at] = pool[n - drawn - 1];
                    item
                })
                .collect();
        }
        let mut chosen = Vec::with_capacity(count);
        let mut seen = std::collections::HashSet::new();
        while chosen.len() < count {
            let at = self.below(n);
            if seen.insert(at) {
                chosen.push(at);
            }
        }
        chosen
    }

    /// `random.choices(range(n), k=count)`: with replacement.
    pub fn choices(&mut self, n: usize, count: usize) -> Vec<usize> {
        (0..count)
            .map(|_| (self.random() * n as f64).floor() as usize)
            .collect()
    }

    /// `random.shuffle(items)`.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            let other = self.below(at + 1);
            items.swap(at, other);
        }
    }
}
