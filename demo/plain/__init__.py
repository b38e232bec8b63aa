"""The plain site: a WSGI application on the standard library, for machines without Django.

Serve it as `plain:application` from the folder above this one.
"""

from .application import application

__all__ = ["application"]
