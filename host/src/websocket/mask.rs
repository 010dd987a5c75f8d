//! Masking (RFC 6455, section 5.3): the same operation puts a mask on and takes it off.

/// Masks `bytes`, of which the first is the one at `offset` in its payload.
pub(super) fn apply(bytes: &mut [u8], mask: [u8; 4], offset: usize) {
    let mut key = mask;
    key.rotate_left(offset % 4);
    let [a, b, c, d] = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (chunks, rest) = bytes.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::indexing_slicing, reason = "tests")]

    use super::*;

    #[test]
    fn pieces_of_any_length_are_masked_as_the_whole() {
        let mask = [1, 20, 99, 250];
        let plain: Vec<u8> = (0..60).collect();
        let expected: Vec<u8> = plain.iter().enumerate().map(|(i, b)| b ^ mask[i % 4]).collect();
        for cut in 0..plain.len() {
            let mut bytes = plain.clone();
            let (head, tail) = bytes.split_at_mut(cut);
            apply(head, mask, 0);
            apply(tail, mask, cut);
            assert_eq!(bytes, expected, "cut at {cut}");
        }
    }
}
