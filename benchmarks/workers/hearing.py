"""Hears clips with a bundle (ours), or one at a time with a trained model through PyTorch (theirs); prints the time."""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="folder of a bundle, or of a model that was trained")
    parser.add_argument("clips", nargs="+", help="paths, or @ and a file with their list")
    arguments = parser.parse_args()
    [first] = arguments.clips[:1]
    listed = Path(first[1:]).read_text(encoding="utf-8").splitlines() if first.startswith("@") else arguments.clips
    hear = open_bundle(arguments.model) if (arguments.model / "model.onnx").exists() else open_trained(arguments.model)
    started = time.perf_counter()
    rows = hear([Path(path) for path in listed])
    print(json.dumps({"work_s": time.perf_counter() - started, "rows": rows}))


def open_bundle(folder: Path) -> Callable[[list[Path]], int]:
    """Return what hears clips as `ser predict` does."""
    from ser.inference.bundles import read_bundle
    from ser.inference.hearing import HearingSettings, hear_files

    bundle = read_bundle(folder)
    _ = bundle.session
    return lambda paths: len(list(hear_files(paths, bundle, HearingSettings())))


def open_trained(folder: Path) -> Callable[[list[Path]], int]:
    """Return what hears clips one at a time with PyTorch on one core."""
    import soundfile
    import torch

    from ser.models.loading import load_model

    torch.set_num_threads(1)
    model = load_model(folder)

    def hear(paths: list[Path]) -> int:
        for path in paths:
            waveform, rate_hz = soundfile.read(path)
            model.predict([waveform], [rate_hz])
        return len(paths)

    return hear


if __name__ == "__main__":
    main()
