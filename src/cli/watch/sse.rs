//! Server-sent events, read from the pieces in which they arrive.

use std::collections::VecDeque;

/// One event of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) event: String,
    pub(super) data: String,
}

/// Reads a stream piece by piece; a piece may end anywhere.
#[derive(Default)]
pub(super) struct Parser {
    /// The line that has not ended yet.
    line: Vec<u8>,
    /// The event that has not ended yet.
    message: Message,
    ready: VecDeque<Message>,
}

impl Parser {
    pub(super) fn push(&mut self, piece: &[u8]) {
        for &byte in piece {
            if byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                self.read(String::from_utf8_lossy(&line).trim_end_matches('\r'));
            } else {
                self.line.push(byte);
            }
        }
    }

    /// The next event that is whole.
    pub(super) fn next(&mut self) -> Option<Message> {
        self.ready.pop_front()
    }

    fn read(&mut self, line: &str) {
        if line.is_empty() {
            let message = std::mem::take(&mut self.message);
            // What keeps a stream alive between events is a comment, and leaves nothing.
            if message != Message::default() {
                self.ready.push_back(message);
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => value.clone_into(&mut self.message.id),
            "event" => value.clone_into(&mut self.message.event),
            "data" => {
                if !self.message.data.is_empty() {
                    self.message.data.push('\n');
                }
                self.message.data.push_str(value);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_from_pieces_of_any_size() {
        let stream = "id: 7\nevent: log\ndata: {\"message\":\"größer\"}\n\n: alive\n\nid:8\r\nevent:end\r\ndata: a\r\ndata: b\r\n\r\nid: 9\ndata: cut";
        for size in [1, 2, 3, 1000] {
            let mut parser = Parser::default();
            stream.as_bytes().chunks(size).for_each(|piece| parser.push(piece));
            let (first, second) = (parser.next().unwrap(), parser.next().unwrap());
            assert_eq!((&first.id[..], &first.event[..]), ("7", "log"));
            assert_eq!(first.data, "{\"message\":\"größer\"}");
            assert_eq!((&second.id[..], &second.event[..], &second.data[..]), ("8", "end", "a\nb"));
            assert_eq!(parser.next(), None);
        }
    }
}
