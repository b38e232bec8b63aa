"""What somebody may have meant who named an application that is not there."""

from __future__ import annotations

import difflib
import types
from typing import Any, List

_MOST_NAMES = 5
_NAMED_AFTER_THEIR_MODULE = (type, types.FunctionType, types.BuiltinFunctionType)


def describe_callables(owner: Any, wanted: str) -> str:
    """The end of a sentence: what of ``owner`` could be called instead of ``wanted``, the most
    likely first."""
    names = _callables(owner)
    if not names:
        return "nothing in it can be called"
    alike = difflib.get_close_matches(wanted, names, n=len(names), cutoff=0.0)
    likely = sorted(alike, key=lambda name: name not in ("application", "app"))
    more = len(likely) - _MOST_NAMES
    quoted = ", ".join(f'"{name}"' for name in likely[:_MOST_NAMES])
    return f"what can be called in it: {quoted}" + (f" and {more} more" if more > 0 else "")


def _callables(owner: Any) -> List[str]:
    """Those made there, for an import of a class or function is seldom an application; where there
    are no others, these too."""
    found = {
        name: value
        for name, value in getattr(owner, "__dict__", {}).items()
        if not name.startswith("_") and callable(value)
    }
    own = [name for name, value in found.items() if not _is_from_elsewhere(value, owner)]
    return own or list(found)


def _is_from_elsewhere(value: Any, owner: Any) -> bool:
    # Its type and not isinstance(): a proxy may have nothing to stand for yet.
    if not issubclass(type(value), _NAMED_AFTER_THEIR_MODULE):
        return False
    return getattr(value, "__module__", None) != getattr(owner, "__name__", None)
