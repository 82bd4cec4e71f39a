//! Limits of uploaded data.

super::settings! {
    /// Limits of uploaded data.
    pub struct Data, "Limits of uploaded data" {
        /// Most bytes of an upload.
        pub upload_bytes: u64 = 8 << 30, "LYCEUM_UPLOAD_BYTES";
        /// Most bytes that an upload may unpack to.
        pub unpacked_bytes: u64 = 64 << 30, "LYCEUM_UNPACKED_BYTES";
        /// Most times its own size that an upload may unpack to.
        pub expansion: u64 = 200, "LYCEUM_EXPANSION";
        /// Most members of an archive.
        pub archive_members: u64 = 2_000_000, "LYCEUM_ARCHIVE_MEMBERS";
        /// Most columns of a table.
        pub columns: usize = 4_096, "LYCEUM_COLUMNS";
        /// Most bytes of a line of a table.
        pub line_bytes: usize = 16 << 20, "LYCEUM_LINE_BYTES";
        /// Seconds in which an upload must have been read.
        pub import_seconds: u64 = 3_600, "LYCEUM_IMPORT_SECONDS";
        /// Memory in MiB for reading an upload.
        pub import_memory_mb: u64 = 4_096, "LYCEUM_IMPORT_MEMORY_MB";
    }
}
