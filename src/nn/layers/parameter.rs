//! A layer's parameter as its fields describe it.

use super::FieldError;
use crate::nn::constraints::Constraint;
use crate::nn::initializers::{Initializer, Layout, ParameterSpec};
use crate::nn::regularizers::Regularizer;

/// The three fields of a parameter: `kernel_initializer`, `kernel_regularizer` and `kernel_constraint` for `kernel`.
pub(super) struct Said<'a> {
    pub(super) name: &'static str,
    pub(super) initializer_field: &'static str,
    pub(super) initializer: &'a Initializer,
    pub(super) regularizer: Option<&'a Regularizer>,
    pub(super) constraint_field: &'static str,
    pub(super) constraint: Option<&'a Constraint>,
}

impl Said<'_> {
    /// Under another name than its fields have.
    pub(super) fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// `shape` is libtorch's.
    pub(super) fn parameter(
        &self,
        shape: &[u64],
        layout: Layout,
        fans: (u64, u64),
    ) -> Result<ParameterSpec, FieldError> {
        ParameterSpec::new(self.name, self.initializer_field, shape, layout, fans, self.initializer)?
            .regularized(self.regularizer)
            .constrained(self.constraint_field, self.constraint)
    }
}

/// The fields of a layer's parameter: `said!(self, kernel)`.
macro_rules! said {
    ($layer:expr, $name:ident) => {
        pastey::paste! {
            $crate::nn::layers::parameter::Said {
                name: stringify!($name),
                initializer_field: stringify!([<$name _initializer>]),
                initializer: &$layer.[<$name _initializer>],
                regularizer: $layer.[<$name _regularizer>].as_ref(),
                constraint_field: stringify!([<$name _constraint>]),
                constraint: $layer.[<$name _constraint>].as_ref(),
            }
        }
    };
}

pub(super) use said;
