"""The version of this package: read by the build, sent in `User-Agent`."""

__version__ = "2.0.0.dev0"
