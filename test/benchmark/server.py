"""A keep-alive server with canned responses: `server.py DELAY [CERTIFICATE]`. Prints its port.

Each response is sent after `DELAY` seconds. With a file of a certificate and its key the server uses TLS.
"""

import asyncio
import json
import ssl
import sys

DELAY = float(sys.argv[1])


def secret(number: int) -> dict[str, object]:
    """One secret of a mix: of ten, one is an alias, one a file, one BUILT_IN (a database), and seven are values."""
    kind = {0: "ALIAS", 1: "FILE", 2: "BUILT_IN"}.get(number % 10, "VALUE")
    built_in = kind == "BUILT_IN"
    return {
        "id": f"6d0e6b5c-5f3a-4b8e-9a3e-{number:012d}",
        "created_at": "2023-12-12T13:23:02.57335Z",
        "updated_at": "2024-01-31T08:00:59.123456Z",
        "key": f"A_KEY_OF_COMMON_LENGTH_{number}",
        "overridden_secret": None,
        "aliased_secret": {
            "id": f"6d0e6b5c-5f3a-4b8e-9a3e-{number + 7:012d}",
            "key": f"A_KEY_OF_COMMON_LENGTH_{number + 7}",
            "mount_path": "",  # a generated client rejects the null that the service sends
            "scope": "PROJECT",
            "variable_type": "VALUE",
        }
        if kind == "ALIAS"
        else None,
        "scope": "BUILT_IN" if built_in else "ENVIRONMENT",
        "variable_type": kind,
        "service_id": f"9d0e6b5c-5f3a-4b8e-9a3e-{number:012d}" if built_in else None,
        "service_name": "a database" if built_in else None,
        "service_type": "DATABASE" if built_in else None,
        "owned_by": "QOVERY",
        "description": "what this secret is for, in a few words",
        "enable_interpolation_in_file": None,
    }


def response(status: str, data: object = None) -> bytes:
    body = b"" if data is None else json.dumps(data, separators=(",", ":")).encode()
    head = f"HTTP/1.1 {status}\r\n"
    if data is not None:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def secrets(count: int) -> bytes:
    return response("200 OK", {"results": [secret(number) for number in range(count)]})


RESPONSES = {
    b"GET /environment/00000000-0000-4000-8000-000000000003/": response(
        "200 OK", {"results": [secret(n) for n in range(3)]}
    ),
    b"GET /environment/00000000-0000-4000-8000-000000010000/": response(
        "200 OK", {"results": [secret(n) for n in range(10_000)]}
    ),
    b"POST /": response("201 Created", secret(3)),
    b"DELETE /": response("204 No Content"),
}


class Connection(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        if not end or len(body) < length:
            return
        self.received = b""
        canned = next(canned for start, canned in RESPONSES.items() if head.startswith(start))
        if DELAY:
            asyncio.get_running_loop().call_later(DELAY, self.transport.write, canned)
        else:
            self.transport.write(canned)


async def main() -> None:
    context = None
    if len(sys.argv) > 2:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[2])
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
