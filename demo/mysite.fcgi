#!/usr/bin/env python3
"""The file to touch, and the script a web server starts.

Chapter 12 of the Django Book: `touch mysite.fcgi` tells the server that the code
changed. Under runfcgid this file is the trigger of the pool (`touch_reload =
"mysite.fcgi"`): touch it, and new workers take over. Its content does not matter
then, and nobody runs it.

On shared hosting the web server runs it (Apache's mod_fcgid): it serves the site with
the production settings on file descriptor 0, in one process with one request at a time,
and leaves after its answer once this file was touched.
"""

import os
import sys

SITE = os.path.dirname(os.path.abspath(__file__))


def main():
    os.chdir(SITE)
    sys.path.insert(0, SITE)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings.production")
    from django.core.management import execute_from_command_line

    words = [f"touch_reload={os.path.abspath(__file__)}", "daemonize=false"]
    execute_from_command_line(["manage.py", "runfcgi", *words])


if __name__ == "__main__":
    main()
