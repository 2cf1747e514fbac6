"""Encoders of every family, random and small enough for tests, and a hub on this machine that serves one."""

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import h5py
import numpy as np
import torch
import torchaudio.pipelines
from torchaudio.pipelines import Wav2Vec2Bundle
from transformers import (
    ASTFeatureExtractor,
    AutoConfig,
    AutoModel,
    SeamlessM4TFeatureExtractor,
    Wav2Vec2FeatureExtractor,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)

from ser.encoders import vggish, yamnet

WIDTH, LAYERS, POSITIONS = 32, 2, 200
SHAPE = {"num_hidden_layers": LAYERS, "hidden_size": WIDTH, "num_attention_heads": 2, "intermediate_size": 48}
CONVOLUTIONS = {"conv_dim": [16] * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4}
WAVEFORM_FAMILIES = (
    "data2vec-audio",
    "hubert",
    "sew",
    "sew-d",
    "unispeech",
    "unispeech-sat",
    "wav2vec2",
    "wav2vec2-conformer",
    "wavlm",
)
FRAME_MS = {"sew": 40, "sew-d": 40, "audio-spectrogram-transformer": 100}  # of others: 20
AST_FRAMES = 106  # of 10 ms: ten patches of 160 ms, 100 ms apart
COMMIT = "0" * 40


def save_encoder(family: str, folder: Path) -> Path:
    """Leave a random encoder in the layout of Hugging Face."""
    torch.manual_seed(1)
    if family == "whisper":
        sizes = {f"{part}_{key}": value for part in ("encoder", "decoder") for key, value in _sizes().items()}
        config = WhisperConfig(
            d_model=WIDTH,
            vocab_size=8,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
            decoder_start_token_id=1,
            max_source_positions=POSITIONS,
            **sizes,
        )
        model, extractor = WhisperForConditionalGeneration(config), WhisperFeatureExtractor()
    elif family == "audio-spectrogram-transformer":
        model = AutoModel.from_config(AutoConfig.for_model(family, **SHAPE, max_length=AST_FRAMES))
        torch.nn.init.normal_(model.embeddings.position_embeddings)
        extractor = ASTFeatureExtractor(max_length=AST_FRAMES)
    elif family == "wav2vec2-bert":
        model = AutoModel.from_config(AutoConfig.for_model(family, **SHAPE))
        extractor = SeamlessM4TFeatureExtractor()
    else:
        convolutions = CONVOLUTIONS | ({"conv_dim": [16] * 13} if family.startswith("sew") else {})
        model = AutoModel.from_config(AutoConfig.for_model(family, **SHAPE, **convolutions, vocab_size=8))
        extractor = Wav2Vec2FeatureExtractor(do_normalize=family != "wavlm", return_attention_mask=False)
    model.save_pretrained(folder)
    extractor.save_pretrained(folder)
    return folder


def save_pipeline(name: str, folder: Path, monkeypatch) -> Path:
    """Have torchaudio know a small pipeline, and leave its weights, as torchaudio's server has them."""
    params = torchaudio.pipelines.WAV2VEC2_BASE._params | {
        "extractor_conv_layer_config": [(16, 10, 5), *[(16, 3, 2)] * 4, *[(16, 2, 2)] * 2],
        "encoder_embed_dim": WIDTH,
        "encoder_pos_conv_kernel": 16,
        "encoder_pos_conv_groups": 4,
        "encoder_num_layers": LAYERS,
        "encoder_num_heads": 2,
        "encoder_ff_interm_features": 48,
    }
    bundle = Wav2Vec2Bundle("tiny.pth", params, 16000, True, "Wav2Vec2")
    monkeypatch.setattr(torchaudio.pipelines, name, bundle, raising=False)
    folder.mkdir()
    torch.manual_seed(1)
    torch.save(torchaudio.models.wav2vec2_model(**params).state_dict(), folder / "tiny.pth")
    return folder


def speechlike(duration_s: float, seed: int) -> torch.Tensor:
    """A waveform of harmonics that glide, with some noise."""
    generator = torch.Generator().manual_seed(seed)
    time = torch.arange(round(16000 * duration_s)) / 16000
    phase = 2 * torch.pi * torch.cumsum((120 + 15 * seed) * (1 + 0.2 * torch.sin(5 * time)), 0) / 16000
    harmonics = sum(torch.sin(number * phase) / number for number in range(1, 12))
    return 0.1 * harmonics + 0.002 * torch.randn(len(time), generator=generator)


@contextlib.contextmanager
def serving(folder: Path, name: str) -> Iterator[str]:
    """Serve a folder as the model `name`, by what the hub's client asks for; yield the hub's address."""

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = _answer(folder, name, self.path.partition("?")[0])
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.send_header("ETag", hashlib.sha256(body or b"").hexdigest())
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body or b"")

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _answer(folder: Path, name: str, path: str) -> bytes | None:
    files = {file.name: file.read_bytes() for file in sorted(folder.iterdir())}
    if path == f"/api/models/{name}/revision/main":
        return json.dumps({"id": name, "sha": COMMIT, "siblings": [{"rfilename": file} for file in files]}).encode()
    if path == f"/api/models/{name}/tree/{COMMIT}":
        entries = [{"type": "file", "path": file, "size": len(body), "oid": COMMIT} for file, body in files.items()]
        return json.dumps(entries).encode()
    return files.get(path.removeprefix(f"/{name}/resolve/{COMMIT}/"))


def _sizes() -> dict[str, int]:
    return {"layers": LAYERS, "attention_heads": 2, "ffn_dim": 48}


def save_yamnet(folder: Path) -> Path:
    """Leave a random YAMNet in the layout of the published file."""
    random = np.random.default_rng(1)
    with h5py.File(folder / yamnet.FILE, "w") as file:
        for name, shape in yamnet.expected_shapes().items():
            spread = (2 / max(1, np.prod(shape[:-1]))) ** 0.5 if "kernel" in name else 0.1
            values = 1 + random.random(shape) if "variance" in name else spread * random.standard_normal(shape)
            file[name] = values.astype(np.float32)
    (folder / "config.json").write_text('{"model_type": "yamnet"}')
    return folder


def save_vggish(folder: Path) -> Path:
    """Leave a random VGGish in the layout of the published files; the PCA's arrays are numpy's, as there."""
    torch.manual_seed(1)
    weights = {
        name: torch.randn(shape) * (2 / torch.Size(shape[1:]).numel()) ** 0.5
        for name, shape in vggish.expected_shapes().items()
    }
    torch.save(weights, folder / vggish.FILE)
    random = np.random.default_rng(1)
    pca = {"pca_eigen_vectors": random.standard_normal((128, 128)), "pca_means": random.standard_normal((128, 1))}
    torch.save(pca, folder / vggish.PCA_FILE, _use_new_zipfile_serialization=False)
    (folder / "config.json").write_text('{"model_type": "vggish"}')
    return folder
