//! How long callers stay known, and how much is kept of what they did.

super::settings! {
    /// How long callers stay known, and how much is kept of what they did.
    pub struct Access, "Access" {
        /// Seconds that a browser stays signed in; it is signed out earlier where its key ends.
        pub session_seconds: u64 = 43_200, "LYCEUM_SESSION_SECONDS";
        /// Most bytes that are kept of the audit log, in two files; 0 keeps none.
        pub audit_bytes: u64 = 64 << 20, "LYCEUM_AUDIT_BYTES";
    }
}
