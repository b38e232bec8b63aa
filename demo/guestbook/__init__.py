"""A guest book: a form, a table, a page."""
