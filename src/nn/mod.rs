//! What networks are made of and trained with: each component is a file that declares its fields, its documentation
//! and its mathematics, and a word in the list of its set.

pub mod activations;
pub mod constraints;
pub mod initializers;
pub mod layers;
pub mod losses;
pub mod metrics;
pub mod network;
pub mod optimizers;
pub mod regularizers;
pub mod schedules;

/// Why a component does not fit where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The component's field that the user would change; the component itself where it is none.
    pub field: Option<&'static str>,
    pub detail: String,
}

impl FieldError {
    pub fn new(field: &'static str, detail: impl Into<String>) -> Self {
        Self { field: Some(field), detail: detail.into() }
    }

    /// A mistake that lies in no single field.
    pub fn whole(detail: impl Into<String>) -> Self {
        Self { field: None, detail: detail.into() }
    }
}

/// One pass through a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    pub training: bool,
    /// The step that is being taken, counted from 0: what is drawn at random is drawn for it.
    pub step: u64,
}

impl Pass {
    /// Outside of training nothing is random.
    pub const INFERENCE: Self = Self { training: false, step: 0 };
}
