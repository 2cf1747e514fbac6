"""The whole experiment as one script: features on the fly in every epoch, eager float32, nothing kept between runs.

Reads data/raw, data/clips.csv and data/splits.csv; prints the scores of the three models, as JSON.
"""

import argparse
import json
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import torch
from sklearn.metrics import accuracy_score, recall_score
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from benchmarks.peers.on_the_fly import AudioDataset
from benchmarks.peers.training import DESIGN, DEVICE, EMOTIONS, balanced_weights, train

RAW = Path("data/raw")
FEATURES = Path("data/features")
HELD_OUT = ("val", "test")


class Standardized(nn.Module):
    """Scales the input by the mean and standard deviation of the training clips."""

    def __init__(self, net: nn.Module, mean: torch.Tensor, std: torch.Tensor) -> None:
        super().__init__()
        self.net, self.mean, self.std = net, mean.to(DEVICE), std.to(DEVICE)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net((x - self.mean) / self.std)

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        return self.net.embed((x - self.mean) / self.std)


def cached(rows: list[int], labels: list[int], features: str) -> TensorDataset:
    """Take the features of the pipeline, in the order of data/clips.csv, to leave out what their computation takes."""
    table = torch.load(FEATURES / f"{features}.pt", weights_only=True)["features"]
    return TensorDataset(table[rows], torch.tensor(labels))


@torch.no_grad()
def predict(function, loader: DataLoader) -> np.ndarray:
    return torch.cat([function(inputs.to(DEVICE)).cpu() for inputs, _ in loader]).numpy()


def score(actual: list[int], answer: np.ndarray) -> dict[str, float]:
    return {"accuracy": accuracy_score(actual, answer), "uar": recall_score(actual, answer, average="macro")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs-fraction", type=float, default=1.0, help="of the design's epochs, at least 2 each")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--cached", action="store_true", help="take the features from data/features")
    arguments = parser.parse_args()
    fraction = arguments.epochs_fraction
    torch.manual_seed(arguments.seed)
    torch.backends.cudnn.allow_tf32 = False  # float32 on a GPU too
    clips = pd.read_csv("data/clips.csv").merge(pd.read_csv("data/splits.csv"), on="clip")
    parts = {split: clips[clips["split"] == split] for split in ("train", *HELD_OUT)}
    labels = {split: [EMOTIONS.index(emotion) for emotion in part["emotion"]] for split, part in parts.items()}
    weights = balanced_weights(torch.tensor(labels["train"]))
    loaders, nets = {}, {}

    def dataset(split: str, features: str) -> Dataset:
        if arguments.cached:
            return cached(parts[split].index.tolist(), labels[split], features)
        return AudioDataset([RAW / path for path in parts[split]["path"]], labels[split], features)

    for name, (kind, features, lr, epochs) in DESIGN.items():
        loaders[name] = {
            split: DataLoader(dataset(split, features), batch_size=32, shuffle=split == "train") for split in parts
        }
        net = kind()
        if features == "mel":
            mels = torch.cat([inputs for inputs, _ in loaders[name]["train"]])
            net = Standardized(net, mels.mean(), mels.std())
        train(net, loaders[name]["train"], loaders[name]["val"], weights, lr, max(2, round(fraction * epochs)))
        nets[name] = net.eval()

    scores = {
        name: {split: score(labels[split], predict(nets[name], loaders[name][split]).argmax(1)) for split in HELD_OUT}
        for name in ("cnn", "lstm")
    }

    mel_loaders = loaders["extractor"]
    ordered = DataLoader(mel_loaders["train"].dataset, batch_size=32)
    x_train, x_val, x_test = (
        predict(nets["extractor"].embed, loader) for loader in (ordered, mel_loaders["val"], mel_loaders["test"])
    )
    model = lightgbm.LGBMClassifier(
        n_estimators=500,
        learning_rate=0.05,
        num_leaves=31,
        colsample_bytree=0.7,
        subsample=0.7,
        subsample_freq=1,
        reg_alpha=0.1,
        reg_lambda=0.1,
        class_weight="balanced",
        random_state=arguments.seed,
        n_jobs=0,  # OpenMP's default
        verbose=-1,
    )
    stopping = lightgbm.early_stopping(50, verbose=False)
    model.fit(x_train, labels["train"], eval_set=[(x_val, labels["val"])], callbacks=[stopping])
    scores["hybrid"] = {
        split: score(labels[split], model.predict(x)) for split, x in zip(HELD_OUT, (x_val, x_test), strict=True)
    }
    print(json.dumps(scores))


if __name__ == "__main__":
    main()
