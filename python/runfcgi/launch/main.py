"""The story: read the words, load the application, open the socket, serve, clean up."""

from __future__ import annotations

import os
import signal
import sys
from typing import Optional, Sequence

from runfcgi.errors import OptionError, RunfcgiError

from .application import Loaded, load_application
from .channel import Channel
from .django_project import load_project
from .failure import tell_failure
from .fork_server import serve_forks
from .handed import take_channel, take_is_fork_server
from .options import Loader, Options, is_help_wanted, read_words, usage
from .standalone import serve_standalone
from .supervised import serve_supervised


def main(words: Sequence[str]) -> int:
    """``python -m runfcgi``: the exit status.

    0 stopped as told; 1 the application did not load, or requests were cut at the deadline;
    70 an error of ours; 73 socket or pidfile not to be had; 78 wrong words; 128 and the signal's
    number after a second signal or SIGQUIT.
    """
    return launch(words, _load, "python -m runfcgi")


def launch(words: Sequence[str], load: Loader, program: str) -> int:
    """Serve what ``load`` loads, as ``words`` say. Prints every error; never raises one."""
    if is_help_wanted(words):
        sys.stdout.write(usage(program))
        return 0
    channel: Optional[Channel] = None
    try:
        channel = take_channel(os.environ)
        serve = serve_forks if take_is_fork_server(os.environ) else serve_supervised
        options = read_words(words)
        if channel is not None:
            return serve(options, load, channel)
        return serve_standalone(options, load)
    except RunfcgiError as error:
        return tell_failure(error, channel)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT  # before anything was served; afterwards INT is a graceful stop


def _load(options: Options) -> Loaded:
    if options.application:
        return load_application(options.application, options.directory)
    if options.project or options.settings:
        return load_project(options.project or options.directory, options.settings)
    raise OptionError(
        "nothing to serve: give application=module:name, or project=DIR and settings=MODULE"
        ' (try "help")'
    )
