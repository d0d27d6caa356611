"""Builds the function for release, a zip for each architecture: what `make dist` does.

The same commit and the same Rust give the same bytes, wherever the clone is: the compiler is told to
forget where that is, cargo-lambda links against a glibc of its own, and nothing in a zip has a time.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "target" / "dist"
BUILD = ROOT / "target" / "dist-build"

# Rust's name, and that of cargo-lambda's flag, by Lambda's name.
ARCHITECTURES = {
    "x86_64": ("x86_64-unknown-linux-gnu", "--x86-64"),
    "arm64": ("aarch64-unknown-linux-gnu", "--arm64"),
}

# Lambda's provided.al2023 has this one.
NEWEST_GLIBC = (2, 34)

# The earliest that a zip can say.
NO_TIME = (1980, 1, 1, 0, 0, 0)


def main() -> int:
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")).resolve()
    version = package_version()
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir(parents=True)
    made = 0
    for architecture, (target, flag) in ARCHITECTURES.items():
        if not has_std(target):
            say(
                f"no {architecture}: Rust's library for {target} is missing (`rustup target add {target}`)"
            )
            continue
        binary = build(architecture, flag, home)
        check(binary, [ROOT, home, Path.home()])
        archive = DIST / f"cloud-infinite-callback-{version}-{architecture}.zip"
        pack(binary, archive)
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        archive.with_name(archive.name + ".sha256").write_text(f"{digest}  {archive.name}\n")
        print(f"{digest}  {archive.relative_to(ROOT)}", flush=True)
        made += 1
    return 0 if made else 1


def say(message: str) -> None:
    print(f"dist.py: {message}", file=sys.stderr, flush=True)


def fail(message: str) -> NoReturn:
    sys.exit(f"dist.py: {message}")


def output(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def package_version() -> str:
    metadata = json.loads(
        output("cargo", "metadata", "--locked", "--no-deps", "--format-version=1")
    )
    return metadata["packages"][0]["version"]


def has_std(target: str) -> bool:
    """Whether this Rust can build for a target; cargo-lambda would ask rustup to download what is missing."""
    folder = Path(output("rustc", "--print", "target-libdir", "--target", target).strip())
    return any(folder.glob("libstd-*.rlib"))


def build(architecture: str, flag: str, home: Path) -> Path:
    remap = [f"--remap-path-prefix={home}=/cargo", f"--remap-path-prefix={ROOT}=/source"]
    environment = {
        **os.environ,
        # The deployment's build has other flags: each would throw away what the other built.
        "CARGO_TARGET_DIR": str(BUILD),
        "RUSTFLAGS": " ".join(remap),
        "CARGO_INCREMENTAL": "0",
    }
    folder = BUILD / "lambda" / architecture
    command = ["cargo", "lambda", "build", "--release", "--locked", "--bin", "callback", flag]
    subprocess.run([*command, "--lambda-dir", str(folder)], cwd=ROOT, check=True, env=environment)
    return folder / "callback" / "bootstrap"


def check(binary: Path, places: list[Path]) -> None:
    """That it says nothing of the machine that built it, and runs on Lambda's."""
    code = binary.read_bytes()
    for place in places:
        if str(place).encode() in code:
            fail(f"{place} stands in {binary}")
    versions = {(int(a), int(b)) for a, b in re.findall(rb"GLIBC_(\d+)\.(\d+)", code)}
    if not versions or max(versions) > NEWEST_GLIBC:
        fail(
            f"expected no newer glibc than {NEWEST_GLIBC}, but found {sorted(versions)} in {binary}"
        )


def pack(binary: Path, archive: Path) -> None:
    # Stored, since the bytes of compression differ from one zlib to the next.
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as out:
        for name, file, mode in [
            ("LICENSE", ROOT / "LICENSE", 0o644),
            ("bootstrap", binary, 0o755),
        ]:
            entry = zipfile.ZipInfo(name, NO_TIME)
            entry.create_system = 3  # Unix, which alone has modes.
            entry.external_attr = (0o100000 | mode) << 16
            out.writestr(entry, file.read_bytes())


if __name__ == "__main__":
    sys.exit(main())
