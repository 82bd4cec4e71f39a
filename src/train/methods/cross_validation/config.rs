//! The field of `training` that asks for it.

crate::record! {
    /// Cross-validation (Stone, *Cross-Validatory Choice and Assessment of Statistical Predictions*, 1974): the training part is
    /// dealt into folds, by class where there are classes, and a network is trained for each fold on all the others and
    /// validated on it. The job's `result` holds the mean and the deviation over the folds of each validation metric, whose
    /// series are `fold_1_val_loss` and so on. The data set then has no `validation` of its own.
    pub struct CrossValidation {
        /// How many folds, from 2 to 100.
        pub folds: crate::spec::Size = crate::spec::Size::clamped(5),
        /// Whether a network is trained on the whole training part in the end, which is tested and becomes the model. Without
        /// it the job makes no model. With `early_stopping`, which needs a fold to watch, it must be `false`.
        pub refit: bool = true,
    }
}
