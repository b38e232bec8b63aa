"""What ps, top and the kernel's log call a process of a pool (proc_pid_comm(5)).

A worker is ``mysite/3``, as its supervisor calls it; its fork server ``mysite/fork``, and the
reserve, which becomes the next worker, ``mysite/next``. The command line is the same for all.
"""

from __future__ import annotations

import os

# Bytes; the kernel cuts what is longer.
_SIZE = 15


def show(marker: str, role: str = "") -> None:
    """``marker`` is RUNFCGID_WORKER, ``pool/place:random``; ``role`` stands for the place. Costs
    three system calls. Without a pool, or without /proc, the name stays."""
    pool, _, place = marker.rpartition(":")[0].rpartition("/")
    if not pool:
        return
    tail = os.fsencode(f"/{role or place}")
    name = os.fsencode(pool)[: max(0, _SIZE - len(tail))] + tail
    try:
        file = os.open("/proc/self/comm", os.O_WRONLY)
    except OSError:
        return
    try:
        os.write(file, name)
    except OSError:
        pass
    finally:
        os.close(file)
