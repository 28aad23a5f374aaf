"""`Sandbox`: the server in this process, and what a test does with it."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any

import uvicorn
from starlette.routing import BaseRoute
from typing_extensions import Self
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from qovery.exceptions import ApiKeyError, ApiValueError, OpenApiException
from qovery.models import Secret, SecretResponseList
from qovery.redaction import sealed
from qovery.sandbox import seed
from qovery.sandbox.admin import admin_route
from qovery.sandbox.app import Seen, SeenRequest, make_app
from qovery.sandbox.faults import Fault, Faults
from qovery.sandbox.page import page_route
from qovery.sandbox.store import Behaviour, RejectedError, Scope, Store


class _Protocol(HttpToolsProtocol):
    """Lets the application reach its connection, to break it when it is told to."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"]["qovery.transport"] = self.transport


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


class Sandbox:
    """A server on loopback that behaves like the service, with one environment at the start.

    `with Sandbox() as sandbox:` starts it and stops it; so do `start()` and `stop()`.

    Args:
        host: The address to listen on.
        port: The port; 0 picks a free one.
        db: A file to keep the secrets in; None keeps them in memory.
        behaviour: `documented` or `observed`: the rules that the documentation gives, or what the service
            was seen to do where that differs.
        tokens: The tokens that are let in; None lets in all.
        seeded: Whether an empty store gets the built-in seed.
        admin: Whether clients may arrange, ask and disturb over HTTP too, see `qovery.sandbox.admin`.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        db: str | os.PathLike[str] | None = None,
        behaviour: Behaviour = "documented",
        tokens: frozenset[str] | None = None,
        seeded: bool = True,
        admin: bool = False,
    ) -> None:
        self._address = (host, port)
        self._store = Store(db, behaviour)
        self._faults = Faults(tokens=tokens)
        self._seen = Seen()
        self._behaviour = behaviour
        self._admin = admin
        self._socket: socket.socket | None = None
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._stopped = False
        if seeded:
            seed.plant_built_in(self._store)

    def __repr__(self) -> str:
        return f"<Sandbox {self.url if self._socket else 'stopped'}>"

    # --- Running ----------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        """Listen, in a thread; returns when requests are answered."""
        ready = threading.Event()
        try:
            server = self._prepare(ready.set)
        except OSError:  # the address is taken, say
            self._close()
            raise
        self._thread = threading.Thread(target=server.run, args=([self._socket],), name="qovery-sandbox", daemon=True)
        self._thread.start()
        ready.wait()
        return self

    def run(self, ready: Callable[[], None]) -> None:
        """Listen in this thread until SIGINT or SIGTERM; `ready` is called when requests are answered."""
        try:
            self._prepare(ready).run([self._socket] if self._socket else None)
        finally:
            self._close()

    def stop(self) -> None:
        """Stop listening and forget what is not in a file."""
        if self._server is not None:
            self._server.should_exit = True
        if self._thread is not None:
            self._thread.join()
        self._close()

    def _prepare(self, ready: Callable[[], None]) -> _Server:
        if self._socket is not None or self._stopped:
            raise ApiValueError(f"the sandbox {'was stopped' if self._stopped else 'is running'}: make another one")
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        self._socket = socket.create_server(self._address, family=family, backlog=512)
        # Inherited by the connections. asyncio leaves it out here, and each answer would then wait 40 ms for an ACK.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        routes: list[BaseRoute] = [page_route(self._store, self._seen, lambda: self.url)]
        if self._admin:
            routes.append(admin_route(self, self._lets_admin))
        app = make_app(self._store, self._faults, self._seen, routes)
        config = uvicorn.Config(
            app,
            http=_Protocol,
            interface="asgi3",
            lifespan="off",
            ws="none",
            access_log=False,
            proxy_headers=False,
            log_config=None,
            timeout_keep_alive=75,  # longer than the longest list takes, which keeps others waiting
            timeout_graceful_shutdown=1,
        )
        config.load()
        config.loaded_app = app  # bare: below DEBUG, uvicorn would log all headers
        self._server = _Server(config, ready)
        return self._server

    def _lets_admin(self, token: str) -> bool:
        # A token that a test has revoked may still undo it.
        return self._faults.tokens is None or token in self._faults.tokens

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._store.close()
        self._socket = self._server = self._thread = None
        self._stopped = True

    @property
    def url(self) -> str:
        """The URL to use as `Configuration.host`."""
        if self._socket is None:
            raise ApiValueError("the sandbox is not running: use it in a `with`, or call start()")
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    # --- Arranging and asserting ------------------------------------------------------------------

    @property
    def environment_id(self) -> str:
        """The first environment."""
        environments = self._store.environments()
        if not environments:
            raise ApiKeyError("the sandbox has no environment: call add_environment()")
        return environments[0]

    @property
    def behaviour(self) -> Behaviour:
        """`documented` or `observed`; may be set at any time, and `reset()` sets it back."""
        return self._store.behaviour

    @behaviour.setter
    def behaviour(self, behaviour: Behaviour) -> None:
        self._store.behaviour = behaviour

    @sealed
    def environments(self) -> list[str]:
        """The ids of the environments, oldest first."""
        return self._store.environments()

    @sealed
    def add_environment(self, environment_id: str | None = None, *, project_id: str | None = None) -> str:
        """Add an environment and return its id.

        Args:
            environment_id: Its id; a new one if there is none.
            project_id: The project that it belongs to. Those of one project share PROJECT secrets.
        """
        return str(_told(self._store.add_environment, environment_id, project_id))

    @sealed
    def add_secret(
        self,
        environment_id: str,
        key: str,
        value: str = "",
        *,
        scope: Scope = "ENVIRONMENT",
        mount_path: str | None = None,
        description: str | None = None,
        owned_by: str = "QOVERY",
        enable_interpolation_in_file: bool | None = None,
        service_id: str | None = None,
        service_name: str | None = None,
        service_type: str | None = None,
    ) -> Secret:
        """Add a secret of any scope, past the rules of the service.

        Args:
            environment_id: The environment; a PROJECT secret goes to its project.
            key: The key.
            value: The value.
            scope: `ENVIRONMENT`, `PROJECT` or `BUILT_IN`.
            mount_path: Where it is found as a file; it makes the secret a FILE.
            description: A note for people.
            owned_by: Who manages it.
            enable_interpolation_in_file: Whether `{{OTHER_KEY}}` is replaced in the file.
            service_id: The service that a BUILT_IN secret comes from.
            service_name: The name of that service.
            service_type: Its kind, for example `DATABASE`.
        """
        added = _told(
            self._store.add_secret,
            environment_id,
            key,
            value,
            scope,
            mount_path=mount_path,
            description=description,
            owned_by=owned_by,
            enable_interpolation_in_file=enable_interpolation_in_file,
            service_id=service_id,
            service_name=service_name,
            service_type=service_type,
        )
        return Secret.from_dict(added)

    @sealed
    def load(self, source: str | os.PathLike[str] | Mapping[str, Any]) -> list[str]:
        """Add what a seed file holds, all of it or nothing; `source` is its path, or the mapping that it would hold.

        Returns:
            The ids of its environments.
        """
        content = source if isinstance(source, Mapping) else seed.read(source)
        return list(_told(seed.plant, self._store, content))

    @sealed
    def secrets(self, environment_id: str) -> list[Secret]:
        """What the environment `environment_id` sees: its own secrets and the inherited ones, without values."""
        listed = SecretResponseList.from_dict({"results": _told(self._store.list, environment_id)})
        return listed.results or []

    @sealed
    def value(self, environment_id: str, key: str) -> str:
        """What an application of the environment `environment_id` finds under `key`.

        Aliases and overrides are followed, and `{{OTHER_KEY}}` in a value is replaced; in a file only where
        `enable_interpolation_in_file` is set.
        """
        with contextlib.suppress(KeyError):
            return str(_told(self._store.value, environment_id, key))
        raise ApiKeyError(f"the environment has no secret {key!r}")

    @property
    def requests(self) -> list[SeenRequest]:
        """The requests so far, oldest first, the last 10,000."""
        return list(self._seen.requests)

    def reset(self) -> None:
        """Forget secrets, requests and disturbances, and add one empty environment."""
        self._store.behaviour = self._behaviour
        self._store.clear()
        self._faults.clear()
        self._seen.requests.clear()
        self._store.add_environment()

    # --- Disturbing -------------------------------------------------------------------------------

    def fail(
        self, operation: str = "*", *, status: int = 503, times: int | None = 1, retry_after: float | None = None
    ) -> None:
        """Answer the next requests with a status, without doing what is asked.

        Args:
            operation: The name of an operation, or `*` for all.
            status: The status.
            times: How many requests; None for ever.
            retry_after: The seconds that the answer asks to wait; None asks for nothing.
        """
        self._faults.add(Fault(operation, "status", times, status, retry_after))

    def drop_reply(self, operation: str = "*", *, times: int | None = 1) -> None:
        """Do what is asked, and close the connection without an answer; `operation` and `times` as in `fail`."""
        self._faults.add(Fault(operation, "drop_reply", times))

    def reset_connection(self, operation: str = "*", *, times: int | None = 1) -> None:
        """Reset the connection without doing what is asked; `operation` and `times` as in `fail`."""
        self._faults.add(Fault(operation, "reset", times))

    def delay(self, seconds: float) -> None:
        """Wait so many `seconds` before each answer; 0 waits no more."""
        if seconds < 0:
            raise ApiValueError(f"seconds must not be negative, but is {seconds}")
        self._faults.delay = seconds

    def rate_limit(self, requests: int | None, *, per: float = 1.0) -> None:
        """Answer 429 beyond that many requests in `per` seconds; None lifts the limit."""
        self._faults.limit(requests, per)

    def revoke(self, token: str) -> None:
        """Answer 401 to this token from now on."""
        self._faults.revoke(token)

    def read_only(self, token: str) -> None:
        """Answer 403 to writes with this token from now on."""
        self._faults.make_read_only(token)


def _told(call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call the store; what it refuses is an error of the caller here."""
    try:
        return call(*arguments, **named)
    except RejectedError as refusal:
        problem: OpenApiException = ApiValueError(refusal.detail)
    raise problem
