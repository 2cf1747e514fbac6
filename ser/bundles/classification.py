"""The bundled models for transformers: what all of them share. It needs nothing but torch and transformers."""

from typing import Any

import torch
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput


class SerConfig(PretrainedConfig):
    """network: arguments of the network; further keys of config.json stay as they are."""

    def __init__(self, network: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.network = network or {}


class SerForAudioClassification(PreTrainedModel):
    """Waveforms (clip, samples) and their attention mask → logits (clip, emotions): calibrated log-probabilities."""

    main_input_name = "input_values"
    network_class: type[nn.Module]

    def __init__(self, config: SerConfig) -> None:
        super().__init__(config)
        self.network = self.network_class(**config.network)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Leave it: all numbers are in model.safetensors."""

    def forward(
        self, input_values: torch.Tensor, attention_mask: torch.Tensor | None = None, **_: Any
    ) -> SequenceClassifierOutput:
        mask = torch.ones_like(input_values) if attention_mask is None else attention_mask
        logits, _ = self.network(input_values, mask.sum(dim=1).long())
        return SequenceClassifierOutput(logits=logits)
