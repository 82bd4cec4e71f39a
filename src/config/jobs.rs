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
        /// Workers that are started before there is work for them.
        pub idle_workers: usize = 1, "LYCEUM_IDLE_WORKERS";
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
    }
}
