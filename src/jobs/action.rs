//! What users do to jobs that are there.

crate::choices! {
    /// What is done to a job.
    pub enum Action {
        Cancel = "cancel",
        Pause = "pause",
        Resume = "resume",
        /// Its body is posted again.
        Retry = "retry",
        Delete = "delete",
    }
}
