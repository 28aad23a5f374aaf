"""`Sandbox`: a mock server in this process, with methods to arrange data, assert and inject faults."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from typing_extensions import Self

import qovery
from qovery.exceptions import ApiKeyError, ApiValueError, OpenApiException
from qovery.sandbox import seed
from qovery.sandbox.admin import admin_route
from qovery.sandbox.app import App
from qovery.sandbox.faults import Fault
from qovery.sandbox.guard import Guard
from qovery.sandbox.listener import Listener
from qovery.sandbox.page import page_route
from qovery.sandbox.scenario import Scenario, SeenRequest
from qovery.sandbox.sealing import sealed
from qovery.sandbox.store import Behaviour, RejectedError, Scope, Store


class Sandbox:
    """A mock server on loopback, with one environment at the start.

    `with Sandbox() as sandbox:` starts and stops it; so do `start()` and `stop()`.

    Args:
        host: The address to listen on.
        port: The port; 0 picks a free one.
        db: A file to keep the secrets in; None keeps them in memory.
        behaviour: The rules to follow: `documented` for those of the documentation, `observed` for the behaviour
            of the real service where it was seen to differ.
        strict: Whether responses leave out nulls that the OpenAPI description of the service does not allow. The
            service sends them, and some generated clients reject them.
        tokens: The tokens to accept; None accepts all.
        seeded: Whether an empty store gets the built-in seed.
        admin: Whether to serve the admin API, see `qovery.sandbox.admin`.
        admin_token: The token that the admin API requires; None generates one, see the attribute `admin_token`.
        allowed_hosts: Host names by which clients may reach it, besides `localhost` and its address.
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
        admin_token: str | None = None,
        allowed_hosts: Iterable[str] = (),
        strict: bool = False,
    ) -> None:
        self._address = (host, port)
        self._allowed_hosts = tuple(allowed_hosts)
        self._store = Store(db, behaviour, strict=strict)
        self._scenario = Scenario(tokens)
        self._behaviour = behaviour
        self._admin = admin
        self._admin_token = admin_token or os.urandom(24).hex()
        self._app: App | None = None
        self._listener: Listener | None = None
        self._thread: threading.Thread | None = None
        self._stopped = False
        if seeded:
            seed.add_built_in(self._store)

    def __repr__(self) -> str:
        return f"<Sandbox {self.url if self._listener else 'stopped'}>"

    # --- Start and stop ---------------------------------------------------------------------------

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        """Serve in a background thread. Returns when the server accepts requests."""
        ready = threading.Event()
        listener = self._listen(ready.set)
        self._thread = threading.Thread(target=listener.serve, name="qovery-sandbox", daemon=True)
        self._thread.start()
        ready.wait()
        return self

    def run(self, ready: Callable[[], None]) -> None:
        """Serve in this thread until SIGINT or SIGTERM; `ready` is called when the server accepts requests."""
        try:
            self._listen(ready).serve()
        finally:
            self._close()

    def stop(self) -> None:
        """Stop serving, and discard secrets that are not in a file."""
        if self._listener is not None:
            self._listener.stop()
        if self._thread is not None:
            self._thread.join()
        self._close()

    def _listen(self, ready: Callable[[], None]) -> Listener:
        if self._listener is not None or self._stopped:
            state = "was stopped" if self._stopped else "is running"
            raise ApiValueError(f"the sandbox {state}: create another one")
        routes = [page_route(self._store, lambda: self.requests, lambda: self.url)]
        if self._admin:
            routes.append(admin_route(self._commands(), self._admin_token))
        guard = Guard(self._address[0], self._allowed_hosts)
        self._app = App(self._store, lambda: self._scenario, guard, routes)
        try:
            self._listener = Listener(*self._address, self._app, ready)
        except BaseException:  # the port is in use, for example
            self._close()
            raise
        return self._listener

    def _close(self) -> None:
        if self._listener is not None:
            self._listener.close()
        self._store.stop_waiting()
        if self._app is not None:
            self._app.close()
        self._store.close()
        self._app = self._listener = self._thread = None
        self._stopped = True

    def _commands(self) -> dict[str, Callable[..., Any]]:
        """Return the commands of the admin API: methods, and functions for properties and for `load` without a path."""

        def behaviour(behaviour: Behaviour) -> None:
            self.behaviour = behaviour

        def load(seed: dict[str, Any]) -> list[str]:
            return self.load(seed)

        def requests() -> list[Mapping[str, Any]]:
            return [request._asdict() for request in self.requests]

        commands = (
            self.add_environment, self.add_secret, self.delay, self.drop_reply, self.environments, self.fail,
            self.rate_limit, self.read_only, self.reset, self.reset_connection, self.revoke, self.secrets,
            self.value, behaviour, load, requests,
        )  # fmt: skip
        return {command.__name__: command for command in commands}

    @property
    def url(self) -> str:
        """The URL to use as `Configuration.host`."""
        if self._listener is None:
            raise ApiValueError("the sandbox is not running: use it in a `with` statement, or call start()")
        return self._listener.url

    @property
    def admin_token(self) -> str:
        """The token that the admin API requires."""
        return self._admin_token

    @property
    def environ(self) -> dict[str, str]:
        """The environment variables that point the client and other tools to this sandbox and its first environment.

        `os.environ.update(sandbox.environ)`, or `subprocess.run(command, env={**os.environ, **sandbox.environ})`.
        """
        tokens = self._scenario.faults.tokens
        variables = {"QOVERY_API_URL": self.url, "QOVERY_API_TOKEN": min(tokens) if tokens else "sandbox"}
        environments = self._store.environments()
        return variables | ({"QOVERY_ENVIRONMENT_ID": environments[0]} if environments else {})

    # --- Arrange and assert -----------------------------------------------------------------------

    @property
    def environment_id(self) -> str:
        """The id of the first environment."""
        environments = self._store.environments()
        if not environments:
            raise ApiKeyError("the sandbox has no environment: call add_environment()")
        return environments[0]

    @property
    def behaviour(self) -> Behaviour:
        """`documented` or `observed`. Can be set at any time; `reset()` restores the initial one."""
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
            environment_id: Its id; None generates one.
            project_id: The project that it belongs to. Environments of one project share PROJECT secrets.
        """
        return str(_arranged(self._store.add_environment, environment_id, project_id))

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
    ) -> qovery.Secret:
        """Add a secret of any scope, bypassing the rules of the service.

        Args:
            environment_id: The environment; a PROJECT secret goes to its project.
            key: The key.
            value: The value.
            scope: `ENVIRONMENT`, `PROJECT` or `BUILT_IN`.
            mount_path: The path of the file; it makes the secret a FILE.
            description: The description.
            owned_by: The tool that manages it.
            enable_interpolation_in_file: Whether `{{OTHER_KEY}}` is replaced in the file.
            service_id: The id of the service that a BUILT_IN secret comes from.
            service_name: The name of that service.
            service_type: The type of that service, for example `DATABASE`.
        """
        added = _arranged(
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
        return qovery.Secret.from_dict(added)

    @sealed
    def load(self, source: str | os.PathLike[str] | Mapping[str, Any]) -> list[str]:
        """Add the content of a seed file in one transaction; `source` is its path, or its content as a mapping.

        Returns:
            The ids of its environments.
        """
        content = source if isinstance(source, Mapping) else seed.read(source)
        return list(_arranged(seed.add, self._store, content))

    @sealed
    def secrets(self, environment_id: str) -> list[qovery.Secret]:
        """The secrets that the environment `environment_id` sees, own and inherited, without values."""
        listed = qovery.SecretResponseList.from_dict({"results": _arranged(self._store.list, environment_id)})
        return listed.results or []

    @sealed
    def value(self, environment_id: str, key: str) -> str:
        """The value that an application of the environment `environment_id` reads under `key`.

        Aliases and overrides are followed. `{{OTHER_KEY}}` in a value is replaced, in a file only if
        `enable_interpolation_in_file` is set.
        """
        with contextlib.suppress(KeyError):
            return str(_arranged(self._store.value, environment_id, key))
        raise ApiKeyError(f"the environment has no secret {key!r}")

    @property
    def requests(self) -> list[SeenRequest]:
        """The last 10,000 requests, oldest first."""
        return self._scenario.requests()

    def reset(self) -> None:
        """Remove all secrets, requests and faults, and add one empty environment."""
        self._scenario = self._scenario.next(self._store.environments())
        self._store.behaviour = self._behaviour
        _arranged(self._store.clear)
        _arranged(self._store.add_environment)

    # --- Inject faults ----------------------------------------------------------------------------

    def fail(
        self, operation: str = "*", *, status: int = 503, times: int | None = 1, retry_after: float | None = None
    ) -> None:
        """Respond to the next requests with an error status, without applying them.

        Args:
            operation: The name of an operation, or `*` for all.
            status: The status.
            times: How many requests; None for every request.
            retry_after: The seconds in the `Retry-After` header; None leaves the header out.
        """
        self._scenario.faults.add(Fault(operation, "status", times, status, retry_after))

    def drop_reply(self, operation: str = "*", *, times: int | None = 1) -> None:
        """Apply the next requests, but send no response. `operation` and `times` as in `fail`."""
        self._scenario.faults.add(Fault(operation, "drop_reply", times))

    def reset_connection(self, operation: str = "*", *, times: int | None = 1) -> None:
        """Reset the connection instead of applying the next requests. `operation` and `times` as in `fail`."""
        self._scenario.faults.add(Fault(operation, "reset", times))

    def delay(self, seconds: float) -> None:
        """Delay each response by `seconds`; 0 ends the delay."""
        if seconds < 0:
            raise ApiValueError(f"seconds must not be negative: {seconds}")
        self._scenario.faults.delay = seconds

    def rate_limit(self, requests: int | None, *, per: float = 1.0) -> None:
        """Respond with 429 to requests beyond `requests` in `per` seconds; None removes the limit."""
        self._scenario.faults.set_limit(requests, per)

    def revoke(self, token: str) -> None:
        """Respond with 401 to requests with `token` from now on."""
        self._scenario.faults.revoke(token)

    def read_only(self, token: str) -> None:
        """Respond with 403 to writes with `token` from now on."""
        self._scenario.faults.make_read_only(token)


def _arranged(call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call the store. Raise what it rejects as an invalid argument."""
    try:
        return call(*arguments, **named)
    except RejectedError as rejected:
        problem: OpenApiException = ApiValueError(rejected.detail)
    raise problem
