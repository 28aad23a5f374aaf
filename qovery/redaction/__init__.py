"""Redaction: mark secrets, find them in external text, and keep them out of tracebacks."""
