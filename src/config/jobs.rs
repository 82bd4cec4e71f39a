//! What jobs may take, and how their runs are watched.

super::settings! {
    /// What jobs may take, and how their runs are watched.
    pub struct Jobs, "Jobs" {
        /// CPU threads that running jobs may take together; 0 for all of the machine's.
        pub threads: u32 = 0, "LYCEUM_THREADS";
        /// Memory in MiB that running jobs may take together; 0 for all of the machine's.
        pub memory_mb: u64 = 0, "LYCEUM_MEMORY_MB";
        /// Most jobs that may wait.
        pub queue: u64 = 100_000, "LYCEUM_QUEUE";
        /// Most jobs of one key that are not finished.
        pub jobs_per_key: u64 = 10_000, "LYCEUM_JOBS_PER_KEY";
        /// Most epochs that a job may ask for, of 1,000,000 that there may be.
        pub job_epochs: u64 = 1_000_000, "LYCEUM_JOB_EPOCHS";
        /// Most examples of a batch, of 1,048,576.
        pub job_batch_size: u64 = 1_048_576, "LYCEUM_JOB_BATCH_SIZE";
        /// Most units or filters of a layer, of 1,048,576.
        pub job_units: u64 = 1_048_576, "LYCEUM_JOB_UNITS";
        /// Most layers or nodes of a model, of 10,000.
        pub job_nodes: u64 = 10_000, "LYCEUM_JOB_NODES";
        /// Most steps of a job, of 1,000,000,000.
        pub job_steps: u64 = 1_000_000_000, "LYCEUM_JOB_STEPS";
        /// Greatest learning rate, of 1,000,000.
        pub job_learning_rate: f64 = 1e6, "LYCEUM_JOB_LEARNING_RATE";
        /// Workers that are started before there is work for them.
        pub idle_workers: usize = 1, "LYCEUM_IDLE_WORKERS";
        /// How far runs give way to the server and to other programs where they want the same cores: 0 for not at all
        /// to 19, as `nice` counts.
        pub run_niceness: u32 = 19, "LYCEUM_RUN_NICENESS";
        /// Seconds between the signs of life of a run.
        pub run_heartbeat_seconds: u64 = 2, "LYCEUM_RUN_HEARTBEAT_SECONDS";
        /// Seconds without a sign of life after which a run is lost.
        pub run_lease_seconds: u64 = 15, "LYCEUM_RUN_LEASE_SECONDS";
        /// Seconds that a run goes on without a server.
        pub orphan_seconds: u64 = 86_400, "LYCEUM_ORPHAN_SECONDS";
        /// Seconds that a run has to end by itself before it is killed.
        pub grace_seconds: u64 = 10, "LYCEUM_GRACE_SECONDS";
        /// Most bytes of a run's log.
        pub run_log_bytes: u64 = 64 << 20, "LYCEUM_RUN_LOG_BYTES";
        /// Most artifacts of a run.
        pub artifacts: u64 = 10_000, "LYCEUM_ARTIFACTS";
        /// Seconds that a finished job is kept with its runs, metrics and events, while its models stay; 0 for ever.
        pub keep_jobs_seconds: u64 = 0, "LYCEUM_KEEP_JOBS_SECONDS";
        /// Seconds that the logs of a finished job are kept; 0 for as long as the job.
        pub keep_logs_seconds: u64 = 0, "LYCEUM_KEEP_LOGS_SECONDS";
        /// Seconds that the events of a finished job are kept, but for its states and its end, which stay; 0 for as
        /// long as the job.
        pub keep_events_seconds: u64 = 0, "LYCEUM_KEEP_EVENTS_SECONDS";
        /// Seconds between two looks for what need not be kept.
        pub sweep_seconds: u64 = 3_600, "LYCEUM_SWEEP_SECONDS";
        /// Bytes that the data folder may hold; beyond them neither jobs nor uploads are taken. 0 for as many as there
        /// is room for.
        pub disk_budget_bytes: u64 = 0, "LYCEUM_DISK_BUDGET_BYTES";
    }
}
