"""A process that was just forked takes on what makes it a worker of its own."""

from __future__ import annotations

import os
from typing import NamedTuple, Optional

from runfcgi.serving import process_name
from runfcgi.wsgi.error_stream import write_stderr

from .marker import VARIABLE, MarkerPlace, MarkerUnreachable
from .messages import Descriptors


class Birth(NamedTuple):
    """What a newly forked process is to become."""

    marker: bytes
    descriptors: Descriptors


def settle(birth: Birth, place: Optional[MarkerPlace]) -> None:
    """A session, standard output and error, and a name and a mark of its own, as an executed worker
    has.

    The other descriptors stay where they are, closed on exec. Standard input is the fork server's,
    which is /dev/null. ``place`` is None when there is none to overwrite.
    """
    os.setsid()
    for descriptor, standard in ((birth.descriptors.stdout, 1), (birth.descriptors.stderr, 2)):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    os.environ[VARIABLE] = os.fsdecode(birth.marker)
    process_name.show(os.environ[VARIABLE])
    if place is not None:
        try:
            place.overwrite(birth.marker)
        except MarkerUnreachable as error:
            where = f"/proc/{os.getpid()}/environ"
            write_stderr(f"runfcgi: {VARIABLE} stays as it was in {where}: {error}\n")
