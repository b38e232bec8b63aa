"""The FastCGI 1.0 side: records, limits, and one connection. Knows nothing of WSGI."""
