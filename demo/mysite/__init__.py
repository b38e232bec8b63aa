"""The site: its addresses and its WSGI application."""
