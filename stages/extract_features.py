"""Embed every clip with the trained CNN-LSTM: models/extractor.pt, data/features/mel.pt → data/embeddings.pt."""

from pathlib import Path

import torch

from stages.ser.errors import reporting
from stages.ser.model_files import load_network
from stages.ser.networks.cnn_lstm import CNNLSTM, CNNLSTMConfig
from stages.ser.params import build, read_params
from stages.ser.runtime import RunSettings, prepare
from stages.ser.tensors import load_tensors, save_tensors

PARAMS = Path("params.yaml")
MODEL = Path("models/extractor.pt")
MEL = Path("data/features/mel.pt")
EMBEDDINGS = Path("data/embeddings.pt")
BATCH = 64


@torch.inference_mode()
def main() -> None:
    with reporting("extract_features"):
        device = prepare(build(RunSettings, read_params(PARAMS, "train"), "train"))
        network = load_network(CNNLSTM, CNNLSTMConfig, MODEL).to(device)
        mel = load_tensors(MEL, ("clips", "features"))
        embeddings = torch.cat([network.embed(batch.to(device)).cpu() for batch in mel["features"].split(BATCH)])
        save_tensors({"clips": mel["clips"], "features": embeddings}, EMBEDDINGS)


if __name__ == "__main__":
    main()
