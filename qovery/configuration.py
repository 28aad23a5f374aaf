"""`Configuration`: the settings and their checks. A call reads all of them once, as a `Snapshot`."""

from __future__ import annotations

import copy
import functools
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import Self

from qovery._version import __version__
from qovery.checks import DEFAULT_HOST, OPAQUE_SETTINGS, checked_settings, mapping
from qovery.credentials import CredentialsReader, OverriddenCredentials, Token, is_jwt, scheme_entry
from qovery.exceptions import ApiAttributeError, InsecureWarning
from qovery.frozen_settings import Overrides, all_frozen, deadline_of, freeze, header_of, settings_of
from qovery.lazy import ssl, urllib3
from qovery.legacy import SETTINGS, LegacyNames, name_hint
from qovery.origins import warn_caller
from qovery.redaction.marks import Masked, MaskedDict
from qovery.redaction.sealing import sealed_class
from qovery.route import Route, RouteReader
from qovery.snapshot import Snapshot, Timeout, plain_settings

__all__ = ["Configuration", "Token"]

#: The variables that `Configuration.from_env` reads for a token, the first that is set is used.
TOKEN_VARIABLES = ("QOVERY_API_TOKEN", "QOVERY_CLI_ACCESS_TOKEN", "Q_CLI_ACCESS_TOKEN")
HOST_VARIABLE = "QOVERY_API_URL"

_warn = functools.partial(warn_caller, category=InsecureWarning)


@sealed_class
class Configuration(LegacyNames):
    """The settings of a client. The defaults suit a service that calls the public API.

    Every setting may be changed at any time, also in place (`api_key["ApiKeyAuth"] = token`): calls that start
    afterwards use it. `update` changes several at once.

    Attributes (all are also arguments):
        host: The URL of the API, with a path if it has one; `https://api.qovery.com` by default.
        api_key: `{"ApiKeyAuth": token}`: an API token, sent as `Authorization: Token <token>`, or unchanged
            if it already has a scheme. May be a callable, see `access_token`.
        api_key_prefix: `{"ApiKeyAuth": scheme}`: a scheme other than `Token`.
        access_token: A JWT, sent as `Authorization: Bearer <token>`; it takes precedence over `api_key`. May be
            a callable without arguments: it is called at the first request, and again, by one thread, when the
            service responds with 401; that request is then sent once more.
        ssl_ca_cert: A file of CA certificates (PEM) to trust instead of the system's.
        ca_cert_data: The same as text (PEM) or bytes (DER).
        cert_file, key_file: The client's certificate and key (PEM files), for mutual TLS.
        verify_ssl: Whether to verify the server's certificate. False warns with `InsecureWarning`.
        assert_hostname: The name that the certificate must have; False skips this check, and warns.
        tls_server_name: The server name to send in the TLS handshake (SNI).
        connection_pool_maxsize: The maximum number of connections; further calls wait for one.
        idle_timeout: Seconds after which an idle connection is closed instead of reused.
        proxy: The URL of a proxy, credentials included. None reads `https_proxy`, `http_proxy`,
            `all_proxy` and `no_proxy` from the environment. `socks5://` needs the extra `socks`.
        no_proxy: Hosts to reach without a proxy, separated by commas.
        proxy_headers: Headers for the proxy only.
        proxy_ssl_context: The TLS settings for the connection to an https proxy.
        socket_options: Socket options as for `socket.setsockopt`, instead of urllib3's.
        retries: How many times a call may be retried where that is safe, or a `urllib3.Retry`, which then
            replaces the retry policy.
        connect_timeout, read_timeout: Seconds to connect (name lookup, proxy and TLS handshake included) and
            to wait for data, for each attempt.
        total_timeout: Seconds for a call with all its attempts and delays.
        max_response_size: The largest response that is read, in bytes after decompression.
        debug: Whether to write a line for each attempt to standard error. The same lines always go to the
            logger `qovery` at level DEBUG.
        refresh_api_key_hook: Called with this configuration before an API key is read.

    Raises:
        ApiValueError: A setting cannot be used; nothing was sent.
        ApiTypeError: A setting has the wrong type, or does not exist.
    """

    _access_token: Masked[Token | None]
    _api_key: MaskedDict[Token]
    _proxy: Masked[str | None]
    _proxy_headers: MaskedDict[str]

    _default: ClassVar[Configuration | None] = None
    _legacy = SETTINGS
    _complete = False

    def __init__(
        self,
        host: str | None = None,
        api_key: Mapping[str, Token] | None = None,
        api_key_prefix: Mapping[str, str] | None = None,
        *,
        access_token: Token | None = None,
        ssl_ca_cert: str | os.PathLike[str] | None = None,
        ca_cert_data: str | bytes | None = None,
        cert_file: str | os.PathLike[str] | None = None,
        key_file: str | os.PathLike[str] | None = None,
        verify_ssl: bool = True,
        assert_hostname: str | bool | None = None,
        tls_server_name: str | None = None,
        connection_pool_maxsize: int | None = None,
        idle_timeout: float = 30.0,
        proxy: str | None = None,
        no_proxy: str | None = None,
        proxy_headers: Mapping[str, str] | None = None,
        proxy_ssl_context: ssl.SSLContext | None = None,
        socket_options: Sequence[tuple[int, int, int | bytes]] | None = None,
        retries: int | urllib3.Retry | None = None,
        connect_timeout: float = 5.0,
        read_timeout: float = 30.0,
        total_timeout: float = 60.0,
        max_response_size: int = 16 * 1024 * 1024,
        debug: bool | None = None,
    ) -> None:
        self._signers = CredentialsReader()
        self._routes = RouteReader()
        self.host = DEFAULT_HOST if host is None else host
        self.api_key = api_key
        self.api_key_prefix: dict[str, str] = mapping("api_key_prefix", api_key_prefix)
        self.access_token = access_token
        self.ssl_ca_cert = ssl_ca_cert
        self.ca_cert_data = ca_cert_data
        self.cert_file = cert_file
        self.key_file = key_file
        self.verify_ssl = verify_ssl
        self.assert_hostname = assert_hostname
        self.tls_server_name = tls_server_name
        self.connection_pool_maxsize = 32 if connection_pool_maxsize is None else connection_pool_maxsize
        self.idle_timeout = idle_timeout
        self.proxy = proxy
        self.no_proxy = no_proxy
        self.proxy_headers = proxy_headers
        self.proxy_ssl_context = proxy_ssl_context
        self.socket_options = socket_options
        self.retries = 3 if retries is None else retries
        self.connect_timeout = connect_timeout
        self.read_timeout = read_timeout
        self.total_timeout = total_timeout
        self.max_response_size = max_response_size
        self.debug = bool(debug)
        self.refresh_api_key_hook: Callable[[Configuration], None] | None = None
        self._complete = True
        self._route()

    @classmethod
    def from_env(cls) -> Self:
        """Read the settings from the standard environment variables.

        The token is read from `QOVERY_API_TOKEN`, else `QOVERY_CLI_ACCESS_TOKEN`, else
        `Q_CLI_ACCESS_TOKEN`; a JWT becomes the `access_token`, anything else the `api_key`. `QOVERY_API_URL`
        is the host. Other settings keep their defaults.
        """
        configuration = cls(host=os.environ.get(HOST_VARIABLE) or None)
        token = next(filter(None, (os.environ.get(name, "").strip() for name in TOKEN_VARIABLES)), None)
        if token and is_jwt(token):
            configuration.access_token = token
        elif token:
            configuration.api_key["ApiKeyAuth"] = token
        return configuration

    def update(self, **settings: Any) -> None:
        """Change several settings atomically: a call in another thread uses all of them or none.

        Args:
            settings: The settings by name, each as the constructor takes it.

        Raises:
            ApiAttributeError: There is no setting of that name. Nothing was changed.
            ApiTypeError, ApiValueError: A setting cannot be used. Nothing was changed.
        """
        unknown = settings.keys() - _SETTINGS
        if unknown:
            raise _unknown(min(unknown, key=lambda name: (name not in SETTINGS, name)))
        checked = checked_settings(settings)
        if self._complete:  # a route that cannot be used, or whose warning is an error, changes nothing
            self._route(checked)
        self._keep(checked)

    if not TYPE_CHECKING:  # type checkers would accept every name

        def __setattr__(self, name: str, value: Any) -> None:
            if name in OPAQUE_SETTINGS or name not in _SETTINGS:
                known = name in self.__dict__ or hasattr(type(self), name) or type(self) is not Configuration
                if self._complete and not known and name not in SETTINGS:
                    raise _unknown(name)
                super().__setattr__(name, value)
            else:
                self.update(**{name: value})

    def _keep(self, checked: dict[str, Any]) -> None:
        before = self.__dict__.copy()  # keeps the old values, so that no finalizer of one runs between two settings
        self.__dict__.update(checked)
        for one in all_frozen(self):  # this is a change by an overridden method
            one.settings.update(checked)
        del before

    @property
    def access_token(self) -> Token | None:
        """The JWT, or the callable that returns it."""
        return self._access_token.reveal()

    @access_token.setter
    def access_token(self, value: Token | None) -> None:
        self.update(access_token=value)

    @property
    def api_key(self) -> dict[str, Token]:
        """The API tokens by the name of their scheme, of which there is one: `ApiKeyAuth`."""
        return self._api_key

    @api_key.setter
    def api_key(self, value: Mapping[str, Token] | None) -> None:
        self.update(api_key=value)

    @property
    def proxy(self) -> str | None:
        """The URL of the proxy."""
        return self._proxy.reveal()

    @proxy.setter
    def proxy(self, value: str | None) -> None:
        self.update(proxy=value)

    @property
    def proxy_headers(self) -> dict[str, str]:
        """Headers for the proxy only."""
        return self._proxy_headers

    @proxy_headers.setter
    def proxy_headers(self, value: Mapping[str, str] | None) -> None:
        self.update(proxy_headers=value)

    def __repr__(self) -> str:
        return f"<Configuration {self.host}>"

    @classmethod
    def set_default(cls, default: Configuration | None) -> None:
        """Store a copy of `default` for clients that are created without a configuration; None removes it."""
        cls._default = copy.deepcopy(default)

    @classmethod
    def get_default(cls) -> Configuration:
        """The configuration of `set_default`, else what `from_env` returns now."""
        return cls.from_env() if cls._default is None else cls._default

    @classmethod
    def get_default_copy(cls) -> Configuration:
        """A copy of `get_default()`."""
        return copy.deepcopy(cls.get_default())

    def __deepcopy__(self, memo: dict[int, Any]) -> Configuration:
        twin = copy.copy(self)
        mutable = "api_key", "proxy_headers", "api_key_prefix", "socket_options"
        twin._keep(checked_settings({name: getattr(self, name) for name in mutable}))
        return twin

    def __getstate__(self) -> dict[str, Any]:
        # A copy fetches its own tokens and warns of its own route.
        return {**self.__dict__, "_signers": CredentialsReader(), "_routes": RouteReader()}

    def _snapshot(self, started: float | None = None, timeout: Timeout | None = None) -> Snapshot:
        """All settings as they are now, for a call with this start and `_request_timeout`."""
        settings = self.__dict__.copy()
        replaced = _OVERRIDES.members(type(self)) != _OVERRIDES.own
        if replaced or "auth_settings" in settings or "get_api_key_with_prefix" in settings:
            return self._overridden_snapshot(settings, started, timeout)
        hook = settings["refresh_api_key_hook"]
        if hook is not None and settings["_access_token"].reveal() is None:
            hook(self)
            settings = self.__dict__.copy()
        return Snapshot(self._routes.read(settings, _warn), self._signers.read(settings), *plain_settings(settings))

    def _overridden_snapshot(
        self, settings: dict[str, Any], started: float | None, timeout: Timeout | None
    ) -> Snapshot:
        """The same, where a subclass or a patch replaces `auth_settings` or a setting."""
        with freeze(self, settings, started, timeout) as call:
            signer = OverriddenCredentials(self.auth_settings(), call.sources)
            settings = call.computed(_OVERRIDES.settings(type(self)))
            return Snapshot(self._routes.read(settings, _warn), signer, *plain_settings(settings))

    def _route(self, changes: Mapping[str, Any] | None = None) -> Route:
        """The route of the settings with some changes. Warns if it is insecure."""
        computing = any(one.computing for one in all_frozen(self))
        with freeze(self, {**settings_of(self), **(changes or {})}) as call:
            if computing:  # it is the computed setting that changes another: the call checks the result
                return RouteReader().read(call.settings, lambda _: None)
            return self._routes.read(call.computed(_OVERRIDES.settings(type(self))), _warn)

    def get_api_key_with_prefix(self, identifier: str, alias: str | None = None) -> str | None:
        """The value of the `Authorization` header for an API token, with its scheme, or None if there is no token.

        Args:
            identifier: The name of the token in `api_key`; this service has only `ApiKeyAuth`.
            alias: The name to look under if `api_key` has no `identifier`.
        """
        if self.refresh_api_key_hook is not None:
            self.refresh_api_key_hook(self)
        name = identifier if identifier in self.api_key or alias is None else alias
        token = self.api_key.get(name)
        if token is None:
            return None
        return header_of(self, f"api_key[{name!r}]", token, self.api_key_prefix.get(identifier))

    def auth_settings(self) -> dict[str, dict[str, str]]:
        """Return the headers of the configured schemes, by name.

        A subclass may override this: a call then sends the headers that it returns.
        """
        settings: dict[str, dict[str, str]] = {}
        key = self.get_api_key_with_prefix("ApiKeyAuth")
        if key is not None:
            settings["ApiKeyAuth"] = scheme_entry("api_key", key)
        token = self.access_token
        if token is not None:
            settings["bearerAuth"] = scheme_entry("bearer", header_of(self, "access_token", token, "Bearer"))
        return settings

    def authorization(self) -> str | None:
        """The value of the `Authorization` header: the access token's, else the API key's, else None."""
        credentials = self._snapshot().credentials
        return None if credentials is None else credentials.fetch(deadline_of(self)).get("Authorization")

    def proxy_for_host(self) -> str | None:
        """The URL of the proxy that the host is reached through, or None."""
        return self._route().proxy.reveal()

    def to_debug_report(self) -> str:
        """Return a text for bug reports; it holds no credential."""
        python = f"Python {platform.python_version()} on {platform.platform()}"
        return f"qovery {__version__} (API 1.0.4)\n{python}\nHost {self.host}"


def _unknown(name: str) -> ApiAttributeError:
    return ApiAttributeError(f"Configuration has no setting {name!r}{name_hint(SETTINGS, _SETTINGS, name)}")


#: The names of all settings.
_SETTINGS = frozenset(Configuration.__init__.__annotations__).difference({"return"}) | {"refresh_api_key_hook"}

_OVERRIDES = Overrides(Configuration, _SETTINGS)
