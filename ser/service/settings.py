"""What `ser serve` is asked for, checked before anything is opened."""

import dataclasses
import os
import re

from ser.inference.settings import DEFAULT_MODEL

ORIGIN = re.compile(r"https?://[a-z0-9.\-]+(:[0-9]+)?|https?://\[[0-9a-f:]+\](:[0-9]+)?")
PROCESS = "/proc/self"  # what Linux tells a process of itself
# Small recordings that wait are heard four at a time, which takes a sixth less; more bring nothing
MOST_TOGETHER, SMALL = 4, 2**20  # jobs, bytes
# What a number may be: the least and the most
BOUNDS = {
    "port": (0, 65_535),
    "workers": (1, 256),
    "max_mb": (1, 4_096),
    "max_duration_s": (1, 86_400),
    "timeout_s": (1, 3_600),
    "memory_mb": (256, 65_536),
    "at_once": (1, 4_096),
    "queue": (0, 4_096),
    "connections": (8, 65_536),
}


@dataclasses.dataclass(frozen=True)
class ServeSettings:
    """A command line of `ser serve`; ValueError names what is wrong with it. Each number is explained by `--help`."""

    host: str = "127.0.0.1"
    port: int = 8000
    model: tuple[str, ...] = (DEFAULT_MODEL,)  # the first answers where a request names none
    workers: int = os.cpu_count() or 1
    page: str | None = None
    allow_origin: tuple[str, ...] = ()
    max_mb: int = 64
    max_duration_s: int = 1800
    timeout_s: int = 60
    memory_mb: int = 1024
    at_once: int = 64
    queue: int = 32
    connections: int = 512

    def __post_init__(self) -> None:
        wrong = [
            f"{_option(name)} is {value}; it may be {low} to {high}"
            for name, (low, high) in BOUNDS.items()
            if not low <= (value := getattr(self, name)) <= high
        ]
        wrong += [
            f"--allow-origin is {origin}; it is the scheme, host and port of a page, as https://example.org:8443"
            for origin in self.allow_origin
            if not ORIGIN.fullmatch(origin)
        ]
        wrong += [f"--model names {name} twice" for name in set(self.model) if self.model.count(name) > 1]
        if wrong:
            raise ValueError("; ".join(wrong))

    @property
    def max_bytes(self) -> int:
        """Of a request's body."""
        return self.max_mb * 2**20


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
