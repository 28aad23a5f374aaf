"""`Configuration`: everything a caller may set; resolves the host, the credentials and the proxy."""

from __future__ import annotations

import base64
import binascii
import copy
import json
import os
import platform
import re
import sys
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr
from typing_extensions import Self

from qovery._version import __version__
from qovery.exceptions import ApiAttributeError, ApiException, ApiTypeError, ApiValueError, InsecureWarning
from qovery.redaction import Masked, MaskedDict, TextMask, credentials, sealed

if TYPE_CHECKING:
    import ssl

    import urllib3

#: A token, or a callable that gives one.
Token = str | SecretStr | Callable[[], str]

DEFAULT_HOST = "https://api.qovery.com"

#: The variables that `Configuration.from_env` reads for a token, the first that is set wins.
TOKEN_VARIABLES = ("QOVERY_API_TOKEN", "QOVERY_CLI_ACCESS_TOKEN", "Q_CLI_ACCESS_TOKEN")
HOST_VARIABLE = "QOVERY_API_URL"

_HOST_NAME = re.compile(r"[\w.-]+|[\da-f.]*:[\da-f:.]*(%\w+)?", re.ASCII).fullmatch
_LOOPBACK = re.compile(r"(.+\.)?localhost|127(\.\d+){3}|::1").fullmatch
_HEADER_NAME = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII).fullmatch
_NOT_IN_A_HEADER = re.compile(r"[^\t\x20-\x7e\x80-\xff]").search


class Configuration:
    """Everything a caller may set. The defaults suit a service that talks to the public API.

    Attributes (all are also arguments):
        host: The URL of the API, with a path if it has one; `https://api.qovery.com` by default.
        api_key: `{"ApiKeyAuth": token}`: an API token, sent as `Authorization: Token <token>`, or as it is
            if it carries a scheme already. May be a callable, see `access_token`.
        api_key_prefix: `{"ApiKeyAuth": scheme}`: another scheme than `Token`.
        access_token: A JWT, sent as `Authorization: Bearer <token>`; it wins over `api_key`. May be a
            callable without arguments: it is asked at the first call, and again, by one thread, when the
            service answers 401, after which that call is repeated once.
        ssl_ca_cert: A file of CA certificates (PEM) to trust in the place of the system's.
        ca_cert_data: The same as text (PEM) or bytes (DER).
        cert_file, key_file: The client's certificate and key (PEM files), for mutual TLS.
        verify_ssl: Whether to check the server's certificate. False warns with `InsecureWarning`.
        assert_hostname: The name that the certificate must carry; False checks no name.
        tls_server_name: The name to ask for in the TLS handshake (SNI).
        connection_pool_maxsize: How many connections may be open at once; further calls wait their turn.
        proxy: The URL of a proxy, credentials included. None reads `https_proxy`, `http_proxy`,
            `all_proxy` and `no_proxy` from the environment. `socks5://` needs the extra `socks`.
        no_proxy: Hosts that are reached directly, separated by commas.
        proxy_headers: Headers for the proxy only.
        proxy_ssl_context: The TLS settings for the connection to an https proxy.
        socket_options: Socket options as for `socket.setsockopt`, in the place of urllib3's.
        retries: How often a call may be repeated where that is safe (`docs/errors-and-retries.md`), or
            a `urllib3.Retry`, which is then followed to the letter.
        connect_timeout, read_timeout: Seconds to connect and to wait for data, for each attempt.
        total_timeout: Seconds for a call with all its attempts and pauses.
        max_response_size: The largest answer that is read, in bytes after decompression.
        debug: Whether to write a line for each attempt to standard error. The same lines go to the
            logger `qovery` at level DEBUG, always.
        refresh_api_key_hook: Called with this configuration before an API key is read.

    Raises:
        ApiValueError: A setting cannot be used; nothing was sent.
        ApiAttributeError: A setting of that name does not exist.
    """

    _default: ClassVar[Configuration | None] = None
    _complete = False

    @sealed
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
        proxy: str | None = None,
        no_proxy: str | None = None,
        proxy_headers: Mapping[str, str] | None = None,
        proxy_ssl_context: ssl.SSLContext | None = None,
        socket_options: Sequence[tuple[int, int, int | bytes]] | None = None,
        retries: int | urllib3.Retry | None = None,
        connect_timeout: float = 5.0,
        read_timeout: float = 30.0,
        total_timeout: float = 60.0,
        max_response_size: int = 64 * 1024 * 1024,
        debug: bool | None = None,
    ) -> None:
        self.host = DEFAULT_HOST if host is None else host
        self.api_key = api_key
        self.api_key_prefix: dict[str, str] = mapping("api_key_prefix", api_key_prefix)
        self.access_token = access_token
        self._asked: dict[int, _AskedToken] = {}
        self.ssl_ca_cert = ssl_ca_cert
        self.ca_cert_data = ca_cert_data
        self.cert_file = cert_file
        self.key_file = key_file
        self.verify_ssl = verify_ssl
        self.assert_hostname = assert_hostname
        self.tls_server_name = tls_server_name
        self.connection_pool_maxsize = 32 if connection_pool_maxsize is None else connection_pool_maxsize
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

    @classmethod
    @sealed
    def from_env(cls) -> Self:
        """The settings that the usual variables hold.

        The token is read from `QOVERY_API_TOKEN`, else `QOVERY_CLI_ACCESS_TOKEN`, else
        `Q_CLI_ACCESS_TOKEN`; a JWT becomes the `access_token`, anything else the `api_key`. `QOVERY_API_URL`
        is the host. What is not set stays as it is by default.
        """
        configuration = cls(host=os.environ.get(HOST_VARIABLE) or None)
        token = next(filter(None, (os.environ.get(name, "").strip() for name in TOKEN_VARIABLES)), None)
        if token and _is_jwt(token):
            configuration.access_token = token
        elif token:
            configuration.api_key["ApiKeyAuth"] = token
        return configuration

    # --- The settings that are checked or masked --------------------------------------------------

    @sealed
    def __setattr__(self, name: str, value: Any) -> None:
        if self._complete and name not in self.__dict__ and not hasattr(type(self), name):
            raise ApiAttributeError(f"Configuration has no setting {name!r}")
        check = _CHECKS.get(name)
        super().__setattr__(name, check(name, value) if check else value)

    @property
    def access_token(self) -> Token | None:
        """The JWT, or the callable that gives it."""
        return self._access_token.value

    @access_token.setter
    def access_token(self, value: Token | None) -> None:
        self._access_token = Masked(value)

    @property
    def api_key(self) -> dict[str, Token]:
        """The API tokens by the name of their scheme, of which there is one: `ApiKeyAuth`."""
        return self._api_key

    @api_key.setter
    def api_key(self, value: Mapping[str, Token] | None) -> None:
        self._api_key = MaskedDict(value or {})

    @property
    def proxy(self) -> str | None:
        """The URL of the proxy."""
        return self._proxy.value

    @proxy.setter
    def proxy(self, value: str | None) -> None:
        self._proxy = Masked(value)

    @property
    def proxy_headers(self) -> dict[str, str]:
        """Headers for the proxy only."""
        return self._proxy_headers

    @proxy_headers.setter
    def proxy_headers(self, value: Mapping[str, str] | None) -> None:
        self._proxy_headers = MaskedDict(value or {})

    def __repr__(self) -> str:
        return f"<Configuration {self.host}>"

    # --- Defaults ---------------------------------------------------------------------------------

    @classmethod
    def set_default(cls, default: Configuration | None) -> None:
        """Keep a copy of `default` for clients that are made without a configuration; None forgets it."""
        cls._default = copy.deepcopy(default)

    @classmethod
    def get_default(cls) -> Configuration:
        """The configuration of `set_default`, else what `from_env` gives now."""
        return cls.from_env() if cls._default is None else cls._default

    @classmethod
    def get_default_copy(cls) -> Configuration:
        """A copy of `get_default()`."""
        return copy.deepcopy(cls.get_default())

    def __deepcopy__(self, memo: dict[int, Any]) -> Configuration:
        twin = copy.copy(self)
        twin.api_key = self.api_key
        twin.proxy_headers = self.proxy_headers
        twin.api_key_prefix = self.api_key_prefix
        twin.socket_options = self.socket_options
        return twin

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_asked": {}}  # a copy asks for its own tokens

    # --- Credentials ------------------------------------------------------------------------------

    @sealed
    def get_api_key_with_prefix(self, identifier: str, alias: str | None = None) -> str | None:
        """The value of the `Authorization` header for an API token, with its scheme, or None if there is no token.

        Args:
            identifier: The name of the token in `api_key`; this service has `ApiKeyAuth` alone.
            alias: The name to look under if `api_key` has no `identifier`.
        """
        if self.refresh_api_key_hook is not None:
            self.refresh_api_key_hook(self)
        name = identifier if identifier in self.api_key or alias is None else alias
        source = self.api_key.get(name)
        if source is None:
            return None
        key = self._token(f"api_key[{name!r}]", source)
        prefix = self.api_key_prefix.get(identifier)
        if prefix is None and " " in key:
            return key  # it carries its scheme
        return header_text("api_key_prefix", f"{'Token' if prefix is None else prefix} {key}")

    @sealed
    def auth_settings(self) -> dict[str, dict[str, str]]:
        """What the schemes that are set up would send, by name."""
        settings: dict[str, dict[str, str]] = {}
        key = self.get_api_key_with_prefix("ApiKeyAuth")
        if key is not None:
            settings["ApiKeyAuth"] = _setting("api_key", key)
        if self.access_token is not None:
            settings["bearerAuth"] = _setting("bearer", f"Bearer {self._token('access_token', self.access_token)}")
        return settings

    @sealed
    def authorization(self) -> str | None:
        """The value of the `Authorization` header: the access token's, else the API key's, else None."""
        token = self.access_token
        if token is not None:
            return f"Bearer {self._token('access_token', token)}"
        return self.get_api_key_with_prefix("ApiKeyAuth")

    def renew_authorization(self, rejected: str) -> str | None:
        """Ask the callable again for a token, unless another thread has done so since `rejected` was sent.

        Returns None if there is no callable or it has nothing new.
        """
        source = self.api_key.get("ApiKeyAuth") if self.access_token is None else self.access_token
        asked = self._asked.get(id(source))
        if asked is None:
            return None
        asked.renew(rejected)
        renewed = self.authorization()
        return None if renewed == rejected else renewed

    def _token(self, name: str, source: Token) -> str:
        if isinstance(source, SecretStr):
            source = source.get_secret_value()
        if callable(source):
            asked = self._asked.get(id(source))
            if asked is None:
                asked = self._asked.setdefault(id(source), _AskedToken(name, source))
            return asked.get()
        return token_text(name, source)

    # --- The way to the service -------------------------------------------------------------------

    def proxy_for_host(self) -> str | None:
        """The URL of the proxy that the host is reached through, or None."""
        scheme, netloc = urlsplit(self.host)[:2]
        named = self.proxy is not None
        if not named and not any(name.lower().endswith("_proxy") for name in os.environ):
            return None
        # Imported here since it is slow; the stubs do not know the second name.
        from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined] # see above

        proxies: dict[str, str] = getproxies_environment()
        if self.no_proxy is not None:
            proxies["no"] = self.no_proxy
        if (not named or self.no_proxy is not None) and proxy_bypass_environment(netloc, proxies):
            return None
        return self.proxy if named else proxies.get(scheme) or proxies.get("all")

    def proxy_secrets(self) -> list[str]:
        """What of the proxy's settings no text may show."""
        given = (self.proxy_for_host() or "").rpartition("@")[0].rpartition("//")[2]
        user, _, password = map(unquote, given.partition(":"))
        headers = (secret for value in self._proxy_headers.values() for secret in credentials(value))
        return [given, f"{user}:{password}", password or user, *headers]

    def to_debug_report(self) -> str:
        """What to put into a report of a problem; it holds no credential."""
        return (
            f"qovery {__version__} (API 1.0.4)\n"
            f"Python {platform.python_version()} on {platform.platform()}\n"
            f"Host {self.host}"
        )


class _AskedToken:
    """A token that a callable gave, kept until the service rejects it."""

    def __init__(self, name: str, ask: Callable[[], str]) -> None:
        self._name = name
        self._ask = ask  # also keeps the callable alive, whose id is the key to this object
        self._token: str | None = None
        self._locks: dict[int, threading.Lock] = {}

    def get(self) -> str:
        token = self._token
        return self._fetch(None) if token is None else token

    def renew(self, rejected: str) -> None:
        """Fetch another token if `rejected`, a header's value, carries the present one."""
        self._fetch(rejected)

    def _fetch(self, rejected: str | None) -> str:
        # One lock a process: a fork may happen while another thread holds the parent's.
        with self._locks.setdefault(os.getpid(), threading.Lock()):
            if self._token is None or (rejected is not None and rejected.endswith(self._token)):
                self._token = token_text(self._name, self._call())
            return self._token

    def _call(self) -> str:
        try:
            return self._ask()
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
        raise ApiException(reason=f"the callable for {self._name} failed: {TextMask([self._token or ''])(text)}")


def token_text(name: str, value: str) -> str:
    """A token without the white space around it, or an error that does not show it."""
    text = header_text(name, value)
    if not text:
        raise ApiValueError(f"{name} is empty: set a token, or leave it out")
    return text


def name_key(name: str) -> str:
    """A header's name in lower case, or an error that does not show it: it may be a credential gone astray."""
    if not isinstance(name, str) or not _HEADER_NAME(name):
        raise ApiValueError("a header's name must be letters, digits and hyphens")
    return name.lower()


def header_text(name: str, value: str) -> str:
    """A header's value without the white space around it, or an error that does not show it."""
    if not isinstance(value, str):
        raise ApiTypeError(f"{name} must be a str, not {type(value).__name__}")
    text = value.strip()
    if _NOT_IN_A_HEADER(text):
        raise ApiValueError(f"{name} has a line break or another character that an HTTP header cannot carry")
    return text


def _setting(kind: str, value: str) -> dict[str, str]:
    return MaskedDict({"type": kind, "in": "header", "key": "Authorization", "value": value})


def _is_jwt(token: str) -> bool:
    parts = token.split(".")
    try:
        header = json.loads(base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4)))
    except (binascii.Error, ValueError):
        return False
    return len(parts) == 3 and isinstance(header, dict)


# --- The checks of settings, by name --------------------------------------------------------------


def _host(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ApiTypeError(f"{name} must be a URL as str, not {type(value).__name__}")
    try:
        parts = urlsplit(value.strip())
        name_of_host = parts.hostname or ""
        usable = parts.scheme in {"http", "https"} and _HOST_NAME(name_of_host) and parts.port != 0
        usable = usable and ("[" in parts.netloc) == (":" in name_of_host)  # Python 3.10 takes anything in brackets
    except ValueError:
        usable = False
    if not usable:
        raise ApiValueError(f"{name} must be a URL like {DEFAULT_HOST}")
    if "@" in parts.netloc or parts.query or parts.fragment or not parts.geturl().isascii():
        raise ApiValueError(
            f"{name} must be scheme, name, port and path alone, in ASCII: credentials have their own settings"
        )
    if parts.scheme == "http" and not _LOOPBACK(parts.hostname or ""):
        _warn(f"{name} is plain http, so tokens and secrets can be read on the way: use https")
    return parts.geturl().rstrip("/")


def _verify_ssl(name: str, value: Any) -> bool:
    if not value:
        _warn(f"{name} is off, so anybody on the way can read tokens and secrets: set ssl_ca_cert to trust an own CA")
    return bool(value)


def positive(name: str, value: Any) -> Any:
    """`value` if it is a number above 0, else an error that names it."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ApiTypeError(f"{name} must be a number, not {type(value).__name__}")
    if not 0 < value < float("inf"):
        raise ApiValueError(f"{name} must be a number above 0")
    return value


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ApiTypeError(f"{name} must be an int, not {type(value).__name__}")
    if value < 1:
        raise ApiValueError(f"{name} must be at least 1")
    return value


def _retries(name: str, value: Any) -> Any:
    if value is None:
        return 3
    if not isinstance(value, int):
        if not hasattr(value, "increment"):  # urllib3 is not imported here
            raise ApiTypeError(f"{name} must be an int or a urllib3.Retry, not {type(value).__name__}")
        return value
    if value < 0:
        raise ApiValueError(f"{name} must be 0 or more, or a urllib3.Retry")
    return int(value)


def _text(name: str, value: Any) -> Any:
    if not isinstance(value, (str, type(None))):
        raise ApiTypeError(f"{name} must be a str, not {type(value).__name__}")
    return value


def mapping(name: str, value: Any) -> dict[Any, Any]:
    """`value` as a new dictionary, empty for None, or an error that does not show it."""
    if not isinstance(value, (Mapping, type(None))):
        raise ApiTypeError(f"{name} must be a mapping, not {type(value).__name__}")
    return dict(value or {})


def _socket_options(name: str, value: Any) -> list[Any] | None:
    try:
        return None if value is None else [tuple(option) for option in value]
    except TypeError:
        pass
    raise ApiTypeError(f"{name} must be a list of tuples as for socket.setsockopt")


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "host": _host,
    "api_key": mapping,
    "api_key_prefix": mapping,
    "proxy": _text,
    "no_proxy": _text,
    "proxy_headers": mapping,
    "socket_options": _socket_options,
    "verify_ssl": _verify_ssl,
    "connection_pool_maxsize": _count,
    "max_response_size": _count,
    "connect_timeout": positive,
    "read_timeout": positive,
    "total_timeout": positive,
    "retries": _retries,
}


def _warn(text: str) -> None:
    level, frame = 2, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__package__") == __package__:  # blame the caller's line
        level, frame = level + 1, frame.f_back
    warnings.warn(text, InsecureWarning, stacklevel=level)
