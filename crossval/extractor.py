"""CNN-LSTM on one fold, as the hybrids' extractor."""

from pathlib import Path

import pandas as pd
import torch

from crossval.networks import train_network
from stages.ser.networks.cnn_lstm import CNNLSTM
from stages.train_extractor import Settings

MEL = Path("data/features/mel.pt")
BATCH = 64


def train_and_embed(clips: pd.DataFrame, seed: int) -> tuple[torch.Tensor, int]:
    """Train on the split train; return the embeddings (clip, 512) of all clips, and the epoch that was kept."""
    network, result, dataset, device = train_network(clips, seed, CNNLSTM, Settings, "train_extractor", MEL)
    return embed(network, dataset.features, device), result.best_epoch


@torch.inference_mode()
def embed(network: CNNLSTM, features: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Return the embeddings (clip, 512) of features (clip, …)."""
    network.eval()
    return torch.cat([network.embed(batch.to(device)).cpu() for batch in features.split(BATCH)])
