"""Waiting between tries: exponential with full jitter, so that many workers do not come back in step."""

import random
from collections.abc import Iterator


def delays(base: float = 0.2, cap: float = 20.0) -> Iterator[float]:
    """Seconds to wait before each further try, without end (AWS Architecture Blog: Exponential Backoff And Jitter)."""
    bound = base
    while True:
        yield random.uniform(0, bound)  # noqa: S311 - no secret hangs on it
        bound = min(cap, bound * 2)
