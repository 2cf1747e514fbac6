"""PortableCompact for transformers."""

from ser.portable.classification import SerConfig, SerForAudioClassification
from ser.portable.compact import PortableCompact


class SerCompactConfig(SerConfig):
    model_type = "ser-compact"


class SerCompactForAudioClassification(SerForAudioClassification):
    config_class = SerCompactConfig
    network_class = PortableCompact
