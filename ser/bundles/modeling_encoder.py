"""PortableEncoder for transformers."""

from ser.bundles.classification import SerConfig, SerForAudioClassification
from ser.bundles.encoder import PortableEncoder


class SerEncoderConfig(SerConfig):
    model_type = "ser-encoder"


class SerEncoderForAudioClassification(SerForAudioClassification):
    config_class = SerEncoderConfig
    network_class = PortableEncoder
