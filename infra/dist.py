"""Builds a zip of the function for each architecture, for a release: `make dist`.

The same commit and the same Rust produce the same bytes: paths of the machine are removed from the
binary, cargo-lambda links against a fixed glibc, and the zip contains no times.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "target" / "dist"
# Not the folder of `make deploy`: its flags differ, so each build would discard the other.
BUILD = ROOT / "target" / "dist-build"
CARGO_HOME = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")).resolve()

# Rust's target and cargo-lambda's flag for each of Lambda's architectures.
ARCHITECTURES = {
    "x86_64": ("x86_64-unknown-linux-gnu", "--x86-64"),
    "arm64": ("aarch64-unknown-linux-gnu", "--arm64"),
}

# That of provided.al2023.
NEWEST_GLIBC = (2, 34)


def main() -> int:
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir(parents=True)
    version = output("cargo", "pkgid", "--offline").rsplit("#", 1)[1].rsplit("@", 1)[-1].strip()
    for architecture, (target, flag) in ARCHITECTURES.items():
        library = Path(output("rustc", "--print", "target-libdir", "--target", target).strip())
        # cargo-lambda would download it.
        if not any(library.glob("libstd-*.rlib")):
            print(f"no zip for {architecture}: `rustup target add {target}`", file=sys.stderr)
            continue
        code = build(BUILD / architecture, flag)
        check(code)
        archive = DIST / f"cloud-infinite-callback-{version}-{architecture}.zip"
        pack(archive, code)
        line = f"{hashlib.sha256(archive.read_bytes()).hexdigest()}  {archive.name}"
        archive.with_name(archive.name + ".sha256").write_text(line + "\n")
        print(line, flush=True)
    return 0 if any(DIST.iterdir()) else 1


def output(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def build(folder: Path, flag: str) -> bytes:
    flags = f"--remap-path-prefix={CARGO_HOME}=/cargo --remap-path-prefix={ROOT}=/source"
    environment = {"CARGO_TARGET_DIR": str(BUILD), "RUSTFLAGS": flags, "CARGO_INCREMENTAL": "0"}
    command = ["cargo", "lambda", "build", "--release", "--locked", "--bin", "callback", flag]
    command += ["--lambda-dir", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, **environment})
    return (folder / "callback" / "bootstrap").read_bytes()


def check(code: bytes) -> None:
    """Refuses a binary that contains the machine's paths, or does not start on Lambda."""
    for place in (ROOT, CARGO_HOME, Path.home()):
        if str(place).encode() in code:
            sys.exit(f"dist.py: the binary contains the path {place}")
    versions = {(int(a), int(b)) for a, b in re.findall(rb"GLIBC_(\d+)\.(\d+)", code)}
    if not versions or max(versions) > NEWEST_GLIBC:
        sys.exit(f"dist.py: expected glibc {NEWEST_GLIBC} or older, but found {sorted(versions)}")


def pack(archive: Path, code: bytes) -> None:
    # Not compressed, since versions of zlib differ in their output.
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as out:
        text = (ROOT / "LICENSE").read_bytes()
        for name, content, mode in [("LICENSE", text, 0o644), ("bootstrap", code, 0o755)]:
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix, for the mode.
            entry.external_attr = (0o100000 | mode) << 16
            out.writestr(entry, content)


if __name__ == "__main__":
    sys.exit(main())
