"""Tools that are not tests, each run as `python -m test.tools.NAME`."""
