"""Run a small pipeline on this processor and on emulated ones, and compare the bytes of every output.

Needs `qemu-x86_64` of qemu 9 or newer (7.2 crashes in oneDNN's LSTM; QEMU=path names another). It emulates processors
with AVX2, none with AVX-512. `--without VARIABLE` leaves out a variable of `ser/arithmetic/portable.py`, to see what it
holds.
"""

import argparse
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import networkx
from dvc.repo import Repo

from scripts.compare_locks import aligned
from scripts.demo import copy_project
from ser.storage.errors import reporting

PROCESSORS = ("Haswell", "EPYC-Rome")
NATIVE = "native"
OLDEST = 9  # major version of qemu
# The networks of the real run, on the first 0.4 s of few clips for one epoch: an emulator is some hundred times slower
SMALL = {
    "corpus.name": "synthetic",
    "synthetic.actors": 1,
    "audio.duration_s": 0.4,
    "runtime.portable": True,
    "train.threads": 1,
    "train_cnn.epochs": 1,
    "train_lstm.epochs": 1,
    "train_extractor.epochs": 1,
    "train_lgbm.threads": 1,
    "train_lgbm.estimators": 10,
    "train_compact.schedule.epochs": 1,
}
# All stages in one process: under emulation the imports take longer than the work
STAGES = """
import shlex, sys
from scripts.run import prepare, run
from ser.arithmetic.portable import CAPS
CAPS.pop({without!r}, None)
commands = [shlex.split(line)[3:] for line in sys.stdin.read().splitlines()]
prepare(commands[0][0])
for command in commands:
    print("==", *command, flush=True)
    run(command)
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="emulate", description=__doc__)
    parser.add_argument("processors", nargs="*", default=PROCESSORS, help="by qemu's names: qemu-x86_64 -cpu help")
    parser.add_argument("--without", metavar="VARIABLE", help="leave this one out")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="run in this new folder and keep it")
    arguments = parser.parse_args()
    qemu = find_emulator()
    if qemu is None:
        raise SystemExit("emulate: no qemu-x86_64 of qemu 9 or newer (Debian trixie: qemu-user); QEMU=path names one")
    with tempfile.TemporaryDirectory(prefix="emulate-") as temporary:
        folder = arguments.keep or Path(temporary)
        found = {}
        for name in (NATIVE, *arguments.processors):
            print(f"\nemulate: {name}", flush=True)
            found[name] = run_small(folder / name, emulator(qemu, name), arguments.without)
    different = differences(found)
    print("\n" + tabulate(found, different))
    sys.exit(bool(different))


def find_emulator() -> str | None:
    """Return the path of an emulator that is new enough, if there is one."""
    path = shutil.which(os.environ.get("QEMU", "qemu-x86_64"))
    shown = subprocess.run([path, "--version"], capture_output=True, text=True).stdout if path else ""
    version = re.match(r"qemu-x86_64 version (\d+)", shown)
    return path if version and int(version[1]) >= OLDEST else None


def emulator(qemu: str, processor: str) -> list[str]:
    """Return what a command is preceded by to run on a processor."""
    return [] if processor == NATIVE else [qemu, "-cpu", processor]


def run_small(project: Path, emulated: list[str], without: str | None) -> dict[str, str]:
    """Run every stage of a small copy of the project; return the MD5 of each output file by its path."""
    copy_project(project, SMALL)
    with Repo(str(project)) as repo:
        order = list(networkx.topological_sort(repo.index.graph.reverse()))
        outs = [Path(out.fs_path) for stage in order for out in stage.outs]
    command = [*emulated, str(Path(sys.executable).resolve()), "-c", STAGES.format(without=without)]
    # An emulator does not find the environment by the link that started Python
    paths = os.pathsep.join([str(project), *(path for path in sys.path if path.endswith("site-packages"))])
    environment = {**os.environ, "PYTHONPATH": paths}
    commands = "\n".join(stage.cmd for stage in order)
    ran = subprocess.run(command, cwd=project, env=environment, input=commands, text=True, stderr=subprocess.PIPE)
    if ran.returncode:
        raise SystemExit(
            f"emulate: {shlex.join(emulated) or NATIVE} ended with {ran.returncode}:\n{ran.stderr[-2000:]}"
        )
    files = [file for out in outs for file in ([out] if out.is_file() else sorted(out.rglob("*"))) if file.is_file()]
    return {file.relative_to(project).as_posix(): hashlib.md5(file.read_bytes()).hexdigest() for file in files}


def differences(found: dict[str, dict[str, str]]) -> dict[str, list[str]]:
    """Return the files that differ from the native ones or lack, by processor; those without one are left out."""
    native = found[NATIVE]
    names = {
        name: sorted(file for file in native | files if native.get(file) != files.get(file))
        for name, files in found.items()
    }
    return {name: files for name, files in names.items() if files}


def tabulate(found: dict[str, dict[str, str]], different: dict[str, list[str]]) -> str:
    """Return a row a processor: how many files are equal to the native ones, and which are not."""
    rows = [("processor", "files", "equal", "different")]
    for name, files in found.items():
        wrong = different.get(name, [])
        compared = len(found[NATIVE] | files)
        rows.append((name, str(compared), str(compared - len(wrong)), " ".join(wrong) or "–"))
    return aligned(rows)


if __name__ == "__main__":
    with reporting("emulate"):
        main()
