"""The secret key of a production site: made on first use, kept in a file nobody else may read."""

import os
import secrets
import tempfile
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def secret_key(default_file):
    """Return the secret key from `MYSITE_SECRET_KEY`, or from the file `MYSITE_SECRET_KEY_FILE`
    (`default_file` when unset), which is made with mode 0600 if it does not exist."""
    given = os.environ.get("MYSITE_SECRET_KEY")
    if given:
        return given
    file = Path(os.environ.get("MYSITE_SECRET_KEY_FILE") or default_file)
    try:
        if not file.exists():
            _make(file)
        key = file.read_text().strip()
    except OSError as cause:
        raise ImproperlyConfigured(
            f"The secret key file {file} cannot be used: {cause.strerror}. "
            "Set MYSITE_SECRET_KEY_FILE to a file that this user may read and write."
        ) from cause
    if not key:
        raise ImproperlyConfigured(f"The secret key file {file} is empty. Remove it and a new key is made.")
    return key


def _make(file):
    # Several workers start at once. Each writes a key of its own; the first to link
    # it wins, nobody ever reads a half-written file, and all read the same key after.
    descriptor, draft = tempfile.mkstemp(prefix=".secret-key-", dir=file.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "w") as out:
            out.write(secrets.token_urlsafe(64) + "\n")
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)
