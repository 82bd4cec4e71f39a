//! How long callers stay known.

super::settings! {
    /// How long callers stay known.
    pub struct Access, "Access" {
        /// Seconds that a browser stays signed in; it is signed out earlier where its key ends.
        pub session_seconds: u64 = 43_200, "LYCEUM_SESSION_SECONDS";
    }
}
