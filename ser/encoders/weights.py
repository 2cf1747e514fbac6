"""Where an encoder's weights come from: the Hugging Face hub, torchaudio's server, or a copy of the same files."""

import json
import shutil
from pathlib import Path, PurePosixPath

import torch
from huggingface_hub import snapshot_download
from safetensors import SafetensorError, safe_open

from ser.encoders.pipelines import PREFIX, weights_name, weights_url

CONFIGS = ("config.json", "preprocessor_config.json")
SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
PATTERNS = [*CONFIGS, SINGLE, INDEX, "model-*-of-*.safetensors"]  # no pickles, no code
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack")


class WeightsError(ValueError):
    """An encoder's weights are not available, or not valid."""


def copy_weights(name: str, revision: str, source: Path | None, target: Path) -> None:
    """Write an encoder's files to the folder `target`: the same ones from a local folder as from its server.

    source: a folder with the files, or one that holds it under the last part of the name; None: download them.
    WeightsError lists all that is missing or damaged, or names both ways to the weights.
    """
    if name.startswith(PREFIX):
        _copy_pipeline(name.removeprefix(PREFIX), source, target)
        return
    folder = _download(name, revision) if source is None else find_folder(source, PurePosixPath(name).name)
    for file in require_files(folder):
        shutil.copyfile(folder / file, target / file)


def find_folder(source: Path, last: str) -> Path:
    """Return `source`, or the folder `last` in it if that is there; WeightsError if there is no such folder."""
    if not source.is_dir():
        raise WeightsError(f"ENCODER_SOURCE={source}: no such folder; expected one with {SINGLE}, or {last}/ in it")
    return source / last if (source / last).is_dir() else source


def require_files(folder: Path) -> list[str]:
    """Return the names of an encoder's files in a folder; WeightsError lists those that are missing or damaged."""
    shards = _shards(folder)
    problems = [f"{name}: missing" for name in (*CONFIGS, *shards) if not (folder / name).is_file()]
    problems += [f"{name}: damaged ({why})" for name in shards if (why := _damage(folder / name))]
    if problems:
        pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
        problems += [f"{name}: there, but a pickle or of another library, and not loaded" for name in pickles]
        listing = "\n".join(f"  {line}" for line in problems)
        raise WeightsError(f"{folder} is no encoder in the layout of Hugging Face:\n{listing}")
    return [*CONFIGS, *shards, *([INDEX] if (folder / INDEX).is_file() and SINGLE not in shards else [])]


def _shards(folder: Path) -> list[str]:
    if (folder / SINGLE).is_file() or not (folder / INDEX).is_file():
        return [SINGLE]
    try:
        names = set(json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, AttributeError) as error:
        raise WeightsError(f"{folder / INDEX}: expected a weight_map of names of files, but: {error!r}") from error
    outside = sorted(name for name in names if PurePosixPath(name).name != name)
    if outside:
        raise WeightsError(f"{folder / INDEX}: refused, for these names lead out of the folder: {outside}")
    return sorted(names)


def _damage(path: Path) -> str:
    if not path.is_file():
        return ""
    try:
        with safe_open(path, framework="pt"):
            return ""
    except SafetensorError as error:
        return str(error)


def _download(name: str, revision: str) -> Path:
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=PATTERNS))
    except (OSError, ValueError, ImportError) as error:
        # Unreachable, refused, no such model; a proxy that needs a further package. What was downloaded before is used
        raise WeightsError(both_ways(name, f"the Hugging Face hub ({name}, revision {revision})", error)) from error


def _copy_pipeline(name: str, source: Path | None, target: Path) -> None:
    file, url = weights_name(name), weights_url(name)
    if source is None:
        try:
            torch.hub.download_url_to_file(url, str(target / file))
        except OSError as error:
            raise WeightsError(both_ways(file, url, error)) from error
    else:
        found = source if source.is_file() else source / file
        if not found.is_file():
            raise WeightsError(f"ENCODER_SOURCE={source}: expected {file}, or a folder with it, as from {url}")
        shutil.copyfile(found, target / file)
    config = json.dumps({"model_type": "torchaudio", "pipeline": name}, indent=2) + "\n"
    (target / "config.json").write_text(config, encoding="utf-8")


def both_ways(what: str, server: str, error: Exception) -> str:
    """Say that a server gave no weights and why, and the two ways to get them."""
    reason = next(iter(str(error).splitlines()), type(error).__name__)
    return (
        f"no weights: {server} gave none ({reason}). Two ways to get them:\n"
        "  with a network                   they are downloaded from there; see sources.<encoder>.name in "
        "studies/encoders/params.yaml\n"
        f"  ENCODER_SOURCE=/path/to/folder   takes {what} from a copy you have"
    )
