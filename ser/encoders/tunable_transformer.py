"""Encoders of transformers, other than Whisper, that can be trained: each clip is heard alone, at its own length."""

from typing import Self

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from transformers.models.wavlm.modeling_wavlm import WavLMAttention

from ser.encoders.transformer import transformer_states

PLACES = ("layers", "encoder.layers", "encoder.encoder.layer")  # of the layers: in AST, in most, in SEW-D


class TunableTransformer(nn.Module):
    """Inputs (clip, frames, bands) float32, or waveforms (clip, samples, 1), and lengths (clip,) → states, lengths.

    The states are (clip, frames, layers, width). Clips are not batched: group norm and stacked convolutions would read
    the padding in spite of masks. Batch norm keeps the averages that the encoder came with.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.encoder = model
        names = {name for name, _ in model.named_modules()}
        self._place = next(place for place in PLACES if place in names)

    @property
    def layers(self) -> nn.ModuleList:
        """The transformer's layers."""
        return self.encoder.get_submodule(self._place)

    @property
    def levels(self) -> list[list[nn.Module]]:
        """What can learn, from the input up: all that is in no layer (a norm behind the last one, too), each layer."""
        at, outside = self.encoder, []
        for name in self._place.split("."):
            outside += [part for other, part in at.named_children() if other != name]
            at = at.get_submodule(name)
        return [outside, *([layer] for layer in at)]

    @property
    def adapted(self) -> list[str]:
        """The layers' products, which get adapters, by their full names.

        Not those of WavLM's attention: torch reads their weights past any adapter.
        """
        inside = {part for layer in self.layers for part in layer.modules() if isinstance(part, nn.Linear)}
        for part in self.layers.modules():
            if isinstance(part, WavLMAttention):
                inside -= set(part.modules())
        return [name for name, part in self.encoder.named_modules() if part in inside]

    @property
    def shape(self) -> tuple[int, int]:
        """Layers of the states, and their width."""
        return len(self.layers) + 1, self.encoder.config.hidden_size

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        for part in self.modules():
            if isinstance(part, nn.modules.batchnorm._BatchNorm):
                part.eval()
        return self

    def forward(self, inputs: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        clips = []
        for clip, length in zip(inputs, lengths.tolist(), strict=True):
            values = clip[:length, 0] if clip.shape[1] == 1 else clip[:length]
            clips.append(transformer_states(self.encoder, values[None]).transpose(0, 1))
        return pad_sequence(clips, batch_first=True), torch.tensor([len(clip) for clip in clips], device=lengths.device)
