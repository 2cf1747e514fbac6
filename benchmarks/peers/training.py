"""Trains a network in plain, eager float32 PyTorch on features in memory: python -m benchmarks.peers.training cnn."""

import argparse
import copy
from pathlib import Path

import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.peers import networks

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
EMOTIONS = ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"]
FEATURES = Path("data/features")
# Network, features, learning rate, epochs
DESIGN = {
    "cnn": (networks.CNN, "mel", 1e-3, 20),
    "lstm": (networks.LSTM, "mfcc", 1e-3, 20),
    "extractor": (networks.CNNLSTM, "mel", 3e-4, 35),
}


def balanced_weights(labels: torch.Tensor) -> torch.Tensor:
    counts = torch.bincount(labels, minlength=len(EMOTIONS))
    return len(labels) / (len(EMOTIONS) * counts.float())


def train(net: nn.Module, train_loader: DataLoader, val_loader: DataLoader, weights, lr: float, epochs: int) -> None:
    net.to(DEVICE)
    criterion = nn.CrossEntropyLoss(weight=weights.to(DEVICE))
    optimizer = torch.optim.Adam(net.parameters(), lr=lr)
    best_accuracy, best_state = -1.0, None
    for epoch in range(epochs):
        net.train()
        running_loss = 0.0
        for inputs, labels in train_loader:
            inputs, labels = inputs.to(DEVICE), labels.to(DEVICE)
            optimizer.zero_grad()
            loss = criterion(net(inputs), labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
        net.eval()
        correct = 0
        with torch.no_grad():
            for inputs, labels in val_loader:
                correct += (net(inputs.to(DEVICE)).argmax(dim=1).cpu() == labels).sum().item()
        accuracy = correct / len(val_loader.dataset)
        print(f"epoch {epoch + 1}: loss {running_loss / len(train_loader):.4f}, validation accuracy {accuracy:.4f}")
        if accuracy > best_accuracy:
            best_accuracy, best_state = accuracy, copy.deepcopy(net.state_dict())
    net.load_state_dict(best_state)


def load_weights(net: nn.Module, path: Path) -> None:
    """Take over the pipeline's AudioLSTM, whose last layer has another name; its input is not standardised."""
    state = torch.load(path, weights_only=True)
    named = {name.replace("head.1.", "fc."): value for name, value in state.items()}
    net.load_state_dict({name: value for name, value in named.items() if not name.startswith("standardize.")})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", choices=DESIGN)
    parser.add_argument("--weights", type=Path, help="go on from AudioLSTM's weights in this file of the pipeline")
    arguments = parser.parse_args()
    kind, features_name, lr, epochs = DESIGN[arguments.network]
    torch.manual_seed(42)
    splits = pd.read_csv("data/splits.csv")["split"]
    emotions = pd.read_csv("data/clips.csv")["emotion"]
    labels = torch.tensor([EMOTIONS.index(emotion) for emotion in emotions])
    features = torch.load(FEATURES / f"{features_name}.pt")["features"]
    in_train, in_val = (torch.tensor((splits == split).values) for split in ("train", "val"))
    if features_name == "mel":
        features = (features - features[in_train].mean()) / features[in_train].std()
    train_set = TensorDataset(features[in_train], labels[in_train])
    val_set = TensorDataset(features[in_val], labels[in_val])
    net = kind()
    if arguments.weights:
        load_weights(net, arguments.weights)
    train(
        net,
        DataLoader(train_set, batch_size=32, shuffle=True),
        DataLoader(val_set, batch_size=32),
        balanced_weights(labels[in_train]),
        lr,
        epochs,
    )


if __name__ == "__main__":
    main()
