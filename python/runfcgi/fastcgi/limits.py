"""How much one connection may ask of a worker before it is refused."""

from typing import NamedTuple


class Limits(NamedTuple):
    """Sizes in bytes, times in seconds. Web servers stay far below each of them."""

    params_size: int = 1024 * 1024
    """All parameters of a request together; above it the answer is 431."""

    params_count: int = 2000
    """Number of parameters; above it the answer is 431."""

    head_records: int = 100_000
    """Records before a request is complete up to its body; above it the answer is 431."""

    head_timeout: float = 30.0
    """From the first byte of a request to the end of its parameters; then the answer is 408.
    Also the time a connection that never sent anything is kept."""

    io_timeout: float = 60.0
    """Waiting for the next piece of a request's body, or for room to send the next piece of
    the response; then the connection is closed."""

    linger_timeout: float = 5.0
    """After the response: waiting for the web server to close when it still has something to
    send, so that it can read the response first."""

    open_connections: int = 400
    """Connections one process keeps that are not being served; above it the idlest is closed."""
