"""A process that was just forked takes on what makes it a worker of its own."""

from __future__ import annotations

import os
from typing import Optional

from runfcgi.serving import process_name
from runfcgi.wsgi.error_stream import write_stderr

from .marker import VARIABLE, MarkerPlace, MarkerUnreachable
from .messages import Outlets


def settle(outlets: Outlets) -> None:
    """A session, standard output and error of its own, as an executed worker has.

    The other descriptors stay where they are, closed on exec. Standard input is the fork server's,
    which is /dev/null.
    """
    os.setsid()
    for descriptor, standard in ((outlets.stdout, 1), (outlets.stderr, 2)):
        os.dup2(descriptor, standard)
        os.close(descriptor)


def take_mark(mark: bytes, place: Optional[MarkerPlace]) -> None:
    """The name in ps is made of it. ``place`` is None when there is none to overwrite."""
    os.environ[VARIABLE] = os.fsdecode(mark)
    process_name.show(os.environ[VARIABLE])
    if place is not None:
        try:
            place.overwrite(mark)
        except MarkerUnreachable as error:
            where = f"/proc/{os.getpid()}/environ"
            write_stderr(f"runfcgi: {VARIABLE} stays as it was in {where}: {error}\n")
