//! Text that is wiped from memory when dropped and that JSON may hold on its
//! way to or from a sealed store.

use std::io;
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

#[derive(Clone)]
pub(crate) struct Wiped(Zeroizing<String>);

impl Wiped {
    pub(crate) fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }
}

impl Deref for Wiped {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Serialize for Wiped {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Wiped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

/// JSON in memory that is wiped when it is dropped, the smaller pieces that it grew
/// out of included.
///
/// # Errors
///
/// For a value that is not JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
    let mut out = Growing(Zeroizing::new(Vec::with_capacity(512)));
    serde_json::to_writer(&mut out, value)?;
    Ok(out.0)
}

struct Growing(Zeroizing<Vec<u8>>);

impl io::Write for Growing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.capacity() - self.0.len() < bytes.len() {
            let mut larger = Vec::with_capacity(2 * (self.0.len() + bytes.len()));
            larger.extend_from_slice(&self.0);
            // The one before is wiped here.
            self.0 = Zeroizing::new(larger);
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_that_grows_is_the_same_json() {
        let value: Vec<String> = (0..300).map(|n| "\"x\u{1}".repeat(n)).collect();
        assert_eq!(*json(&value).unwrap(), serde_json::to_vec(&value).unwrap());
    }
}
