"""The WSGI side (PEP 3333): one request to an environ, one response to records."""
