"""CompactNet and an encoder → their fused bundled form."""

from ser.bundles.building import Bundled, copy
from ser.bundles.fused import PortableFused


def build_fused(compact: Bundled, encoder: Bundled, weights: list[float], floor: float) -> Bundled:
    """Return both, at temperature 1, summed by weights; floor: the least log-probability of either."""
    settings = {"compact": compact.settings, "encoder": encoder.settings, "weights": weights, "floor": floor}
    built = PortableFused(**settings).eval()
    copy(built.compact, compact.network)
    copy(built.encoder, encoder.network)
    return Bundled(built, settings)
