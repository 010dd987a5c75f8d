//! How large a file may become.

use crate::failure::{Failure, Kind};
use crate::quantity::show_size;

/// The script's limit and the operator's; the smaller one holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct SizeLimit {
    pub(super) asked: u64,
    pub(super) operator: Option<u64>,
}

impl SizeLimit {
    /// Fails if `bytes` is past the limit; the message says whose.
    ///
    /// # Errors
    /// - `too-large`
    pub(super) fn check(&self, bytes: u64) -> Result<(), Failure> {
        let operator = self.operator.unwrap_or(u64::MAX);
        if bytes <= self.asked.min(operator) {
            return Ok(());
        }
        let message = if self.asked < operator {
            format!("the file is larger than max_size, {} bytes", self.asked)
        } else {
            format!("the file is larger than --max-download={} allows", show_size(self.operator))
        };
        Err(Failure::new(Kind::TooLarge, message))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_smaller_limit_holds_and_is_named() {
        for (asked, operator, limit, named) in [
            (10, Some(20), 10, "max_size"),
            (10, None, 10, "max_size"),
            (20, Some(10), 10, "--max-download=10"),
            (10, Some(10), 10, "--max-download=10"),
            (0, Some(10), 0, "max_size"),
        ] {
            let size = SizeLimit { asked, operator };
            assert!(size.check(limit).is_ok());
            let failure = size.check(limit + 1).unwrap_err();
            assert_eq!(failure.kind, Kind::TooLarge);
            assert!(failure.message.contains(named), "{failure}");
        }
    }
}
