"""PortableCompact for transformers."""

from .classification import SerConfig, SerForAudioClassification
from .compact import PortableCompact


class SerCompactConfig(SerConfig):
    model_type = "ser-compact"


class SerCompactForAudioClassification(SerForAudioClassification):
    config_class = SerCompactConfig
    network_class = PortableCompact
