//! Random rounds for unit tests named `fuzz_…`.
//!
//! `FUZZ_SECONDS` says how long each goes, with new seeds; without it the same few rounds run every time.
//! A failure names the seed of its round, and `FUZZ_SEED` runs that round alone.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::panic::{RefUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A small generator (splitmix64), so that a seed is a round.
pub struct Random(u64);

impl Random {
    /// A generator whose numbers the seed decides.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which must not be 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// True once in `count` times.
    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// One of `list`, which must not be empty.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    /// Up to `most` bytes: any, or pieces of these texts one after the other.
    pub fn bytes(&mut self, most: usize, pieces: &[&str]) -> Vec<u8> {
        let length = self.below(most + 1);
        let mut bytes = Vec::new();
        while bytes.len() < length {
            if pieces.is_empty() || self.one_in(8) {
                bytes.push(self.next() as u8);
            } else {
                bytes.extend_from_slice(self.pick(pieces).as_bytes());
            }
        }
        bytes
    }

    /// As [`Random::bytes`], as text.
    pub fn text(&mut self, most: usize, pieces: &[&str]) -> String {
        let bytes = self.bytes(most, pieces);
        // Bytes that are no UTF-8 become characters of their own, so that they differ still.
        match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => error.into_bytes().into_iter().map(char::from).collect(),
        }
    }
}

/// Runs random rounds; `few` if the environment does not say for how long.
pub fn rounds(few: u64, round: impl Fn(Random) + RefUnwindSafe) {
    let variable = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    if let Some(seed) = variable("FUZZ_SEED") {
        return round(Random::new(seed));
    }
    let seconds = variable("FUZZ_SECONDS");
    let first = seconds.map_or(1, |_| fresh_seed());
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or_default());
    let mut done = 0;
    while if seconds.is_some() { done == 0 || Instant::now() < end } else { done < few } {
        let seed = first + done;
        let result = catch_unwind(|| round(Random::new(seed)));
        assert!(result.is_ok(), "FUZZ_SEED={seed} fails");
        done += 1;
    }
    println!("{done} rounds from FUZZ_SEED={first}");
}

fn fresh_seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() << 24
}
