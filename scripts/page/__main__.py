"""Build the page in `site/dist/`: its sources, the released model, the speech detector, npm packages by hash."""

import argparse
import hashlib
import re
import shutil
from pathlib import Path

from scripts.page import packages
from scripts.page.card import card_page
from scripts.page.detector import original, sequence_detector
from scripts.page.examples import write_examples
from scripts.projects import ROOT
from ser.storage.errors import reporting
from ser.storage.files import replacing_folder

SITE = ROOT / "site"
BUNDLE = ROOT / "release/models/compact"
CACHE = SITE / ".npm"
SOURCES = ("index.html", "style.css", "icon.svg", "*.js", "answers/*.js", "hearing/*.js", "sound/*.js", "view/*.js")
# What is taken from each package, and its name on the page
VENDORED = {
    packages.RUNTIME: {
        "dist/ort.wasm.min.mjs": "onnxruntime.js",
        "dist/ort-wasm-simd-threaded.mjs": "onnxruntime-wasm.js",
        "dist/ort-wasm-simd-threaded.wasm": "onnxruntime.wasm",
    },
    packages.WAVEFORM: {"dist/wavesurfer.esm.js": "wavesurfer.js", "dist/plugins/regions.esm.js": "regions.js"},
}
MOST_BYTES = 25_000_000
MOST_MODEL_BYTES = 3_000_000


def build(out: Path) -> int:
    """Write the page as a folder, whole or not at all, and return its size in bytes."""
    with replacing_folder(out) as folder:
        for path in sorted(path for pattern in SOURCES for path in SITE.glob(pattern)):
            target = folder / path.relative_to(SITE)
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(path, target)
        for name in ("vendor", "model", "examples"):
            (folder / name).mkdir()
        for package, names in VENDORED.items():
            for name, content in packages.read_package(package, list(names), CACHE).items():
                (folder / "vendor" / names[name]).write_bytes(content)
        for name in ("model.onnx", "config.json"):
            shutil.copyfile(BUNDLE / name, folder / "model" / name)
        detector = sequence_detector(original().read_bytes())
        (folder / "model/speech.onnx").write_bytes(detector.SerializeToString(deterministic=True))
        (folder / "card.html").write_text(card_page(BUNDLE / "README.md"), encoding="utf-8")
        (folder / "licences.txt").write_text(_licences(), encoding="utf-8")
        write_examples(folder / "examples")
        _write_hashes(folder)
        return _checked_size(folder)


def _licences() -> str:
    """Return the licences of what comes from elsewhere."""
    runtime = packages.read_package(packages.RUNTIME, ["dist/ort.wasm.min.mjs"], CACHE)["dist/ort.wasm.min.mjs"]
    holder = re.search(r"Copyright .*", runtime.decode())
    waveform = packages.read_package(packages.WAVEFORM, ["LICENSE"], CACHE)["LICENSE"].decode()
    detector = original().with_name("LICENSE.silero").read_text(encoding="utf-8")
    mit = (ROOT / "LICENSE").read_text(encoding="utf-8")
    owner = re.search(r"Copyright .*", mit)
    parts = {
        "This page": mit,
        f"{packages.RUNTIME.name} {packages.RUNTIME.version}": mit.replace(owner[0], holder[0]),
        f"{packages.WAVEFORM.name} {packages.WAVEFORM.version}": waveform,
        "Silero VAD: the weights in model/speech.onnx": detector,
    }
    return "\n\n".join(f"{title}\n{'=' * len(title)}\n\n{text.strip()}" for title, text in parts.items()) + "\n"


def _write_hashes(folder: Path) -> None:
    """Write SHA256SUMS, for `sha256sum --check`."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def _checked_size(folder: Path) -> int:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    model = (folder / "model/model.onnx").stat().st_size
    for what, found, most in (("the page", size, MOST_BYTES), ("its model", model, MOST_MODEL_BYTES)):
        if found > most:
            raise ValueError(f"{what} has {found / 1e6:.1f} MB; {most / 1e6:.0f} are allowed")
    return size


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.page", description=__doc__)
    parser.add_argument("--out", type=Path, default=SITE / "dist", help="the folder to write (default: site/dist)")
    out = parser.parse_args().out
    with reporting("page"):
        size = build(out)
        print(f"{out}: {size / 1e6:.1f} MB. Open it: python -m http.server --bind 127.0.0.1 --directory {out} 8000")


if __name__ == "__main__":
    main()
