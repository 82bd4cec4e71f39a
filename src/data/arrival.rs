//! What can be said of an upload while it still comes: a table whose line does not end is refused before it fills the
//! disk. All else is told when it is read, in a child process.

use super::import::{Format, ImportLimits, Refusal, RefusalKind};

/// Whether an upload that begins so is packed: its lines are not seen from outside.
fn is_packed(head: &[u8]) -> bool {
    let tar = head.get(257..262) == Some(b"ustar");
    tar || head.starts_with(&[0x1f, 0x8b]) || head.starts_with(b"PK\x03\x04")
}

/// Looks at an upload piece by piece.
pub struct Arrival {
    /// Most bytes of a line, where there are lines to look for.
    most: Option<u64>,
    seen: u64,
    /// Where the line that has not ended begins.
    line_start: u64,
}

impl Arrival {
    pub fn new(format: Format, limits: &ImportLimits) -> Self {
        let most = match format {
            // As it stands in the file a record may be longer than what it says: quotes are written twice, and fields
            // have quotes and commas around them.
            Format::Csv => Some(limits.record_bytes.saturating_mul(2).saturating_add(limits.columns * 4)),
            Format::Jsonl => Some(limits.record_bytes),
            _ => None,
        };
        Self { most, seen: 0, line_start: 0 }
    }

    /// Takes the next piece.
    pub fn look(&mut self, piece: &[u8]) -> Result<(), Refusal> {
        if self.seen == 0 && is_packed(piece) {
            self.most = None;
        }
        let Some(most) = self.most else { return Ok(()) };
        let first = piece.iter().position(|byte| *byte == b'\n').unwrap_or(piece.len()) as u64;
        if self.seen + first - self.line_start > most {
            return Err(Refusal {
                kind: RefusalKind::TooLarge,
                detail: format!(
                    "the line that begins at byte {} is longer than {most} bytes",
                    self.line_start
                ),
                line: None,
                member: None,
            });
        }
        // Lines within a piece are no longer than it, so the last one's beginning is all that matters.
        if let Some(last) = piece.iter().rposition(|byte| *byte == b'\n') {
            self.line_start = self.seen + last as u64 + 1;
        }
        self.seen += piece.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(record_bytes: u64) -> Arrival {
        Arrival::new(Format::Csv, &ImportLimits { record_bytes, columns: 0, ..ImportLimits::default() })
    }

    #[test]
    fn a_line_that_does_not_end_is_refused() {
        let mut arrival = arrival(8);
        for piece in [&b"12345678"[..], b"12345678\n12", b"", b"3456789", b"1234567"] {
            arrival.look(piece).unwrap();
        }
        let refused = arrival.look(b"8").unwrap_err();
        assert_eq!(refused.kind, RefusalKind::TooLarge);
        assert!(refused.detail.contains("byte 17"), "{}", refused.detail);
    }

    #[test]
    fn what_is_packed_has_no_lines() {
        let mut arrival = arrival(4);
        arrival.look(&[0x1f, 0x8b, 0, 0]).unwrap();
        arrival.look(&[0; 100]).unwrap();
    }
}
