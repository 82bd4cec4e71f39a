//! Limits of the HTTP server.

super::settings! {
    /// Limits of the HTTP server.
    pub struct Http, "Limits of requests" {
        /// Most bytes of a JSON body, but for those of predictions.
        pub json_body_bytes: u64 = 16 << 20, "LYCEUM_JSON_BODY_BYTES";
        /// Most bytes of the body of a prediction.
        pub predict_body_bytes: u64 = 256 << 20, "LYCEUM_PREDICT_BODY_BYTES";
        /// Most values (numbers, texts, lists, objects) of a JSON body, each of which takes some 72 bytes.
        pub json_values: usize = 8 << 20, "LYCEUM_JSON_VALUES";
        /// Most bytes of a refused body that are read and thrown away, so that its sender hears why.
        pub discard_bytes: u64 = 256 << 20, "LYCEUM_DISCARD_BYTES";
        /// Most bytes of the path and the query of a request.
        pub uri_bytes: usize = 8 << 10, "LYCEUM_URI_BYTES";
        /// Seconds in which the headers of a request must arrive; an idle connection is closed after them too.
        pub header_seconds: u64 = 30, "LYCEUM_HEADER_SECONDS";
        /// Seconds that a body may pause.
        pub body_seconds: u64 = 30, "LYCEUM_BODY_SECONDS";
        /// Fewest bytes a second that a body must bring on the whole, beyond the seconds that it may pause; 0 for any.
        pub body_bytes_per_second: u64 = 1_024, "LYCEUM_BODY_BYTES_PER_SECOND";
        /// Seconds that a reader may take nothing of an answer; it is cut then.
        pub write_seconds: u64 = 60, "LYCEUM_WRITE_SECONDS";
        /// Most connections at once.
        pub connections: usize = 8_192, "LYCEUM_CONNECTIONS";
        /// Most requests that are answered at once; more are told to come again. Health and metrics are always answered.
        pub requests: usize = 4_096, "LYCEUM_REQUESTS";
        /// Most open streams of events at once.
        pub streams: usize = 4_096, "LYCEUM_STREAMS";
        /// Seconds between the comments that keep an idle stream of events alive.
        pub heartbeat_seconds: u64 = 15, "LYCEUM_HEARTBEAT_SECONDS";
        /// Uploads of data sets at once.
        pub uploads: usize = 4, "LYCEUM_UPLOADS";
    }
}
