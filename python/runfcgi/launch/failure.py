"""What is said when serving does not come about."""

from __future__ import annotations

import sys
from typing import Optional

from runfcgi.errors import LoadError, RunfcgiError, describe

from .channel import Channel


def tell_failure(error: RunfcgiError, channel: Optional[Channel]) -> int:
    """To standard error, and to the supervisor if there is one. The exit status."""
    sys.stderr.write(describe(error))
    if channel is not None:
        traceback = error.traceback if isinstance(error, LoadError) else ""
        channel.load_failed(str(error), traceback)
    return error.exit_status
