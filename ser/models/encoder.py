"""A pretrained encoder with a head, as one folder; predictions are means over copies of a recording."""

import dataclasses
import shutil
from pathlib import Path
from typing import Self

import torch

from ser.data.copies import CopiedClips
from ser.encoders.extraction import Copy, pool, to_half_precision
from ser.encoders.loading import Encode, load_encoder
from ser.encoders.tunable import load_hearing
from ser.encoders.waveforms import SAMPLE_RATE_HZ
from ser.encoders.weights import require_files
from ser.models.attentive import Attentive
from ser.models.boosted import BoostedHead
from ser.models.finetuned import Finetuned
from ser.models.logistic import LogisticHead
from ser.models.store import read_description, write_description
from ser.storage.files import replacing_folder
from ser.storage.params import build

NAME, HEAD, WEIGHTS = "encoder", "head", "encoder"
HEADS = {"logistic": LogisticHead, "lgbm": BoostedHead, "attentive": Attentive, "finetuned": Finetuned}

Head = LogisticHead | BoostedHead | Attentive | Finetuned


@dataclasses.dataclass(frozen=True)
class EncoderModel:
    """A head, and the encoder whose states it reads; a fine-tuned head holds the encoder itself.

    copies: of each recording, over which the head's log-probabilities are averaged.
    """

    head: Head
    encode: Encode
    copies: tuple[Copy, ...]

    sample_rate_hz = SAMPLE_RATE_HZ

    @torch.inference_mode()
    def logits(self, waveforms: list[torch.Tensor]) -> torch.Tensor:
        """Return (clip, emotions) of waveforms, a list of (time,) float32 at 16 kHz."""
        copies = [[self.encode(copy(waveform)) for waveform in waveforms] for copy in self.copies]
        if isinstance(self.head, Attentive | Finetuned):
            if isinstance(self.head, Attentive):
                copies = [[to_half_precision(states) for states in clips] for clips in copies]
            return self.head.logits(CopiedClips(copies, torch.zeros(len(waveforms), dtype=torch.long)))
        pooled = [torch.stack([pool(states).flatten() for states in clips]).numpy() for clips in copies]
        return torch.stack([torch.from_numpy(self.head.logits(features)) for features in pooled]).mean(dim=0)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model from its folder; ValueError names what does not fit."""
        found = read_description(folder, NAME, ("copies", "head"))
        if found["head"] not in HEADS:
            raise ValueError(f"{folder}: its head is {found['head']!r}; known are {sorted(HEADS)}")
        head = HEADS[found["head"]].load(folder / HEAD)
        encode = load_hearing(folder / HEAD) if isinstance(head, Finetuned) else load_encoder(folder / WEIGHTS)
        return cls(head, encode, tuple(build(Copy, copy, "copies", str(folder)) for copy in found["copies"]))


def save_encoder_model(head: Head, weights: Path, copies: tuple[Copy, ...], folder: Path) -> None:
    """Write a head with its encoder, from a folder of weights, as one folder, whole or not at all."""
    kind = next(name for name, known in HEADS.items() if isinstance(head, known))
    with replacing_folder(folder) as temporary:
        (temporary / HEAD).mkdir()
        if isinstance(head, Finetuned):
            head.save(temporary / HEAD, weights)
        else:
            head.save(temporary / HEAD)
            (temporary / WEIGHTS).mkdir()
            for name in require_files(weights):
                shutil.copyfile(weights / name, temporary / WEIGHTS / name)
        write_description(temporary, NAME, copies=[dataclasses.asdict(copy) for copy in copies], head=kind)
