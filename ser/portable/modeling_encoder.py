"""PortableEncoder for transformers."""

from .classification import SerConfig, SerForAudioClassification
from .encoder import PortableEncoder


class SerEncoderConfig(SerConfig):
    model_type = "ser-encoder"


class SerEncoderForAudioClassification(SerForAudioClassification):
    config_class = SerEncoderConfig
    network_class = PortableEncoder
