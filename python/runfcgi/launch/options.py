"""A command line's words, read together: defaults, contradictions, and what follows from them."""

from __future__ import annotations

import difflib
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

from runfcgi.errors import OptionError
from runfcgi.parent.population import Spare

from .application import Loaded
from .words import ALIASES, WORDS


def read_words(words: Sequence[str]) -> "Options":
    """Raises OptionError, naming all that is wrong."""
    values: Dict[str, Any] = {word.name: word.default for word in WORDS}
    given: List[str] = []
    problems: List[str] = []
    for text in words:
        try:
            name, value = _read_word(text)
        except ValueError as error:
            problems.append(str(error))
            continue
        if name in given:
            problems.append(f"{name} is given twice")
        given.append(name)
        values[name] = value
    options = Options(values, frozenset(given))
    if not problems:
        problems = list(_contradictions(options))
    if problems:
        raise OptionError("; ".join(problems))
    return options


def is_help_wanted(words: Sequence[str]) -> bool:
    return any(word.lower() in ("help", "-h", "--help") for word in words)


def usage(program: str) -> str:
    lines = [f"usage: {program} KEY=VALUE…", ""]
    for word in WORDS:
        lines.append(f"  {word.name + '=':17} {word.meaning}")
    return "\n".join(lines) + "\n"


class Options:
    """The words' values; what depends on several words is worked out here.

    Times are seconds. ``is_given`` tells a default from a value that happens to be the same.
    """

    def __init__(self, values: Dict[str, Any], given: frozenset) -> None:
        self.application: Optional[str] = values["application"]
        self.project: Optional[str] = values["project"]
        self.settings: Optional[str] = values["settings"]
        self.directory: Optional[str] = values["directory"]
        self.protocol: str = values["protocol"]
        self.host: Optional[str] = values["host"]
        self.port: Optional[int] = values["port"]
        self.socket: Optional[str] = values["socket"]
        self.method: str = values["method"]
        self.maxrequests: int = values["maxrequests"]
        self.maxspare: int = values["maxspare"]
        self.minspare: int = values["minspare"]
        self.maxchildren: int = values["maxchildren"]
        self.threads: int = values["threads"]
        self.touch_reload: Optional[str] = values["touch_reload"]
        self.daemonize: Optional[bool] = values["daemonize"]
        self.pidfile: Optional[str] = values["pidfile"]
        self.workdir: str = values["workdir"]
        self.outlog: Optional[str] = values["outlog"]
        self.errlog: Optional[str] = values["errlog"]
        self.umask: Optional[int] = values["umask"]
        self.graceful_timeout: float = values["graceful_timeout"]
        self.max_memory: int = values["max_memory"]
        self.memory_measure: str = values["memory_measure"]
        self.request_timeout: float = values["request_timeout"]
        self.debug: bool = values["debug"]
        self._given = given

    def is_given(self, name: str) -> bool:
        return name in self._given

    @property
    def has_own_address(self) -> bool:
        """Is there a socket to open, rather than one on descriptor 0?"""
        return self.socket is not None or self.port is not None

    @property
    def is_threaded(self) -> bool:
        return self.method == "threaded"

    @property
    def wants_daemon(self) -> bool:
        """Unless said otherwise: in the background with an address, in the foreground without."""
        return self.has_own_address if self.daemonize is None else self.daemonize

    @property
    def thread_count(self) -> int:
        """``threads``, or ``maxchildren``, which limited the threads in Django's command."""
        if not self.is_threaded:
            return 1
        if not self.is_given("threads") and self.is_given("maxchildren"):
            return self.maxchildren
        return self.threads

    @property
    def spare(self) -> Spare:
        """How many processes; a threaded server has one. A default gives way to what was given,
        and maxchildren limits maxspare."""
        if self.is_threaded:
            return Spare(1, 1, 1)
        most = min(self.maxspare, self.maxchildren)
        return Spare(min(self.minspare, most), most, self.maxchildren)


def _read_word(text: str) -> Tuple[str, Any]:
    key, equals, raw = text.partition("=")
    name = key.lower().replace("-", "_").lstrip("_")
    name = ALIASES.get(name, name)
    word = _BY_NAME.get(name)
    if word is None:
        raise ValueError(f'unknown word "{key}"{_suggestion(name)}')
    if not equals:
        if not word.is_flag:
            raise ValueError(f"{name} needs a value: {name}=…")
        raw = "true"
    try:
        return name, word.read(raw)
    except ValueError as error:
        raise ValueError(f'{name}="{raw}": {error}') from None


def _suggestion(name: str) -> str:
    close = difflib.get_close_matches(name, _BY_NAME, 1)
    return f' (did you mean "{close[0]}"?)' if close else ' (try "help")'


def _contradictions(options: Options) -> Iterator[str]:
    if options.socket and (options.host or options.port is not None):
        yield "socket= is a Unix socket, host= and port= a TCP one: give one of them"
    elif bool(options.host) != (options.port is not None):
        yield "host= and port= go together"
    if options.daemonize and not options.has_own_address:
        yield "daemonize=true needs socket=, or host= and port=: descriptor 0 belongs to the caller"
    if options.touch_reload and options.has_own_address:
        yield "touch_reload= is for a process that a web server starts: descriptor 0, no address"
    if options.touch_reload and options.is_threaded:
        yield "touch_reload= is for one process with one request at a time: not method=threaded"
    most = min(options.maxspare, options.maxchildren)
    if options.is_given("minspare") and options.minspare > most:
        yield f"minspare={options.minspare} is more than maxspare (at most maxchildren): {most}"
    if options.is_given("threads") and not options.is_threaded:
        yield "threads= is for method=threaded"
    if options.application and (options.project or options.settings):
        yield "application= is a WSGI callable, project= and settings= are a Django project"


_BY_NAME = {word.name: word for word in WORDS}

# What to serve is decided by whoever starts the engine: a command line, or manage.py.
Loader = Callable[[Options], Loaded]
