"""Starts things while it is loaded: a thread, a program that ends soon, one that goes on."""

import subprocess
import threading

from plain_site import application  # noqa: F401

threading.Thread(target=threading.Event().wait, name="refresher", daemon=True).start()
subprocess.Popen(["true"])
subprocess.Popen(["cat"], stdin=subprocess.PIPE)
