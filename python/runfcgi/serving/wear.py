"""After how many requests a worker is worn."""

import random


def with_jitter(max_requests: int) -> int:
    """Workers that started together must not all be replaced together: up to a tenth earlier."""
    return max_requests - random.randint(0, max_requests // 10)
