//! A certificate authority of this machine, for development.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use doorward_core::{Clock, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    NameConstraints, PKCS_ECDSA_P256_SHA256, date_time_ymd,
};
use thiserror::Error;

use crate::tls::{Certificate, TlsError};

/// Domains that the CA may vouch for, with everything below them. None is in public use.
const DOMAINS: &[&str] = &["localhost", "test", "internal", "home.arpa", "local"];

/// Names that every certificate has.
const ALWAYS: &[&str] = &["localhost", "127.0.0.1", "::1"];

const DAY: Duration = Duration::from_secs(86_400);
const CA_LIFE: Duration = DAY.saturating_mul(3650);
const LEAF_LIFE: Duration = DAY.saturating_mul(90);

/// A clock may be a little behind.
const EARLY: Duration = Duration::from_secs(3600);

/// The development CA could not be opened, or cannot vouch for a name.
#[derive(Debug, Error)]
pub enum LocalCaError {
    /// A file cannot be read or written.
    #[error("cannot use {path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },
    /// The CA's files are damaged or do not belong together.
    #[error("the CA in {folder} is damaged ({cause}); delete the folder to make a new one")]
    Damaged {
        /// The folder.
        folder: PathBuf,
        /// What is wrong.
        cause: TlsError,
    },
    /// The name is outside of what the CA may vouch for.
    #[error(
        "the development CA does not vouch for `{0}`: only for loopback and private addresses, \
         and names under localhost, test, internal, home.arpa and local"
    )]
    Name(String),
    /// A certificate could not be made.
    #[error("a certificate could not be made: {0}")]
    Make(#[from] rcgen::Error),
    /// A certificate that was just made cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A certificate authority whose key never leaves its folder. Its own certificate limits it to
/// names and addresses that are not in public use, so that trusting it risks little.
pub struct LocalCa {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

impl LocalCa {
    /// How long before a certificate ends a new one is to be shown: call
    /// [`LocalCa::certificate`] again at least this often.
    pub const RENEW_AFTER: Duration = DAY.saturating_mul(30);

    /// Opens the CA in a folder, making folder and CA when there is none.
    ///
    /// # Errors
    /// [`LocalCaError`] when the files cannot be used.
    pub fn open(folder: &Path, clock: &dyn Clock) -> Result<Self, LocalCaError> {
        let (certificate, key) = (folder.join(CERTIFICATE), folder.join(KEY));
        if !certificate.exists() {
            make(folder, clock.now())?;
        }
        let read = |path: &Path| fs::read(path).map_err(|cause| file(path, cause));
        let (certificate_pem, key_pem) = (read(&certificate)?, read(&key)?);
        // Tells what is wrong better than anything below, and that the two belong together.
        let damaged = |cause| LocalCaError::Damaged {
            folder: folder.to_owned(),
            cause,
        };
        Certificate::from_pem(&certificate_pem, &key_pem).map_err(damaged)?;
        let text = String::from_utf8_lossy(&key_pem);
        let bad_key = |_| damaged(TlsError::BadKey(KEY.to_owned()));
        let key = KeyPair::from_pem(&text).map_err(bad_key)?;
        Ok(Self {
            folder: folder.to_owned(),
            issuer: Issuer::new(authority(clock.now()), key),
        })
    }

    /// The file with the CA's own certificate, for clients to trust.
    #[must_use]
    pub fn certificate_file(&self) -> PathBuf {
        self.folder.join(CERTIFICATE)
    }

    /// Makes a certificate, good for 90 days, for `localhost`, the loopback addresses and `names`.
    ///
    /// # Errors
    /// [`LocalCaError::Name`] for a name that the CA may not vouch for.
    pub fn certificate<N: AsRef<str>>(
        &self,
        names: &[N],
        clock: &dyn Clock,
    ) -> Result<Certificate, LocalCaError> {
        let mut all: Vec<String> = ALWAYS.iter().map(|name| (*name).to_owned()).collect();
        for name in names.iter().map(AsRef::as_ref) {
            if !may_vouch_for(name) {
                return Err(LocalCaError::Name(name.to_owned()));
            }
            if !all.iter().any(|known| known == name) {
                all.push(name.to_owned());
            }
        }
        let mut params = CertificateParams::new(all)?;
        params.distinguished_name = named("Doorward development certificate");
        set_life(&mut params, clock.now(), LEAF_LIFE);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let leaf = params.signed_by(&key, &self.issuer)?;
        let made = Certificate::from_pem(leaf.pem().as_bytes(), key.serialize_pem().as_bytes());
        Ok(made?)
    }
}

const CERTIFICATE: &str = "ca.pem";
const KEY: &str = "ca.key";

fn file(path: &Path, cause: io::Error) -> LocalCaError {
    LocalCaError::File {
        path: path.to_owned(),
        cause,
    }
}

/// Makes a CA. The certificate is written last: without it there is no CA.
fn make(folder: &Path, now: Timestamp) -> Result<(), LocalCaError> {
    fs::create_dir_all(folder).map_err(|cause| file(folder, cause))?;
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let certificate = authority(now).self_signed(&key)?;
    write_private(&folder.join(KEY), key.serialize_pem().as_bytes())?;
    write_private(&folder.join(CERTIFICATE), certificate.pem().as_bytes())
}

/// Writes a file that only its owner can read: all of it, or nothing.
fn write_private(path: &Path, content: &[u8]) -> Result<(), LocalCaError> {
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let write = || -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut target = options.open(&temporary)?;
        target.write_all(content)?;
        target.sync_all()?;
        fs::rename(&temporary, path)
    };
    let written = write();
    if written.is_err() {
        let _gone = fs::remove_file(&temporary);
    }
    written.map_err(|cause| file(path, cause))
}

/// What the CA's own certificate says.
fn authority(now: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named("Doorward development CA");
    set_life(&mut params, now, CA_LIFE);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let domains = DOMAINS
        .iter()
        .map(|domain| GeneralSubtree::DnsName((*domain).to_owned()));
    let blocks = BLOCKS.iter().map(|(address, prefix)| {
        GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(*address, *prefix))
    });
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: domains.chain(blocks).collect(),
        excluded_subtrees: Vec::new(),
    });
    params
}

/// Addresses that the CA may vouch for: loopback and private ones.
const BLOCKS: &[(IpAddr, u8)] = &[
    (v4(127, 0), 8),
    (v4(10, 0), 8),
    (v4(172, 16), 12),
    (v4(192, 168), 16),
    (IpAddr::V6(std::net::Ipv6Addr::LOCALHOST), 128),
    (
        IpAddr::V6(std::net::Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0)),
        7,
    ),
];

const fn v4(a: u8, b: u8) -> IpAddr {
    IpAddr::V4(std::net::Ipv4Addr::new(a, b, 0, 0))
}

fn may_vouch_for(name: &str) -> bool {
    if let Ok(address) = name.parse::<IpAddr>() {
        return match address {
            IpAddr::V4(v4) => v4.is_loopback() || v4.is_private(),
            IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local(),
        };
    }
    let name = name.to_ascii_lowercase();
    DOMAINS.iter().any(|domain| {
        name.strip_suffix(domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

fn set_life(params: &mut CertificateParams, now: Timestamp, life: Duration) {
    let epoch = date_time_ymd(1970, 1, 1);
    let now = now.since(Timestamp::from_millis(0));
    params.not_before = epoch + now.saturating_sub(EARLY);
    params.not_after = epoch + now + life;
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    struct At(i64);
    impl Clock for At {
        fn now(&self) -> Timestamp {
            Timestamp::from_secs(self.0)
        }
        fn monotonic_micros(&self) -> u64 {
            0
        }
    }

    #[test]
    fn the_ca_is_made_once_and_kept_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = std::env::temp_dir().join(format!("doorward-ca-{}", std::process::id()));
        let _gone = fs::remove_dir_all(&folder);
        let ca = LocalCa::open(&folder, &At(1_700_000_000)).unwrap();
        let first = fs::read(ca.certificate_file()).unwrap();
        for name in [CERTIFICATE, KEY] {
            let mode = fs::metadata(folder.join(name))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        let again = LocalCa::open(&folder, &At(1_800_000_000)).unwrap();
        assert_eq!(fs::read(again.certificate_file()).unwrap(), first);
        again
            .certificate(&["api.test", "10.1.2.3"], &At(1_800_000_000))
            .unwrap();
        for public in ["example.com", "8.8.8.8", "evillocalhost", ""] {
            let refused = again.certificate(&[public], &At(1_800_000_000));
            assert!(matches!(refused, Err(LocalCaError::Name(_))), "{public}");
        }
        let other = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        fs::write(folder.join(KEY), other.serialize_pem()).unwrap();
        let damaged = LocalCa::open(&folder, &At(0)).err().unwrap();
        assert!(damaged.to_string().contains("does not belong"), "{damaged}");
        fs::remove_dir_all(&folder).unwrap();
    }
}
