//! Server-sent events, as they come in pieces.

/// Longest line that is read.
const MOST_LINE: usize = 4 << 20;

/// An event as it came.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Received {
    /// Its name; empty for most.
    pub name: String,
    /// Its id.
    pub id: Option<String>,
    /// Its data; empty for what is only a sign of life.
    pub data: String,
}

/// A stream's lines, as they come in pieces.
#[derive(Default)]
pub(super) struct Lines {
    bytes: Vec<u8>,
    event: Received,
}

impl Lines {
    /// False if a line has no end.
    pub fn take(&mut self, data: &[u8]) -> bool {
        self.bytes.extend_from_slice(data);
        self.bytes.len() <= MOST_LINE
    }

    /// The events that are whole by now.
    pub fn events(&mut self) -> Vec<Received> {
        let mut events = Vec::new();
        let Some(end) = self.bytes.iter().rposition(|byte| *byte == b'\n') else {
            return events;
        };
        let rest = self.bytes.split_off(end + 1);
        let whole = std::mem::replace(&mut self.bytes, rest);
        for line in String::from_utf8_lossy(&whole).lines() {
            if line.is_empty() {
                events.push(std::mem::take(&mut self.event));
                continue;
            }
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => self.event.name = value.to_owned(),
                "id" => self.event.id = Some(value.to_owned()),
                "data" => self.event.data.push_str(value),
                // A comment, or what is not needed here.
                _ => {}
            }
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_whatever_the_pieces_they_come_in() {
        let stream = "retry: 2000\nid: a\n\n: nothing\nid: b\n\nid: c\ndata: {\"x\":\"é\"}\n\nevent: missed\ndata: 1\n\nid: d\n";
        let event = |name: &str, id: Option<&str>, data: &str| Received {
            name: name.into(),
            id: id.map(str::to_owned),
            data: data.into(),
        };
        let expected = [
            event("", Some("a"), ""),
            event("", Some("b"), ""),
            event("", Some("c"), "{\"x\":\"é\"}"),
            event("missed", None, "1"),
        ];
        for size in [1, 2, 7, 1000] {
            let mut lines = Lines::default();
            let mut events = Vec::new();
            for piece in stream.as_bytes().chunks(size) {
                assert!(lines.take(piece));
                events.extend(lines.events());
            }
            assert_eq!(events, expected, "{size}");
        }
        assert!(!Lines::default().take(&vec![b'x'; MOST_LINE + 1]));
    }
}
