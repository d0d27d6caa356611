//! Selects the trusted root certificates for AWS endpoints.

use std::{env, fs, path::Path};

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::env::Env;

/// The environment variables for custom endpoints.
const ENDPOINTS: [&str; 3] = [
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_SQS",
    "AWS_ENDPOINT_URL_S3",
];

/// The prefixes of regions whose certificates are issued by other authorities.
const OTHER_PARTITIONS: [&str; 3] = ["cn-", "us-iso", "eu-isoe"];

/// The trusted root certificates.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Roots {
    /// Amazon's five, which are compiled in.
    Amazon,
    /// The system trust store, or what `SSL_CERT_FILE` and `SSL_CERT_DIR` name instead.
    System,
    /// The contents of the file that `AWS_CA_BUNDLE` names, in PEM.
    Bundle(Vec<u8>),
}

impl Roots {
    /// Selects the roots. Amazon's are enough for AWS, and parsing five certificates instead of the
    /// system's hundred or more shortens each cold start by a quarter. The system trust store is used
    /// if `SSL_CERT_*` is set, for custom HTTPS endpoints, and in partitions with other roots.
    pub(super) fn from_env(env: &mut Env<'_>, region: &str) -> Self {
        if let Some(file) = env.get("AWS_CA_BUNDLE") {
            let bundle = fs::read(file).unwrap_or_default();
            if !are_certificates(&bundle) {
                env.invalid("AWS_CA_BUNDLE", NOT_CERTIFICATES);
            }
            return Self::Bundle(bundle);
        }
        let is_set = |name| env.get(name).is_some();
        let is_custom_https = |name| {
            let endpoint = env.get(name);
            endpoint.is_some_and(|endpoint| endpoint.starts_with("https:"))
        };
        let uses_system = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().any(is_set)
            || ENDPOINTS.into_iter().any(is_custom_https)
            || OTHER_PARTITIONS
                .iter()
                .any(|prefix| region.starts_with(prefix));
        if !uses_system {
            return Self::Amazon;
        }
        check_system_roots(env);
        Self::System
    }
}

const NOT_CERTIFICATES: &str = "is not a file with certificates in PEM";

/// Checks `SSL_CERT_FILE` and `SSL_CERT_DIR`. The SDK reads them itself, does not trim them, and treats
/// an empty `SSL_CERT_FILE` as set. If it finds no root certificate, every call fails.
fn check_system_roots(env: &mut Env<'_>) {
    if let Some(file) = env.verbatim("SSL_CERT_FILE")
        && !has_root(Path::new(&file))
    {
        env.invalid("SSL_CERT_FILE", NOT_CERTIFICATES);
    }
    if let Some(folders) = env.verbatim("SSL_CERT_DIR")
        && !folders.is_empty()
        && !env::split_paths(&folders).any(|folder| has_root_inside(&folder))
    {
        env.invalid(
            "SSL_CERT_DIR",
            "is not a folder of files with certificates in PEM",
        );
    }
}

/// Whether a file has a certificate that is a valid root. Other content of the file does no harm.
fn has_root(file: &Path) -> bool {
    let pem = fs::read(file).unwrap_or_default();
    CertificateDer::pem_slice_iter(&pem)
        .flatten()
        .any(|found| RootCertStore::empty().add(found).is_ok())
}

fn has_root_inside(folder: &Path) -> bool {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files.into_iter().any(|file| has_root(&file.path()))
}

/// Whether this is PEM with at least one certificate, and each is a valid root: the SDK panics at an
/// invalid one.
fn are_certificates(pem: &[u8]) -> bool {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    found.is_ok_and(|found| {
        let mut roots = RootCertStore::empty();
        !found.is_empty() && found.into_iter().all(|one| roots.add(one).is_ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::config;

    const AMAZON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/amazon_roots.pem");

    #[test]
    fn ok_roots_by_endpoint() {
        let needed = [("QUEUE_URL", "https://q/1/a"), ("CALLBACK_AUTH", "none")];
        let roots =
            |variables: &[(&str, &str)]| config(&[variables, &needed].concat()).unwrap().aws.roots;
        assert_eq!(roots(&[]), Roots::Amazon);
        assert_eq!(
            roots(&[("AWS_ENDPOINT_URL", "http://localhost:1")]),
            Roots::Amazon
        );
        assert_eq!(
            roots(&[("AWS_ENDPOINT_URL_SQS", "https://localhost:1")]),
            Roots::System
        );
        assert_eq!(roots(&[("AWS_REGION", "cn-north-1")]), Roots::System);
        let file = AMAZON;
        assert_eq!(roots(&[("SSL_CERT_FILE", file)]), Roots::System);
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
        assert_eq!(roots(&[("SSL_CERT_DIR", folder)]), Roots::System);
        let bundle = Roots::Bundle(fs::read(file).unwrap());
        assert_eq!(roots(&[("AWS_CA_BUNDLE", file)]), bundle);
    }

    #[test]
    fn err_files_without_certificates() {
        let empty = pem("empty", "");
        let number = pem("number", "MDEyMw==");
        let no_text = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let with = |variable, value: &str| {
            config(&[
                ("QUEUE_URL", "https://q/1/a"),
                ("CALLBACK_AUTH", "none"),
                ("AWS_REGION", "cn-north-1"),
                (variable, value),
            ])
            .err()
            .unwrap_or_default()
        };
        let spaced = format!(" {AMAZON}");
        for (variable, files) in [
            (
                "AWS_CA_BUNDLE",
                &["/nonexistent", no_text, &empty, &number][..],
            ),
            (
                "SSL_CERT_FILE",
                &["/nonexistent", no_text, &empty, &number, &spaced, ""],
            ),
        ] {
            let expected = format!("{variable} is not a file with certificates in PEM");
            for file in files {
                assert_eq!(with(variable, file), [&*expected], "{file:?}");
            }
        }
        let expected = "SSL_CERT_DIR is not a folder of files with certificates in PEM";
        let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/format");
        for folder in ["/nonexistent", no_text, tests] {
            assert_eq!(with("SSL_CERT_DIR", folder), [expected], "{folder}");
        }
        fs::remove_file(empty).unwrap();
        fs::remove_file(number).unwrap();
    }

    /// Writes a PEM file with this content as its certificate.
    fn pem(name: &str, base64: &str) -> String {
        let file = env::temp_dir().join(format!("callback-{name}-{}.pem", std::process::id()));
        let text = format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n");
        fs::write(&file, text).unwrap();
        file.into_os_string().into_string().unwrap()
    }
}
