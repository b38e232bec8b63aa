#!/usr/bin/env python3
"""The file to touch, and the script a web server starts.

Chapter 12 of the Django Book: `touch mysite.fcgi` tells the server that the code
changed. Under runfcgid this file is the trigger of the pool (`touch_reload =
"mysite.fcgi"`): touch it, and new workers take over. Its content does not matter
then, and nobody runs it.

On shared hosting the web server runs it: it serves the site with the production
settings on file descriptor 0, in one process with threads, as the book has it.
"""

import os
import sys

SITE = os.path.dirname(os.path.abspath(__file__))


def main():
    os.chdir(SITE)
    sys.path.insert(0, SITE)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings.production")
    from django.core.management import execute_from_command_line

    execute_from_command_line(["manage.py", "runfcgi", "method=threaded", "daemonize=false"])


if __name__ == "__main__":
    main()
