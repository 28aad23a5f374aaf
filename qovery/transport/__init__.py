"""The HTTP transport: one attempt at a request. Only this package uses urllib3's connections and sockets.

Only values cross the boundary: a `Request` goes in, a `Response` or a `Failure` comes out. The caller does the retries.
"""
