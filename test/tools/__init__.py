"""Tools that are no tests, each run as `python -m test.tools.NAME`."""
