//! Every mistake of a body, collected, each with its place.

use std::fmt;

use super::Pointer;

/// One mistake: where it stands, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecError {
    pub pointer: Pointer,
    pub detail: String,
}

/// The mistakes found so far, in the order in which they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpecErrors(Vec<SpecError>);

impl SpecErrors {
    /// What a body may be told of at once; a body with more mistakes than this is told of the first ones.
    const MOST: usize = 100;

    pub fn new() -> Self {
        Self::default()
    }

    pub fn of(pointer: &Pointer, detail: impl Into<String>) -> Self {
        let mut errors = Self::new();
        errors.push(pointer, detail);
        errors
    }

    /// Notes a mistake. The same one is noted once, however many checks come upon it.
    pub fn push(&mut self, pointer: &Pointer, detail: impl Into<String>) {
        let error = SpecError { pointer: pointer.clone(), detail: detail.into() };
        if self.0.len() < Self::MOST && !self.0.contains(&error) {
            self.0.push(error);
        }
    }

    pub fn extend(&mut self, other: Self) {
        for error in other.0 {
            self.push(&error.pointer, error.detail);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &SpecError> {
        self.0.iter()
    }

    /// Whether a mistake is noted at `pointer` or below it.
    pub fn touch(&self, pointer: &Pointer) -> bool {
        self.0.iter().any(|error| {
            error
                .pointer
                .as_str()
                .strip_prefix(pointer.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// `value` if there was no mistake and it could be made.
    pub fn into_result<T>(self, value: Option<T>) -> Result<T, Self> {
        match value {
            Some(value) if self.is_empty() => Ok(value),
            _ if self.is_empty() => Err(Self::of(&Pointer::root(), "the body cannot be read")),
            _ => Err(self),
        }
    }
}

impl IntoIterator for SpecErrors {
    type Item = SpecError;
    type IntoIter = std::vec::IntoIter<SpecError>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for SpecErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            let place = if error.pointer.as_str().is_empty() { "(the body)" } else { error.pointer.as_str() };
            write!(f, "{separator}{place}: {}", error.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for SpecErrors {}
