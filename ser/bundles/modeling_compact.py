"""PortableCompact for transformers."""

from ser.bundles.classification import SerConfig, SerForAudioClassification
from ser.bundles.compact import PortableCompact


class SerCompactConfig(SerConfig):
    model_type = "ser-compact"


class SerCompactForAudioClassification(SerForAudioClassification):
    config_class = SerCompactConfig
    network_class = PortableCompact
