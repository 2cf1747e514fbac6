"""The whole experiment as one script: features on the fly in every epoch, eager float32, nothing kept between runs.

Reads data/raw, data/clips.csv and data/splits.csv; prints the test accuracies of the three models.
"""

import argparse
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader

from benchmarks.peers.on_the_fly import AudioDataset
from benchmarks.peers.training import DESIGN, EMOTIONS, balanced_weights, train

RAW = Path("data/raw")


class Standardized(nn.Module):
    """Scales the input by the mean and standard deviation of the training clips."""

    def __init__(self, net: nn.Module, mean: torch.Tensor, std: torch.Tensor) -> None:
        super().__init__()
        self.net, self.mean, self.std = net, mean, std

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net((x - self.mean) / self.std)

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        return self.net.embed((x - self.mean) / self.std)


@torch.no_grad()
def predict(function, loader: DataLoader) -> np.ndarray:
    return torch.cat([function(inputs) for inputs, _ in loader]).numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs-fraction", type=float, default=1.0, help="of the design's epochs, at least 2 each")
    fraction = parser.parse_args().epochs_fraction
    torch.manual_seed(42)
    clips = pd.read_csv("data/clips.csv").merge(pd.read_csv("data/splits.csv"), on="clip")
    parts = {split: clips[clips["split"] == split] for split in ("train", "val", "test")}
    labels = {split: [EMOTIONS.index(emotion) for emotion in part["emotion"]] for split, part in parts.items()}
    weights = balanced_weights(torch.tensor(labels["train"]))
    loaders, nets = {}, {}
    for name, (kind, features, lr, epochs) in DESIGN.items():
        loaders[name] = {
            split: DataLoader(
                AudioDataset([RAW / path for path in part["path"]], labels[split], features),
                batch_size=32,
                shuffle=split == "train",
            )
            for split, part in parts.items()
        }
        net = kind()
        if features == "mel":
            mels = torch.cat([inputs for inputs, _ in loaders[name]["train"]])
            net = Standardized(net, mels.mean(), mels.std())
        train(net, loaders[name]["train"], loaders[name]["val"], weights, lr, max(2, round(fraction * epochs)))
        nets[name] = net.eval()

    test = np.array(labels["test"])
    for name in ("cnn", "lstm"):
        predicted = predict(nets[name], loaders[name]["test"]).argmax(axis=1)
        print(f"{name}: test accuracy {(predicted == test).mean():.4f}")

    mels = loaders["extractor"]
    ordered = DataLoader(mels["train"].dataset, batch_size=32)
    x_train, x_val, x_test = (
        predict(nets["extractor"].embed, loader) for loader in (ordered, mels["val"], mels["test"])
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
        random_state=42,
        verbose=-1,
    )
    stopping = lightgbm.early_stopping(50, verbose=False)
    model.fit(x_train, labels["train"], eval_set=[(x_val, labels["val"])], callbacks=[stopping])
    print(f"hybrid: test accuracy {(model.predict(x_test) == test).mean():.4f}")


if __name__ == "__main__":
    main()
