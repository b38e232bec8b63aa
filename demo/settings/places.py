"""Where the demo site keeps what it writes: database, secret key, error mails."""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def data_folder(site):
    """Return the folder for everything the site writes, made with mode 0700 if missing.

    `MYSITE_DATA` decides; otherwise `var` in the site's folder; where that cannot be
    written (a package installed by root), `mysite` in the user's state folder.
    """
    given = os.environ.get("MYSITE_DATA")
    if given:
        return _made(Path(given).absolute())
    beside_the_site = Path(site) / "var"
    if os.access(beside_the_site if beside_the_site.exists() else site, os.W_OK):
        return _made(beside_the_site)
    return _made(_state_folder() / "mysite")


def _state_folder():
    given = os.environ.get("XDG_STATE_HOME")
    return Path(given) if given else Path(os.path.expanduser("~")) / ".local" / "state"


def _made(folder):
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as cause:
        raise ImproperlyConfigured(
            f"The site cannot make its data folder {folder}: {cause.strerror}. "
            "Set MYSITE_DATA to a folder that this user may write."
        ) from cause
    return folder
