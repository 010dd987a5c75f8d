//! The digest a file must have.

use ring::digest::{Context, SHA256, SHA256_OUTPUT_LEN};

use crate::failure::{Failure, Kind};

/// A SHA-256 digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sha256([u8; SHA256_OUTPUT_LEN]);

impl Sha256 {
    /// Reads hexadecimal digits of either case.
    ///
    /// # Errors
    /// - `invalid`: it is something else.
    pub(super) fn parse(text: &[u8]) -> Result<Self, Failure> {
        let invalid = || Failure::new(Kind::Invalid, "sha256 must be 64 hexadecimal digits");
        let (pairs, rest) = text.as_chunks::<2>();
        let mut digest = [0; SHA256_OUTPUT_LEN];
        if pairs.len() != digest.len() || !rest.is_empty() {
            return Err(invalid());
        }
        for (byte, pair) in digest.iter_mut().zip(pairs) {
            let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
            let value = high.zip(low).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
            *byte = value.ok_or_else(invalid)?;
        }
        Ok(Self(digest))
    }
}

/// The check of one file.
pub(super) struct Check {
    context: Context,
    expected: Sha256,
}

impl Check {
    pub(super) fn new(expected: Sha256) -> Self {
        Self { context: Context::new(&SHA256), expected }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    /// # Errors
    /// - `protocol`: the digest is another one.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let found = self.context.finish();
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        if found.as_ref() == self.expected.0 {
            return Ok(());
        }
        let (found, expected) = (hex(found.as_ref()), hex(&self.expected.0));
        let message = format!("the sha256 of what arrived is {found}, not {expected}");
        Err(Failure::new(Kind::Protocol, message))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn check(expected: &str, parts: &[&str]) -> Result<(), Failure> {
        let mut check = Check::new(Sha256::parse(expected.as_bytes()).unwrap());
        parts.iter().for_each(|part| check.update(part.as_bytes()));
        check.finish()
    }

    #[test]
    fn the_digest_is_that_of_all_parts_whatever_the_case() {
        check(ABC, &["a", "", "bc"]).unwrap();
        check(&ABC.to_uppercase(), &["abc"]).unwrap();
        let failure = check(ABC, &["abd"]).unwrap_err();
        assert_eq!(failure.kind, Kind::Protocol);
        assert!(failure.message.ends_with(&format!("not {ABC}")), "{failure}");
    }

    #[test]
    fn what_is_no_digest_is_invalid() {
        for text in [
            "",
            "ab",
            &ABC[1..],
            &format!("{ABC}00"),
            &ABC.replace('a', "g"),
            &ABC.replace("ba", "\u{fc}"),
        ] {
            assert_eq!(Sha256::parse(text.as_bytes()).unwrap_err().kind, Kind::Invalid, "{text}");
        }
    }
}
