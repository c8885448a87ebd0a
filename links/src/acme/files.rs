//! What is kept of an authority: the account, and the certificate with its key. Nobody but the owner may read them.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use super::{AcmeError, Certificate};

/// The certificate, those that vouch for it, and its key.
const CERTIFICATE: &str = "certificate.pem";
/// The account with the authority, as the library writes it, and the authority's directory.
const ACCOUNT: &str = "account.json";
/// The longest file, in octets.
const FILE_MAX: u64 = 1 << 20;

fn failed(path: PathBuf) -> impl FnOnce(io::Error) -> AcmeError {
    move |source| AcmeError::File { path, source }
}

fn read(path: PathBuf) -> Result<Option<Vec<u8>>, AcmeError> {
    let mut content = Vec::new();
    match fs::File::open(&path).and_then(|file| file.take(FILE_MAX).read_to_end(&mut content)) {
        Ok(_) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path)(error)),
    }
}

/// Writes a file whole or not at all.
fn write(dir: &Path, name: &str, content: &[u8]) -> Result<(), AcmeError> {
    let (path, fresh) = (dir.join(name), dir.join(format!("{name}.new")));
    let written = || {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        // A file that a crash has left behind may have been made by somebody with another idea of who may read it.
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&fresh, &path)
    };
    written().map_err(failed(path.clone()))
}

/// The line before a certificate that says which authority has given it. Readers of PEM pass over it.
fn origin(directory: &str) -> String {
    format!("# {directory}\n")
}

/// The certificate that was stored last, and whether the authority with this directory gave it.
pub(super) fn certificate(dir: &Path, directory: &str) -> Result<Option<(Certificate, bool)>, AcmeError> {
    let Some(pem) = read(dir.join(CERTIFICATE))? else { return Ok(None) };
    Ok(Some((Certificate::of_pem(&pem)?, pem.starts_with(origin(directory).as_bytes()))))
}

pub(super) fn keep_certificate(dir: &Path, directory: &str, pem: &str) -> Result<(), AcmeError> {
    write(dir, CERTIFICATE, (origin(directory) + pem).as_bytes())
}

/// The account, if there is one that can be read.
pub(super) fn account(dir: &Path) -> Result<Option<Vec<u8>>, AcmeError> {
    read(dir.join(ACCOUNT))
}

pub(super) fn keep_account(dir: &Path, content: &[u8]) -> Result<(), AcmeError> {
    write(dir, ACCOUNT, content)
}

/// Takes the account away, which the authority does not know any more.
pub(super) fn forget_account(dir: &Path) -> Result<(), AcmeError> {
    let path = dir.join(ACCOUNT);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn nobody_else_reads_what_is_kept() {
        let base = tempfile::tempdir().unwrap();
        let dir = base.path().join("acme");
        assert!(account(&dir).unwrap().is_none() && certificate(&dir, "https://a.example").unwrap().is_none());
        for content in [b"one".as_slice(), b"two"] {
            keep_account(&dir, content).unwrap();
            assert_eq!(account(&dir).unwrap().unwrap(), content);
        }
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&dir), mode(&dir.join(ACCOUNT))), (0o700, 0o600));
        fs::write(dir.join("account.json.new"), "left behind").unwrap();
        keep_account(&dir, b"three").unwrap();
        assert_eq!((mode(&dir.join(ACCOUNT)), fs::read_dir(&dir).unwrap().count()), (0o600, 1));
        forget_account(&dir).unwrap();
        forget_account(&dir).unwrap();
        assert!(account(&dir).unwrap().is_none());
        fs::write(dir.join(CERTIFICATE), "no certificate").unwrap();
        assert!(certificate(&dir, "https://a.example").is_err());
        let made = rcgen::generate_simple_self_signed(["desk.example".to_owned()]).unwrap();
        keep_certificate(&dir, "https://a.example", &(made.cert.pem() + &made.signing_key.serialize_pem())).unwrap();
        let is_from = |directory: &str| certificate(&dir, directory).unwrap().unwrap().1;
        assert_eq!((is_from("https://a.example"), is_from("https://a.exampl"), is_from("https://b.example")), (true, false, false));
        assert_eq!(mode(&dir.join(CERTIFICATE)), 0o600);
    }
}
