//! Tokens by which workers and runs are known; only their hashes are kept.

use sha2::{Digest, Sha256};

/// A fresh token and its hash.
pub(crate) fn fresh() -> std::io::Result<(String, [u8; 32])> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
    let token = hex(&bytes);
    let hash = hash(&token);
    Ok((token, hash))
}

pub(crate) fn hash(token: impl AsRef<[u8]>) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// Compares in a time that tells nothing of where the two differ.
pub(crate) fn equal(one: &[u8; 32], other: &[u8; 32]) -> bool {
    one.iter().zip(other).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_token_is_known_by_its_hash() {
        let (token, hash) = super::fresh().unwrap();
        assert_eq!(token.len(), 64);
        assert!(super::equal(&super::hash(&token), &hash));
        assert!(!super::equal(&super::hash("another"), &hash));
    }
}
