"""PortableEncoder for transformers."""

from ser.portable.classification import SerConfig, SerForAudioClassification
from ser.portable.encoder import PortableEncoder


class SerEncoderConfig(SerConfig):
    model_type = "ser-encoder"


class SerEncoderForAudioClassification(SerForAudioClassification):
    config_class = SerEncoderConfig
    network_class = PortableEncoder
