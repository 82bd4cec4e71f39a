//! Limits of inference.

super::settings! {
    /// Limits of inference.
    pub struct Inference, "Inference" {
        /// Memory in MiB for loaded models; the least recently used one goes first.
        pub model_memory_mb: u64 = 2_048, "LYCEUM_MODEL_MEMORY_MB";
        /// Most examples that are computed at once.
        pub max_batch_size: usize = 64, "LYCEUM_MAX_BATCH_SIZE";
        /// Microseconds that a request waits for others to join it.
        pub max_delay_us: u64 = 0, "LYCEUM_MAX_DELAY_US";
        /// Most requests that wait for one model.
        pub max_queue: usize = 1_024, "LYCEUM_MAX_QUEUE";
        /// Most examples of a request.
        pub request_examples: usize = 65_536, "LYCEUM_REQUEST_EXAMPLES";
        /// Instances of a model.
        pub instances: usize = 1, "LYCEUM_INSTANCES";
        /// Seconds that a prediction may take.
        pub predict_seconds: u64 = 60, "LYCEUM_PREDICT_SECONDS";
        /// Seconds that an evaluation may take.
        pub evaluate_seconds: u64 = 600, "LYCEUM_EVALUATE_SECONDS";
    }
}
