"""Benchmarks of the client against a hand-written baseline and a generated client."""
