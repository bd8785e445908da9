//! The keys that seal: numbered, the highest number seals, all of them open.
//!
//! The file holds one key a line, `number:64 hex digits`; lines that begin with
//! `#` are for people. It is made with mode 0600 where it is missing.

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use aws_lc_rs::hkdf;
use qlik::env::Entropy;
use zeroize::{Zeroize, Zeroizing};

/// Why a keyring can't be used. Never tells what a key holds.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The file could not be read or made.
    #[error("keyring file: {0}")]
    File(#[from] std::io::Error),
    /// A line is not `number:64 hex digits`.
    #[error("line {0} of the keyring file is not `number:64 hex digits`")]
    Line(usize),
    /// Two lines have the same number.
    #[error("key {0} is in the keyring file twice")]
    Twice(u32),
    /// There is no key in it.
    #[error("the keyring file holds no key")]
    Empty,
    /// Others may read the file.
    #[error("the keyring file can be read by others (mode {0:o}); make it 0600")]
    TooOpen(u32),
}

/// One sealing key. Its bytes are wiped when it goes.
pub(super) struct Key(Zeroizing<[u8; 32]>);

impl Key {
    pub(super) fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Numbered keys.
pub struct Keyring {
    keys: BTreeMap<u32, Key>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({:?})", self.keys.keys().collect::<Vec<_>>())
    }
}

impl Keyring {
    /// Reads the file, or makes it with one new key where it is missing.
    ///
    /// # Errors
    /// [`KeyringError`] where it can't be read, is readable by others, or is
    /// malformed.
    pub fn open(path: &Path, entropy: &dyn Entropy) -> Result<Self, KeyringError> {
        match File::open(path) {
            Ok(file) => Self::read(file),
            Err(e) if e.kind() == ErrorKind::NotFound => {
                let text = Self::fresh_text(entropy);
                if let Some(dir) = path.parent().filter(|d| !d.as_os_str().is_empty()) {
                    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
                }
                // `create_new`: of two servers that start at once, one makes it and the other reads it.
                match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
                    Ok(mut file) => {
                        file.write_all(text.as_bytes())?;
                        file.sync_all()?;
                        Self::parse(&text)
                    }
                    Err(e) if e.kind() == ErrorKind::AlreadyExists => Self::read(File::open(path)?),
                    Err(e) => Err(e.into()),
                }
            }
            Err(e) => Err(e.into()),
        }
    }

    /// What the file holds, if nobody else can read it: this very file, not one that took its name meanwhile.
    fn read(mut file: File) -> Result<Self, KeyringError> {
        use std::{io::Read as _, os::unix::fs::PermissionsExt};
        let mode = file.metadata()?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyringError::TooOpen(mode));
        }
        let mut text = Zeroizing::new(String::new());
        file.read_to_string(&mut text)?;
        Self::parse(&text)
    }

    /// A keyring of one new key, kept nowhere.
    ///
    /// # Errors
    /// None in practice: the text that is parsed was made here.
    pub fn ephemeral(entropy: &dyn Entropy) -> Result<Self, KeyringError> {
        Self::parse(&Self::fresh_text(entropy))
    }

    fn fresh_text(entropy: &dyn Entropy) -> Zeroizing<String> {
        let mut key = Zeroizing::new([0_u8; 32]);
        entropy.fill(key.as_mut_slice());
        let hex = Zeroizing::new(hex::encode(key.as_slice()));
        Zeroizing::new(format!(
            "# Qonduit keyring: without it the stored Qlik keys can't be opened. Keep a copy apart from the database.\n\
             1:{}\n",
            *hex
        ))
    }

    /// Reads the text of a keyring file.
    ///
    /// # Errors
    /// [`KeyringError`] where it is malformed or empty.
    pub fn parse(text: &str) -> Result<Self, KeyringError> {
        let mut keys = BTreeMap::new();
        for (n, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let bad = || KeyringError::Line(n + 1);
            let (number, digits) = line.split_once(':').ok_or_else(bad)?;
            let number: u32 = number.trim().parse().map_err(|_| bad())?;
            let mut bytes = Zeroizing::new([0_u8; 32]);
            if hex::decode_to_slice(digits.trim(), bytes.as_mut_slice()).is_err() {
                bytes.zeroize();
                return Err(bad());
            }
            if keys.insert(number, Key(bytes)).is_some() {
                return Err(KeyringError::Twice(number));
            }
        }
        if keys.is_empty() { Err(KeyringError::Empty) } else { Ok(Self { keys }) }
    }

    /// A ring of the same numbers whose keys are for `purpose` alone: what is sealed
    /// under one of them opens under no other.
    pub(super) fn derived(&self, purpose: &'static str) -> Option<Self> {
        let derive = |key: &Key| {
            let mut bytes = Zeroizing::new([0_u8; 32]);
            let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"qonduit/1");
            let made = salt.extract(key.expose());
            let info = [purpose.as_bytes()];
            made.expand(&info, hkdf::HKDF_SHA256).ok()?.fill(bytes.as_mut_slice()).ok()?;
            Some(Key(bytes))
        };
        let keys = self.keys.iter().map(|(number, key)| Some((*number, derive(key)?)));
        Some(Self { keys: keys.collect::<Option<_>>()? })
    }

    /// The key that seals, with its number.
    pub(super) fn active(&self) -> Option<(u32, &Key)> {
        self.keys.last_key_value().map(|(n, k)| (*n, k))
    }

    pub(super) fn get(&self, number: u32) -> Option<&Key> {
        self.keys.get(&number)
    }

    /// The numbers of the keys, lowest first.
    pub fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.keys.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use qlik::env::SystemEntropy;

    use super::*;

    #[test]
    fn a_missing_file_is_made_for_its_owner_alone_and_read_again() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sub/keyring");
        let made = Keyring::open(&path, &SystemEntropy).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = Keyring::open(&path, &SystemEntropy).unwrap();
        assert_eq!(made.active().unwrap().1.expose(), again.active().unwrap().1.expose());
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keyring");
        Keyring::open(&path, &SystemEntropy).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Keyring::open(&path, &SystemEntropy), Err(KeyringError::TooOpen(0o644))));
    }

    #[test]
    fn malformed_files_name_the_line_and_not_its_content() {
        let a = "ab".repeat(32);
        assert!(matches!(Keyring::parse("# only words\n"), Err(KeyringError::Empty)));
        assert!(matches!(Keyring::parse("1:zz"), Err(KeyringError::Line(1))));
        assert!(matches!(Keyring::parse(&format!("#\nx:{a}")), Err(KeyringError::Line(2))));
        assert!(matches!(Keyring::parse(&format!("1:{a}\n1:{a}")), Err(KeyringError::Twice(1))));
        assert_eq!(Keyring::parse(&format!("1:{a}\n7:{a}")).unwrap().active().unwrap().0, 7);
    }

    #[test]
    fn debug_shows_numbers_alone() {
        let ring = Keyring::parse(&format!("3:{}", "ab".repeat(32))).unwrap();
        assert_eq!(format!("{ring:?}"), "Keyring([3])");
    }
}
