"""Everything that knows urllib3 and sockets: one attempt at a request, from a connection to the bytes of the response.

Only values cross the boundary: a `Request` goes in, a `Response` or a `Failure` comes out. Retries are made above.
"""
