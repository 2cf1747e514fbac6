"""Train CNN-LSTM and LightGBM on one fold: data/features/mel.pt → crossval/runs/<protocol>/hybrid/<fold>-<seed>.*."""

from pathlib import Path

import numpy as np
import torch

from crossval.networks import PARAMS, run_threads, train_network
from crossval.runs import Run, write_run
from stages.ser.boosting import BoostingSettings, train_boosting
from stages.ser.dataset import RAVDESS_AudioDataset, class_weights
from stages.ser.emotions import EMOTIONS
from stages.ser.errors import reporting
from stages.ser.networks.cnn_lstm import CNNLSTM
from stages.ser.params import build, read_params
from stages.train_extractor import Settings

BATCH = 64


@torch.inference_mode()
def embed(network: CNNLSTM, features: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Return the embeddings (clip, 512) of features (clip, …)."""
    network.eval()
    return torch.cat([network.embed(batch.to(device)).cpu() for batch in features.split(BATCH)])


def main() -> None:
    run = Run.from_arguments(__doc__)
    with reporting("train_hybrid"):
        settings = read_params(PARAMS, "train_lgbm") | {"seed": run.seed, "threads": run_threads()}
        settings = build(BoostingSettings, settings, "train_lgbm")
        network, result, dataset, device = train_network(
            run, CNNLSTM, Settings, "train_extractor", Path("data/features/mel.pt")
        )
        embedded = RAVDESS_AudioDataset(dataset.table, embed(network, dataset.features, device))
        parts = [embedded.part(split) for split in ("train", "val")]
        weights = class_weights(parts[0].labels, len(EMOTIONS)).numpy()
        model = train_boosting(*((part.features.numpy(), part.labels.numpy()) for part in parts), weights, settings)
        logits = torch.from_numpy(np.asarray(model.predict_proba(embedded.features.numpy(), raw_score=True)))
        write_run(run.path("hybrid"), dataset.table, logits, best_epoch=result.best_epoch, trees=model.best_iteration_)


if __name__ == "__main__":
    main()
