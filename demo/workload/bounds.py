"""Numbers from a query string, within bounds."""

import math


class OutOfBounds(ValueError):
    """The value is not a number of this kind, or outside its bounds; the message is for people."""


def mebibytes(text):
    """Return the size of a download in MiB, a whole number from 0 to 200."""
    return _bounded("mb", text, int, 200)


def seconds(text):
    """Return how long to wait, a number of seconds from 0 to 30."""
    return _bounded("seconds", text, float, 30)


def content_length(text):
    """Return the declared length of a body in bytes; 0 when there is none."""
    return _bounded("Content-Length", text or "0", int, math.inf)


def _bounded(name, text, kind, most):
    try:
        number = kind(text)
    except ValueError:
        number = math.nan
    if 0 <= number <= most:  # false for not-a-number
        return number
    number_word = "whole number" if kind is int else "number"
    limit = f"from 0 to {most}" if most < math.inf else "not below 0"
    raise OutOfBounds(f"{name} must be a {number_word} {limit}, not {text!r}.")
