//! A root of the benchmark's own, and a server's certificate from it.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// The system's certificates, as Debian and Lambda's own system have them.
const SYSTEM_ROOTS: [&str; 2] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
];

/// What the function is to trust, each with the benchmark's root as its last.
pub(crate) struct Tls {
    pub(crate) server: ServerConfig,
    /// With Amazon's roots.
    pub(crate) short_list: Bundle,
    /// With the system's.
    pub(crate) system: Bundle,
}

/// A file of certificates.
pub(crate) struct Bundle {
    pub(crate) path: PathBuf,
    pub(crate) certificates: usize,
}

/// Makes the certificates with `openssl`, P-256 both.
pub(crate) fn prepare() -> Tls {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let [root, root_key, leaf, leaf_key] =
        ["root.pem", "root.key", "leaf.pem", "leaf.key"].map(|name| folder.join(name));
    make(&root, &root_key, &["-subj", "/CN=root"]);
    let issuer = [
        "-CA".as_ref(),
        root.as_os_str(),
        "-CAkey".as_ref(),
        root_key.as_os_str(),
    ];
    let names = [
        "-subj",
        "/CN=queue",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
    ];
    // No authority: rustls takes none for a server's own certificate.
    let no_authority = ["-addext", "basicConstraints=critical,CA:FALSE"];
    let options: Vec<&OsStr> = issuer
        .into_iter()
        .chain(names.iter().chain(&no_authority).map(OsStr::new))
        .collect();
    make(&leaf, &leaf_key, &options);

    let amazon = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/amazon_roots.pem");
    let system = SYSTEM_ROOTS
        .map(Path::new)
        .into_iter()
        .find(|path| path.exists());
    let system = system.expect("the system has a bundle of certificates");
    let certificate = CertificateDer::from_pem_file(&leaf).expect("openssl wrote it");
    let key = PrivateKeyDer::from_pem_file(&leaf_key).expect("openssl wrote it");
    let server = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key);
    Tls {
        server: server.expect("the key is the certificate's"),
        short_list: bundle(&amazon, &root, folder.join("short-list.pem")),
        system: bundle(system, &root, folder.join("system.pem")),
    }
}

fn make(certificate: &Path, key: &Path, options: &[impl AsRef<OsStr>]) {
    let output = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ])
        .args(["-noenc", "-days", "2", "-keyout"])
        .arg(key)
        .arg("-out")
        .arg(certificate)
        .args(options)
        .output()
        .expect("openssl is installed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "openssl makes a certificate: {errors}"
    );
}

fn bundle(roots: &Path, own: &Path, path: PathBuf) -> Bundle {
    let pem = [roots, own].map(|file| fs::read_to_string(file).expect("a file of certificates"));
    let pem = pem.join("\n");
    fs::write(&path, &pem).expect("the target folder can be written");
    Bundle {
        path,
        certificates: pem.matches("BEGIN CERTIFICATE").count(),
    }
}
