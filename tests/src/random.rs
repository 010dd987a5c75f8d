//! A small random generator, so that a seed repeats what it led to; and how long a fuzz runs.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The generator (splitmix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator whose numbers the seed decides.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which must not be 0.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.number() % bound as u64).expect("it is below a usize")
    }

    /// True once in `count` times.
    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// One of `list`, which must not be empty.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        list.get(self.below(list.len())).expect("the list is not empty")
    }

    /// Any byte.
    pub fn byte(&mut self) -> u8 {
        self.number().to_le_bytes()[0]
    }
}

/// How many rounds a fuzz goes, and with which seeds.
///
/// `FUZZ_SECONDS` says for how long, each time with new seeds; without it the same few rounds run every
/// time, so that tests which passed pass again. `FUZZ_SEED` runs the round of that seed alone.
#[derive(Debug)]
pub struct Rounds {
    first: u64,
    done: u64,
    enough: Enough,
}

#[derive(Debug)]
enum Enough {
    Count(u64),
    Time(Instant),
}

impl Rounds {
    /// As the environment says; `few` rounds if it says nothing.
    pub fn or_few(few: u64) -> Self {
        if let Some(seed) = variable("FUZZ_SEED") {
            return Self { first: seed, done: 0, enough: Enough::Count(1) };
        }
        match variable("FUZZ_SECONDS") {
            Some(seconds) => {
                let end = Instant::now() + Duration::from_secs(seconds);
                Self { first: fresh_seed(), done: 0, enough: Enough::Time(end) }
            }
            None => Self { first: 1, done: 0, enough: Enough::Count(few) },
        }
    }

    /// A fixed number of rounds with new seeds; `FUZZ_SEED` still runs one alone.
    pub fn count(count: u64) -> Self {
        match variable("FUZZ_SEED") {
            Some(seed) => Self { first: seed, done: 0, enough: Enough::Count(1) },
            None => Self { first: fresh_seed(), done: 0, enough: Enough::Count(count) },
        }
    }

    /// How many rounds were begun.
    pub fn done(&self) -> u64 {
        self.done
    }
}

impl Iterator for Rounds {
    type Item = u64;

    /// The seed of the next round.
    fn next(&mut self) -> Option<u64> {
        let goes_on = match self.enough {
            Enough::Count(count) => self.done < count,
            Enough::Time(end) => self.done == 0 || Instant::now() < end,
        };
        let seed = self.first.wrapping_add(self.done);
        self.done += u64::from(goes_on);
        goes_on.then_some(seed)
    }
}

/// A number in the environment.
pub fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

fn fresh_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    now.as_secs() << 20
}
