"""A process in which another thread interrupts calls with exceptions at random moments: prints the problems found.

`python -m test.support.interruptions COUNT SEED`
"""

from __future__ import annotations

import ctypes
import faulthandler
import json
import random
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

from qovery import ApiClient, Configuration, EnvironmentSecretApi, OpenApiException, SecretRequest
from qovery.redaction import sealing
from test.support.recorders import walk
from test.support.recording import SECRET, Received, RecordingServer, Response
from test.support.things import TOKEN, VALUE, leak
from test.support.tools import attributes


class Stop(BaseException):
    """An exception like `SystemExit` or a worker's hard time limit."""


class SoftLimit(Exception):  # noqa: N818 - named as Celery's is
    """An exception like a worker's soft time limit."""


def respond(got: Received) -> Response:
    if b'"K400"' in got.body:
        return Response(400, {"detail": f"{got.headers} {got.body.decode()}"}, {"X-Echo": TOKEN}, f"No {TOKEN}")
    return Response(201, SECRET)


def interrupt(thread: int, error: type[BaseException]) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))


class Interruptions:
    """Makes calls in this thread, while another thread interrupts each of them once."""

    def __init__(self, url: str, seed: int) -> None:
        # With one connection, a slot that an interruption leaks makes the next call fail.
        configuration = Configuration(
            url, access_token=lambda: TOKEN, connection_pool_maxsize=1, retries=0, total_timeout=20
        )
        self.api = EnvironmentSecretApi(ApiClient(configuration, "X-Auth", TOKEN))
        self.random = random.Random(seed)
        self.thread = threading.get_ident()
        self.begin, self.thrown = SimpleQueue[float](), SimpleQueue[None]()  # an exception cannot corrupt them
        self.late = 0  # calls that ended before the interruption
        self.kind: type[BaseException] = Stop
        threading.Thread(target=self._throw, daemon=True).start()

    def _throw(self) -> None:
        while True:
            until = self.begin.get() + time.perf_counter()
            while time.perf_counter() < until:
                pass
            interrupt(self.thread, self.kind)
            self.thrown.put(None)

    def once(self, longest: float) -> BaseException | None:
        """Make one call, and return the interruption or the error that ended it."""
        self.kind = self.random.choice([Stop, SoftLimit])
        request = SecretRequest(key=self.random.choice(["A", "K400"]), value=VALUE)
        outcome: BaseException | None = None
        received: list[None] = []
        try:
            try:
                self.begin.put(self.random.random() * longest)
                self.api.create_environment_secret("e", request)
            except (Stop, SoftLimit, OpenApiException) as error:
                outcome = error
            self.late += outcome is None
            received.extend(map(self.thrown.get, (True,)))  # atomic
            for _ in range(100):  # a late interruption is raised here
                time.sleep(0)
        except (Stop, SoftLimit) as late:
            if outcome is None:
                outcome = late
        if not received:
            self.thrown.get()
        return outcome


def shown(error: BaseException) -> Iterator[str]:
    """The leaks in the frames of an error, except those of the sealing module and of this file."""
    for one in walk(error):
        yield from filter(None, [leak(f"{one} {one!r} {attributes(one)}")])
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if frame.f_code.co_filename not in {sealing.__file__, __file__}:
                for name, value in frame.f_locals.items():
                    found = leak(f"{value!r} {attributes(value)!r}")
                    if found:
                        yield f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_name}.{name}: {found}"


def main(count: int, seed: int) -> None:
    faulthandler.dump_traceback_later(60, exit=True)
    problems: list[str] = []
    outcomes: Counter[str] = Counter()
    sys.setswitchinterval(1e-5)
    unraisable: list[Any] = []
    sys.unraisablehook = unraisable.append  # an interruption inside a finalizer is not raised
    with RecordingServer(respond) as server:
        runs = Interruptions(server.url, seed)
        longest = 0.002
        # The first use of a model builds it, and pydantic replaces an interruption of that with its own error.
        runs.api.create_environment_secret("e", SecretRequest(key="A", value=VALUE))
        for _ in range(count):
            error = runs.once(longest)
            outcomes[type(error).__name__] += 1
            if error is not None:
                problems += shown(error)
                expected = (Stop, SoftLimit)
                rejected = getattr(error, "status", 0) == 400
                if not isinstance(error, expected) and not rejected:
                    problems.append(f"{error!r}")
        runs.api.create_environment_secret("e", SecretRequest(key="A", value=VALUE))
    print(json.dumps({"outcomes": outcomes, "problems": problems, "late": runs.late, "in finalizers": len(unraisable)}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
