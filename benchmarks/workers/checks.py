"""Whether both sides of a ratio do the same work: differences relative to the size of what is compared, as JSON."""

import argparse
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from benchmarks.peers import librosa_features, networks
from ser.corpora.emotions import EMOTIONS
from ser.features.audio import AudioSettings, load_waveform
from ser.networks.cnn import AudioCNN, AudioCNNConfig
from ser.networks.cnn_lstm import CNNLSTM, CNNLSTMConfig
from ser.networks.lstm import AudioLSTM, AudioLSTMConfig
from ser.storage.params import build, read_params
from ser.storage.tensors import load_tensors

FEATURES = Path("data/features")
PAIRS = {
    "cnn": (AudioCNN, AudioCNNConfig, networks.CNN, "mel"),
    "lstm": (AudioLSTM, AudioLSTMConfig, networks.LSTM, "mfcc"),
    "extractor": (CNNLSTM, CNNLSTMConfig, networks.CNNLSTM, "mel"),
}
BATCH = 8


def compare_features(theirs: Path) -> dict[str, float]:
    """Return for mel and MFCC the largest difference of a clip, in norm, from ours."""
    largest = {}
    for name in ("mel", "mfcc"):
        ours, peer = load_tensors(FEATURES / f"{name}.pt"), load_tensors(theirs / f"{name}.pt")
        assert ours["clips"] == peer["clips"]
        largest[name] = largest_of(map(difference, ours["features"], peer["features"]))
    return largest


def compare_librosa_on_our_waveforms() -> dict[str, float]:
    """The same for librosa's transforms of our waveforms, without its resampler: of every tenth clip."""
    audio = build(AudioSettings, read_params(Path("params.yaml"), "audio"), "audio")
    mel, mfcc = (load_tensors(FEATURES / f"{name}.pt")["features"] for name in ("mel", "mfcc"))
    found = {"mel": [], "mfcc": []}
    for row, path in list(enumerate(_paths()))[::10]:
        their_mel, their_mfcc = librosa_features.features(load_waveform(path, audio).numpy())
        found["mel"].append(difference(mel[row, 0], torch.from_numpy(their_mel)))
        found["mfcc"].append(difference(mfcc[row], torch.from_numpy(their_mfcc.T.copy())))
    return {name: largest_of(differences) for name, differences in found.items()}


def compare_networks(name: str) -> dict[str, float]:
    """Return the differences of logits and of all gradients: equal weights, real features, float32, no dropout."""
    ours, peer, features = equal_pair(name)
    labels = torch.arange(BATCH) % len(EMOTIONS)
    logits = [network(features) for network in (ours, peer)]
    for one in logits:
        nn.functional.cross_entropy(one, labels).backward()
    gradients = [torch.cat([p.grad.flatten() for p in network.parameters()]) for network in (ours, peer)]
    return {"logits": difference(*logits), "gradients": difference(*gradients)}


def equal_pair(name: str) -> tuple[nn.Module, nn.Module, torch.Tensor]:
    """Return our network, the peer's with the same weights, and features; training mode, without dropout."""
    ours_kind, config_kind, peer_kind, features_name = PAIRS[name]
    settings = read_params(Path("params.yaml"), f"train_{name}")
    features = load_tensors(FEATURES / f"{features_name}.pt")["features"][:BATCH]
    torch.manual_seed(0)
    config = build(config_kind, settings["network"], f"train_{name}.network")
    ours = ours_kind(config, tuple(features.shape[1:]), len(EMOTIONS), "none")
    peer = peer_kind()
    with torch.no_grad():
        for mine, their in zip(ours.parameters(), peer.parameters(), strict=True):
            their.copy_(mine)
    for module in (*dropouts(ours), *dropouts(peer)):
        module.dropout = module.p = 0.0
    return ours, peer, features


def dropouts(network: nn.Module) -> Iterator[nn.Module]:
    """Yield the layers of a network that drop something in training."""
    return (
        module
        for module in network.modules()
        if "dropout" in type(module).__name__.lower() or isinstance(module, nn.LSTM)
    )


def difference(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """Return the norm of the difference over that of ours."""
    ours, theirs = ours.double(), theirs.double()
    return ((ours - theirs).norm() / ours.norm()).item()


def largest_of(differences: Iterable[float]) -> float:
    """Return the largest, or NaN if one is NaN, which `max` may pass over."""
    return float(np.max(list(differences)))


def _paths() -> list[Path]:
    return [Path("data/raw") / path for path in pd.read_csv("data/clips.csv")["path"]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("features", "librosa", *PAIRS))
    parser.add_argument("folder", type=Path, nargs="?", help="of the peer's features")
    arguments = parser.parse_args()
    if arguments.kind == "features":
        found = compare_features(arguments.folder)
    elif arguments.kind == "librosa":
        found = compare_librosa_on_our_waveforms()
    else:
        found = compare_networks(arguments.kind)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
