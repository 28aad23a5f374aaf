"""Hostile JSON: any response takes at most a small multiple of `max_response_size` in memory."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from qovery import ApiDecodeError
from test.support import NIGHTLY, PATIENCE, ROOT
from test.support.calls import CALLS
from test.support.clients import Connect
from test.support.hostile import HostileServer, http_response, read, respond, send
from test.support.recording import SECRET, Received, RecordingServer, Response

LIMIT = 5 * 1024 * 1024  # a multiple of the 256 KiB that an error keeps of the body

#: What a response may take in memory, in bytes: eight times the limit for its values, and its body while it is read.
ALLOWED = 10 * LIMIT

#: The sizes with the highest memory use: the largest body, and the largest that is not checked beforehand.
SIZES = [LIMIT // part for part in (1, 2, 4, 8, 16, 31, 33)] if NIGHTLY else [LIMIT, LIMIT // 33]

MINIMAL = '{"id": "", "created_at": 0, "key": "", "scope": ""%s}'


def numbered(item: str) -> Iterator[str]:
    """Distinct items: no two of them share a key or a value."""
    return (item % f"{number:x}" for number in itertools.count(4096))


#: The item that fills a list of secrets, an unknown field, or an object of unknown fields up to its size.
IN_A_LIST = {
    "empty lists": "[]",
    "empty objects": "{}",
    "lists in lists": "[" * 100 + "]" * 100,
    "objects in objects": '{"":' * 90 + "0" + "}" * 90,
    "lists of one": "[0]",
    "lists of nine": "[0,0,0,0,0,0,0,0,0]",
    "objects of one": '{"":0}',
    "objects of lists": '{"":[]}',
    "objects of eleven": json.dumps(dict.fromkeys("abcdefghijk", 0)),
    "integers": "4096",
    "long integers": "9" * 4000,
    "integers of 20 digits": "9" * 20,
    "floats": "1e9",
    "texts": '"a"',
    "wide texts": '"\U0001f600"',
    "long wide texts": '"\U0001f600' + "a" * 60 + '"',
    "escaped texts": r'"\ud83d\ude00aaaaaaaa"',
    "nulls": "null",
}
AS_FIELDS = {
    "fields": '"%s":0',
    "fields of lists": '"%s":[[]]',
    "escaped fields": r'"\n%s":0',
    "wide fields": '"\U0001f600%s":0',
    "long fields": '"' + "a" * 60 + '%s":0',
    "fields of NaN": '"%s":NaN',
}
AS_SECRETS = {
    "numbers for secrets": "0",
    "objects for secrets": "{}",
    "minimal secrets": MINIMAL % "",
    "secrets with unknown enum members": (MINIMAL % ',"variable_type":""').replace('""', '"\xe9"'),
    "secrets with odd times": MINIMAL.replace("0", '"2023-12-12 13:23"') % ',"updated_at":"2023-12-12 13:23"',
    "secrets with fields": MINIMAL % "".join(f',"{name}":0' for name in "abcdefg"),
    "secrets": json.dumps(SECRET),
}


def body(shape: str, size: int) -> bytes:
    """JSON of this shape and about this size."""
    if shape in AS_FIELDS:
        items, start, end = numbered(AS_FIELDS[shape]), '{"results":[],', "}"
    else:
        items = itertools.repeat(AS_SECRETS.get(shape) or IN_A_LIST[shape])
        start, end = ('{"results":[' if shape in AS_SECRETS else '{"results":[],"x":['), "]}"
    parts, length = [], len(start) + len(end)
    for item in items:
        length += len(item.encode()) + 1
        if length > size:
            return (start + ",".join(parts) + end).encode()
        parts.append(item)
    raise AssertionError("they never end")


#: Lists secrets of every size that its server sends, and prints the memory that each took.
MEASURING = """
import gc, sys
from qovery import ApiClient, ApiDecodeError, Configuration, EnvironmentSecretApi

def memory(name):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(name))

limit, sizes = int(sys.argv[2]), sys.argv[3].split(",")
api = EnvironmentSecretApi(ApiClient(Configuration(host=sys.argv[1], access_token="t", max_response_size=limit)))
api.list_environment_secrets("warm-up")
for shape in sys.argv[4:]:
    for size in sizes:
        gc.collect()
        before = memory("VmRSS")
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # resets the peak to the present size
        try:
            api.list_environment_secrets(f"{shape}-{size}")
        except ApiDecodeError as error:
            assert len(str(error)) < 5000, len(str(error))
            del error
        print(f"{memory('VmHWM') - before} {shape}, {size} bytes")
"""


@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="the system does not tell how much memory is used"
)
@pytest.mark.parametrize("shapes", [IN_A_LIST, AS_FIELDS, AS_SECRETS], ids=["in a list", "as fields", "as secrets"])
def test_memory__of_any_json(shapes: dict[str, str]) -> None:
    """The values of any JSON take less than eight times `max_response_size`, and the error text is short."""

    def reply(received: Received) -> Response:
        environment = received.target.split("/")[2].replace("%20", " ")
        shape, _, size = environment.rpartition("-")
        return Response(200, body(shape, int(size)) if shape in shapes else {"results": []})

    with RecordingServer(reply) as server:
        run = subprocess.run(
            [sys.executable, "-c", MEASURING, server.url, str(LIMIT), ",".join(map(str, SIZES)), *shapes],
            cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=True,
        )  # fmt: skip
    taken = [line.partition(" ")[::2] for line in run.stdout.splitlines()]
    assert len(taken) == len(SIZES) * len(shapes)
    assert [(used, shape) for used, shape in taken if int(used) > ALLOWED] == []


def chunks(data: bytes, size: int) -> bytes:
    """A chunked body."""
    parts = (data[start : start + size] for start in range(0, len(data), size))
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="the system does not tell how much memory is used"
)
@pytest.mark.parametrize("size", [2, 1000])
def test_memory__of_tiny_chunks(size: int) -> None:
    """A chunked body takes no more memory than the same body in one piece."""
    limit = 2 * 1024 * 1024
    raw = chunks(b'{"results": []}'.ljust(limit), size)
    large = http_response(200, raw, "Transfer-Encoding: chunked", "Connection: close")
    with HostileServer(
        list(respond(http_response(200, '{"results": []}', "Connection: close"))), [read, send(large)]
    ) as server:
        run = subprocess.run(
            [sys.executable, "-c", MEASURING, server.url, str(limit), "0", "x"],
            cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=True,
        )  # fmt: skip
    (taken,) = (int(line.partition(" ")[0]) for line in run.stdout.splitlines())
    assert taken < 8 * limit  # all chunks together would take twenty times the limit


def test_large_list__of_real_secrets(connect: Connect) -> None:
    """A list of 10,000 secrets fits into the default, twice over."""
    secret = json.dumps({**SECRET, "description": "d" * 30})
    data = f'{{"results": [{", ".join([secret] * 10_000)}]}}'
    with HostileServer(list(respond(http_response(200, data)))) as server:
        assert len(CALLS["list"](connect(server)).results) == 10_000
    assert 4_000_000 < len(data) < 8_000_000


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_number__that_is_no_json(connect: Connect, number: str) -> None:
    """A number that is not JSON is a decode error; the same word in a string is accepted."""
    data = f'{{"results": [], "x": {{"y": [{number}]}}}}'
    with HostileServer(
        list(respond(http_response(200, data), http_response(200, data.replace(number, f'"{number}"'))))
    ) as server:
        api = connect(server)
        with pytest.raises(ApiDecodeError):
            CALLS["list"](api)
        assert CALLS["list"](api).results == []


@pytest.mark.parametrize("item", ["{}", "5", '{"id": 5}', "null"])
def test_bad_items__only_the_first_is_described(connect: Connect, item: str) -> None:
    """The error describes only the first invalid item, not each of a thousand."""
    data = f'{{"results": [{", ".join([item] * 1000)}]}}'
    with HostileServer(list(respond(http_response(200, data)))) as server, pytest.raises(ApiDecodeError) as caught:
        CALLS["list"](connect(server))
    assert "results.0" in str(caught.value)
    assert "results.1" not in str(caught.value)
