"""What `/metrics` counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder

from ser.service.pool import Pool

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The counters of one service."""

    def __init__(self, pool: Pool) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.answers = Counter("ser_answers", "Answers.", ["path", "status"], registry=self._registry)
        self.seconds = Histogram(
            "ser_predict_seconds", "From a request's head to its answer.", buckets=SECONDS, registry=self._registry
        )
        self.sound_s = Counter("ser_sound_seconds", "Sound that was heard.", registry=self._registry)
        for name, meaning, value in (
            ("ser_workers_ready", "Processes that hear.", lambda: pool.ready),
            ("ser_workers_replaced", "Processes that ended and were replaced.", lambda: pool.replaced),
            ("ser_requests_waiting", "Requests that wait for a process.", lambda: pool.waiting),
        ):
            Gauge(name, meaning, registry=self._registry).set_function(value)

    def write(self, accept: str) -> tuple[bytes, str]:
        """Return the text, and its media type by what the client accepts."""
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type
