"""Builds the packages in `target/dist/<architecture>`: `make packages`.

Each folder has the zips of both functions, the templates that refer to them, and `callbackctl`, and
is also packed as the archive of a release. An architecture without the Rust target is omitted.

The same commit and the same Rust produce the same bytes: paths of the machine are removed from the
binaries, cargo-lambda links against a fixed glibc, and the zips contain no times.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

from templates import ROOT, TEMPLATE, dump, load, without_function_url

DIST = ROOT / "target" / "dist"
# The folder differs from that of `make deploy`, whose flags are different: each build would invalidate the
# other.
BUILD = ROOT / "target" / "dist-build"
CARGO_HOME = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")).resolve()

# The Rust target and the cargo-lambda flag for each architecture of Lambda.
ARCHITECTURES = {
    "arm64": ("aarch64-unknown-linux-gnu", "--arm64"),
    "x86_64": ("x86_64-unknown-linux-gnu", "--x86-64"),
}

# Separate builds. Otherwise, cargo would compile the receiver with features that only the other programs need.
BUILDS = ["--bin callback", "--package callbackctl --package reconcile-function"]
PROGRAMS = ["callback", "callbackctl", "reconcile"]

# The glibc version of provided.al2023.
NEWEST_GLIBC = (2, 34)

EXECUTABLE = ("bootstrap", "callbackctl")


def main() -> int:
    shutil.rmtree(DIST, ignore_errors=True)
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["version"]
    for architecture, (target, flag) in ARCHITECTURES.items():
        command = ["rustc", "--print", "target-libdir", "--target", target]
        library = Path(subprocess.check_output(command, cwd=ROOT, text=True).strip())
        # Otherwise, cargo-lambda would download the target.
        if not any(library.glob("libstd-*.rlib")):
            print(
                f"no package for {architecture}: run `rustup target add {target}`", file=sys.stderr
            )
            continue
        folder = DIST / architecture
        folder.mkdir(parents=True)
        fill(folder, build(BUILD / architecture, flag))
        name = f"cloud-infinite-callback-{version}-{architecture}"
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        pack(
            DIST / f"{name}.zip",
            {f"{name}/{path.relative_to(folder)}": path.read_bytes() for path in files},
        )
    return 0 if DIST.exists() else 1


def build(folder: Path, flag: str) -> dict[str, bytes]:
    """Returns the programs by name."""
    # RUSTFLAGS would override the target CPU that cargo-lambda sets.
    paths = [f"--remap-path-prefix={CARGO_HOME}=/cargo", f"--remap-path-prefix={ROOT}=/source"]
    command = ["cargo", "lambda", "build", "--release", "--locked", flag]
    command += ["--lambda-dir", str(folder), "--config", f"build.rustflags={paths}"]
    environment = {**os.environ, "CARGO_TARGET_DIR": str(BUILD), "CARGO_INCREMENTAL": "0"}
    environment.pop("RUSTFLAGS", None)
    for selection in BUILDS:
        subprocess.run([*command, *selection.split()], cwd=ROOT, check=True, env=environment)
    programs = {name: (folder / name / "bootstrap").read_bytes() for name in PROGRAMS}
    for name, code in programs.items():
        check(name, code)
    return programs


def check(name: str, code: bytes) -> None:
    """Rejects a program that contains paths of this machine, or that requires a newer glibc than Lambda's."""
    for place in (ROOT, CARGO_HOME, Path.home()):
        if str(place).encode() in code:
            sys.exit(f"dist.py: {name} contains the path {place}")
    versions = {(int(a), int(b)) for a, b in re.findall(rb"GLIBC_(\d+)\.(\d+)", code)}
    if not versions or max(versions) > NEWEST_GLIBC:
        sys.exit(
            f"dist.py: {name} requires glibc {sorted(versions)}, but Lambda has {NEWEST_GLIBC}"
        )


def fill(folder: Path, programs: dict[str, bytes]) -> None:
    licence = {"LICENSE": (ROOT / "LICENSE").read_bytes()}
    callbackctl = {"callbackctl": programs["callbackctl"]}
    pack(folder / "callback.zip", {**licence, "bootstrap": programs["callback"]})
    pack(folder / "reconcile.zip", {**licence, "bootstrap": programs["reconcile"], **callbackctl})
    for name, content in (licence | callbackctl).items():
        (folder / name).write_bytes(content)
    (folder / "callbackctl").chmod(0o755)
    shutil.copy(ROOT / "infra" / "samconfig.toml", folder)
    shutil.copytree(ROOT / "infra" / "policies", folder / "policies")
    # The zips are for one architecture, and CodeUri cannot depend on a parameter.
    template = load(TEMPLATE)
    template["Parameters"]["Architecture"].update(Default=folder.name, AllowedValues=[folder.name])
    function = template["Resources"]["Function"]
    function["Properties"]["CodeUri"] = "callback.zip"
    del function["Metadata"]["BuildMethod"], function["Metadata"]["BuildProperties"]
    dump(template, folder / "template.yaml")
    dump(without_function_url(template), folder / "template-http-api.yaml")
    template = load(ROOT / "infra" / "reconcile.yaml")
    template["Resources"]["Function"]["Properties"]["Architectures"] = [folder.name]
    dump(template, folder / "reconcile.yaml")


def pack(archive: Path, files: dict[str, bytes]) -> None:
    # Not compressed, because the output depends on the version of zlib.
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as out:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix, for the mode.
            mode = 0o755 if name.rsplit("/")[-1] in EXECUTABLE else 0o644
            entry.external_attr = (0o100000 | mode) << 16
            out.writestr(entry, content)


if __name__ == "__main__":
    sys.exit(main())
