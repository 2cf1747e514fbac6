"""Embed every clip with the trained CNN-LSTM: models/extractor.pt, data/features/mel.pt → data/embeddings.pt."""

from pathlib import Path

import torch

from stages.ser.model_files import load_network
from stages.ser.networks.cnn_lstm import CNNLSTM, CNNLSTMConfig
from stages.ser.tensors import load_tensors, save_tensors

MODEL = Path("models/extractor.pt")
MEL = Path("data/features/mel.pt")
EMBEDDINGS = Path("data/embeddings.pt")
BATCH = 64


@torch.inference_mode()
def main() -> None:
    try:
        network = load_network(CNNLSTM, CNNLSTMConfig, MODEL)
        mel = load_tensors(MEL, ("clips", "features"))
    except ValueError as error:
        raise SystemExit(f"extract_features: {error}") from error
    embeddings = torch.cat([network.embed(batch) for batch in mel["features"].split(BATCH)])
    save_tensors({"clips": mel["clips"], "features": embeddings}, EMBEDDINGS)


if __name__ == "__main__":
    main()
