"""The bounds of every number in a params file, by the name of its key.

They keep out slips of the keyboard, and what no machine can run: 100000 threads end LightGBM in a segmentation fault.
What a setting allows beside others of its section, its dataclass checks.
"""

from collections.abc import Iterator
from typing import Any

Bounds = tuple[float, float]  # both allowed

SHARE: Bounds = (0.0, 1.0)
SEED: Bounds = (0, 2**31 - 1)  # LightGBM takes no larger one
FOLD: Bounds = (1, 24)
OTHER: Bounds = (-1e9, 1e9)  # of a name that is not listed

BOUNDS: dict[str, Bounds] = {
    # Runs
    "seed": SEED,
    "seeds": SEED,
    "sampler_seed": SEED,
    "threads": (1, 1024),
    # Corpora and splits
    "actors": (1, 24),
    "val_fraction": SHARE,
    "test_fraction": SHARE,
    "val_speakers": (2, 22),
    "repeats": (1, 1000),
    "groups": (2, 24),
    **dict.fromkeys(("folds", "luna", "emobox", "loso"), FOLD),
    "stratified": (1, 1000),
    # Waveforms and features
    "sample_rate_hz": (1000, 192_000),
    "duration_s": (0.1, 60.0),
    "n_fft": (16, 65_536),
    "hop_samples": (1, 65_536),
    "n_mels": (1, 512),
    "n_mfcc": (1, 512),
    "top_db": (0.0, 300.0),
    "trim_db": (0.0, 300.0),
    "speeds": (1, 100),
    "layer": (0, 1000),
    # Augmentation
    **dict.fromkeys(("speed", "frequency_warp", "noise_fraction", "time_mask_fraction"), SHARE),
    "shift_frames": (0, 10_000),
    "gain_db": (0.0, 100.0),
    "tilt_db": (0.0, 100.0),
    "noise_snr_db": (0.0, 200.0),
    "masks": (0, 100),
    "band_mask": (0, 512),
    "mixup": (0.0, 100.0),
    # Networks
    **dict.fromkeys(("channels", "front", "hidden"), (1, 8192)),
    **dict.fromkeys(("width", "lstm_hidden"), (0, 8192)),  # 0: none
    **dict.fromkeys(("kernel", "kernels"), (1, 255)),
    "dilations": (1, 1024),
    **dict.fromkeys(("layers", "lstm_layers", "last_layers"), (1, 100)),
    "heads": (1, 1024),
    **dict.fromkeys(("dropout", "lstm_dropout", "head_dropout", "frame_dropout"), SHARE),
    "rank": (1, 1024),
    "alpha": (0.0, 1e4),
    # Trainings
    "epochs": (1, 100_000),
    "batch_size": (2, 65_536),
    **dict.fromkeys(("learning_rate", "peak_learning_rate", "encoder_learning_rate"), SHARE),
    **dict.fromkeys(("warmup_fraction", "label_smoothing", "averaging_decay", "layer_decay"), SHARE),
    "weight_decay": (0.0, 100.0),
    "gradient_norm": (0.0, 1e6),
    "batch_norm_clips": (0, 1_000_000),
    # LightGBM and logistic regression
    "estimators": (1, 100_000),
    "patience": (1, 100_000),
    "leaves": (2, 131_072),  # LightGBM's own limit
    "column_fraction": SHARE,
    "row_fraction": SHARE,
    "row_interval": (1, 100_000),
    "l1": (0.0, 1e6),
    "l2": (0.0, 1e6),
    "inverse_penalty": (0.0, 1e9),
    "iterations": (1, 1_000_000),
    # Search of hyperparameters; low, high and step have the bounds of the key that they are of
    "startup_trials": (1, 100_000),
    "kept_percent": (0.0, 100.0),
    # Simulated branch
    "uar": SHARE,
    "missing": SHARE,
}


def breaches(params: Any, key: str = "") -> Iterator[str]:
    """Say of each number that is out of its bounds, or not finite, what it is and what is allowed."""
    if isinstance(params, dict):
        for name, value in params.items():
            yield from breaches(value, f"{key}.{name}" if key else f"{name}")
    elif isinstance(params, list):
        for value in params:
            yield from breaches(value, key)
    elif isinstance(params, int | float) and not isinstance(params, bool):
        low, high = bounds_of(key)
        if not low <= params <= high:
            yield f"{key} is {params!r}; allowed: {low} to {high}"


def bounds_of(key: str) -> Bounds:
    """Return the bounds of a key by the innermost of its names that has any: `threads.compact` is one of threads."""
    return next((BOUNDS[name] for name in reversed(key.split(".")) if name in BOUNDS), OTHER)
