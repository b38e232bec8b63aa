"""The same as slow-starter.pl, for uWSGI."""
import os
import time

time.sleep(float(os.environ["START_SECONDS"]))


def application(environ, start_response):
    time.sleep(0.002)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d\n" % os.getpid()]
