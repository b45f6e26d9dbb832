//! Protocol buffers' wire format, as far as event files need it: each field is its
//! number and kind, then the value.

/// A message under construction.
#[derive(Debug, Default)]
pub struct Message {
    bytes: Vec<u8>,
}

/// How a field's value is laid out.
#[derive(Clone, Copy)]
enum Wire {
    Varint = 0,
    Eight = 1,
    Delimited = 2,
    Four = 5,
}

impl Message {
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// An integer that is not negative, or an enumeration's value.
    pub fn number(&mut self, field: u64, value: u64) {
        self.key(field, Wire::Varint);
        self.varint(value);
    }

    pub fn double(&mut self, field: u64, value: f64) {
        self.key(field, Wire::Eight);
        self.bytes.extend(value.to_le_bytes());
    }

    pub fn single(&mut self, field: u64, value: f32) {
        self.key(field, Wire::Four);
        self.bytes.extend(value.to_le_bytes());
    }

    pub fn bytes(&mut self, field: u64, value: &[u8]) {
        self.key(field, Wire::Delimited);
        self.varint(value.len() as u64);
        self.bytes.extend(value);
    }

    pub fn text(&mut self, field: u64, value: &str) {
        self.bytes(field, value.as_bytes());
    }

    /// A message within this one.
    pub fn message(&mut self, field: u64, fields: impl FnOnce(&mut Message)) {
        let mut inner = Message::default();
        fields(&mut inner);
        self.bytes(field, &inner.bytes);
    }

    fn key(&mut self, field: u64, wire: Wire) {
        self.varint(field << 3 | wire as u64);
    }

    /// Seven bits a byte, the lowest first; the top bit says that more follow.
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_in_the_encoding_guide() {
        // The guide's own examples: field 1 = 150, field 2 = "testing", and the
        // first inside field 3 of another message.
        let mut message = Message::default();
        message.number(1, 150);
        assert_eq!(message.as_bytes(), [0x08, 0x96, 0x01]);
        let mut message = Message::default();
        message.text(2, "testing");
        assert_eq!(message.as_bytes(), b"\x12\x07testing");
        let mut message = Message::default();
        message.message(3, |inner| inner.number(1, 150));
        assert_eq!(message.as_bytes(), [0x1a, 0x03, 0x08, 0x96, 0x01]);
        let mut message = Message::default();
        message.single(2, 1.0);
        message.double(1, 1.0);
        let expected = [0x15, 0, 0, 0x80, 0x3f, 0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f];
        assert_eq!(message.as_bytes(), expected);
    }
}
