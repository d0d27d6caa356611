//! Selects the trusted root certificates for AWS endpoints.

use std::fs;

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
const OTHER_REGION_PREFIXES: [&str; 3] = ["cn-", "us-iso", "eu-isoe"];

/// The trusted root certificates.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Roots {
    /// Amazon's five root certificates, which are compiled into the binary.
    Amazon,
    /// The system trust store.
    System,
    /// The contents of the file that `AWS_CA_BUNDLE` names, in PEM.
    Bundle(Vec<u8>),
}

impl Roots {
    /// Selects the roots. Amazon's are enough for AWS, and parsing five certificates instead of the
    /// system's hundred or more shortens each cold start by a quarter. The system trust store is used for
    /// custom HTTPS endpoints, and in partitions with other roots.
    pub(super) fn from_env(env: &mut Env<'_>, region: &str) -> Self {
        if let Some(file) = env.get("AWS_CA_BUNDLE") {
            let bundle = fs::read(file).unwrap_or_default();
            if !are_certificates(&bundle) {
                env.report_invalid("AWS_CA_BUNDLE", "is not a file with certificates in PEM");
            }
            return Self::Bundle(bundle);
        }
        let is_custom_https = |name| {
            let endpoint = env.get(name);
            endpoint.is_some_and(|endpoint| endpoint.to_ascii_lowercase().starts_with("https:"))
        };
        let has_other_roots = |prefix: &str| region.starts_with(prefix);
        let uses_system = ENDPOINTS.into_iter().any(is_custom_https)
            || OTHER_REGION_PREFIXES.into_iter().any(has_other_roots);
        if !uses_system {
            return Self::Amazon;
        }
        // The SDK would panic if one of them is wrong.
        for variable in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
            if env.get(variable).is_some() {
                env.report_invalid(variable, "is not supported; set AWS_CA_BUNDLE instead");
            }
        }
        Self::System
    }
}

/// Returns whether this is PEM with at least one certificate, and each is a valid root: the SDK panics at an
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
            roots(&[("AWS_ENDPOINT_URL_SQS", "HTTPS://localhost:1")]),
            Roots::System
        );
        assert_eq!(roots(&[("AWS_REGION", "cn-north-1")]), Roots::System);
        let system = [("AWS_REGION", "cn-north-1"), ("SSL_CERT_FILE", AMAZON)];
        let errors = config(&[&system[..], &needed].concat()).err().unwrap();
        assert_eq!(
            errors,
            ["SSL_CERT_FILE is not supported; set AWS_CA_BUNDLE instead"]
        );
        let bundle = Roots::Bundle(fs::read(AMAZON).unwrap());
        assert_eq!(roots(&[("AWS_CA_BUNDLE", AMAZON)]), bundle);
    }

    #[test]
    fn err_bundles_without_certificates() {
        let no_certificate = std::env::temp_dir().join(format!("roots-{}.pem", std::process::id()));
        let pem = "-----BEGIN CERTIFICATE-----\nMDEyMw==\n-----END CERTIFICATE-----\n";
        fs::write(&no_certificate, pem).unwrap();
        let no_pem = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        for file in ["/nonexistent", no_pem, no_certificate.to_str().unwrap()] {
            let config = config(&[
                ("QUEUE_URL", "https://q/1/a"),
                ("CALLBACK_AUTH", "none"),
                ("AWS_CA_BUNDLE", file),
            ]);
            let expected = "AWS_CA_BUNDLE is not a file with certificates in PEM";
            assert_eq!(config.err().unwrap(), [expected], "{file}");
        }
        fs::remove_file(no_certificate).unwrap();
    }
}
