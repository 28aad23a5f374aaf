"""The command line: `qovery-secrets`, and `python -m qovery`."""
