"""`Route`: the host, proxy, TLS and connection settings of a request, as one value. Opens no connection."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from qovery.exceptions import ApiValueError
from qovery.origins import raise_from_signal_handler
from qovery.redaction.marks import Masked

if TYPE_CHECKING:
    import ssl

#: The variables that determine the proxy for a scheme. The first four name one; lower case takes precedence.
_VARIABLES = {
    scheme: (
        f"{scheme}_proxy",
        f"{scheme}_proxy".upper(),
        "all_proxy",
        "ALL_PROXY",
        "no_proxy",
        "NO_PROXY",
        "REQUEST_METHOD",
    )
    for scheme in ("http", "https")
}

_PROXY_SCHEMES = {"http", "https", "socks4", "socks4a", "socks5", "socks5h"}

#: The first four as they are stored inside `os.environ`.
_STORED = {
    scheme: tuple(name.upper() if os.name == "nt" else os.fsencode(name) for name in names[:4])
    for scheme, names in _VARIABLES.items()
}

_LOOPBACK = r"(.+\.)?localhost|127(\.\d+){3}|::1"


class Route(NamedTuple):
    """The settings that determine how a request reaches the service. Routes are equal if their settings are.

    The fields are the settings of `Configuration` with the same name. `proxy` is the URL of the proxy in use, whether
    it was set or comes from the environment.
    """

    host: str
    proxy: Masked[str | None]
    proxy_headers: tuple[tuple[str, Masked[str]], ...]
    proxy_ssl_context: "ssl.SSLContext | None"
    ssl_ca_cert: str | os.PathLike[str] | None
    ca_cert_data: str | bytes | None
    cert_file: str | os.PathLike[str] | None
    key_file: str | os.PathLike[str] | None
    verify_ssl: bool
    assert_hostname: str | bool | None
    tls_server_name: str | None
    socket_options: tuple[tuple[int, int, int | bytes], ...] | None
    connection_pool_maxsize: int
    idle_timeout: float

    @property
    def url(self) -> SplitResult:
        """The parts of the host's URL."""
        return urlsplit(self.host)

    @property
    def proxy_url(self) -> SplitResult | None:
        """The parts of the proxy's URL, credentials included."""
        url = self.proxy.reveal()
        return None if url is None else urlsplit(url)

    @property
    def prefix(self) -> str:
        """The prefix of each request target: the host's path, or its whole URL for a forwarding proxy."""
        proxy, url = self.proxy_url, self.url
        forwarded = url.scheme == "http" and proxy is not None and not proxy.scheme.startswith("socks")
        return self.host if forwarded else url.path

    def secrets(self) -> Iterator[str]:
        """Yield the credentials in the proxy's settings, which no text may show."""
        from qovery.redaction.text_mask import credentials  # only errors need it

        given = (self.proxy.reveal() or "").rpartition("@")[0].rpartition("//")[2]
        user, _, password = map(unquote, given.partition(":"))
        yield from (given, f"{user}:{password}", password or user)
        for _, value in self.proxy_headers:
            yield from credentials(value.reveal())

    def insecure(self) -> str | None:
        """Return why others can read requests on this route, or None if they cannot."""
        if self.url.scheme == "https":
            if not self.verify_ssl:
                return (
                    "verify_ssl is off, so tokens and secrets can be read in transit: set ssl_ca_cert to trust your CA"
                )
            if self.assert_hostname is False:
                return "assert_hostname is False, so any server with a valid certificate can read tokens and secrets"
            return None
        proxy = self.proxy_url
        if proxy is not None and not re.fullmatch(_LOOPBACK, proxy.hostname or ""):
            return "host is plain http and a proxy forwards it, so tokens and secrets can be read in transit: use https"
        if not re.fullmatch(_LOOPBACK, self.url.hostname or ""):
            return "host is plain http, so tokens and secrets can be read in transit: use https"
        return None


def choose_proxy(host: str, proxy: str | None, no_proxy: str | None, variables: tuple[str | None, ...]) -> str | None:
    """Return the URL of the proxy to use for `host`, or None.

    Args:
        host: The URL of the host.
        proxy: The proxy that was set; it takes precedence over the environment.
        no_proxy: The hosts that were set to be reached without a proxy, separated by commas.
        variables: The values of the environment variables, or an empty tuple if they do not matter.

    Raises:
        ApiValueError: The proxy is not a valid URL. The error does not show it.
    """
    if proxy is None and not any(variables[:4]):
        return None
    chosen = _choose(host, proxy, no_proxy, variables)
    if chosen is not None and not _is_proxy_url(chosen):
        raise ApiValueError("proxy must be a URL like http://name:3128 or socks5://name:1080")
    return chosen


def _is_proxy_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        return url.scheme in _PROXY_SCHEMES and bool(url.hostname) and url.port != 0 and not any(map(str.isspace, text))
    except ValueError as error:
        raise_from_signal_handler(error)
        return False


def _choose(host: str, proxy: str | None, no_proxy: str | None, variables: tuple[str | None, ...]) -> str | None:
    try:
        # Imported here since it is slow; the stubs lack the name. See `transport.relied_on`.
        from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined] # see above
    except ImportError:  # this call is nested in one that is importing it
        raise ApiValueError("no_proxy cannot be read at this moment") from None

    scheme, netloc = urlsplit(host)[:2]
    proxies = _by_name(scheme, variables) if proxy is None else {}
    if no_proxy is not None:
        proxies["no"] = no_proxy
    if proxy_bypass_environment(netloc, proxies):
        return None
    return proxies.get(scheme) or proxies.get("all") if proxy is None else proxy


def _by_name(scheme: str, variables: tuple[str | None, ...]) -> dict[str, str]:
    """Return what `urllib.request.getproxies_environment` has for a scheme, for "all" and for "no"."""
    lower, upper = list(variables[:6:2]), list(variables[1:6:2])
    if scheme == "http" and variables[6] is not None:  # in a CGI program, a request sets HTTP_PROXY by a header
        upper[0] = None
        if os.name == "nt":  # both are one variable
            lower[0] = None
    chosen = (small if small is not None else large for small, large in zip(lower, upper, strict=True))
    return {name: value for name, value in zip((scheme, "all", "no"), chosen, strict=True) if value}


#: The settings that a route copies unchanged, in the order of its last fields.
_PLAIN_SETTINGS = tuple(name for name in Route._fields if name not in {"proxy", "proxy_headers", "socket_options"})
_plain = itemgetter("no_proxy", *_PLAIN_SETTINGS)


class RouteReader:
    """Builds the route from settings, and rebuilds it only when their content has changed.

    The content is compared, since mappings may be changed in place, and proxies may come from the environment.
    """

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: tuple[tuple[Any, ...], Route] | None = None

    def read(self, settings: Mapping[str, Any], warn: Callable[[str], None]) -> Route:
        """Return the route. If it is insecure, call `warn` with the reason when the host, proxy or reason is new."""
        proxy, headers, options = settings["_proxy"].reveal(), settings["_proxy_headers"], settings["socket_options"]
        variables: tuple[str | None, ...] = ()
        scheme = settings["host"].partition(":")[0]
        environ = os.environ  # a test may have replaced it by a `dict`
        stored = getattr(environ, "_data", None)  # see `transport.relied_on`: four times `get` cost 2 % of a call
        if proxy is None and (stored is None or not stored.keys().isdisjoint(_STORED[scheme])):
            variables = tuple(map(environ.get, _VARIABLES[scheme]))
        content = (
            settings["_proxy"],
            variables,
            tuple(headers.items()),
            None if options is None else tuple(options),
            *_plain(settings),
        )
        last = self._last
        if last is not None and last[0] == content:
            return last[1]
        route = Route(
            proxy=Masked(choose_proxy(settings["host"], proxy, settings["no_proxy"], variables)),
            proxy_headers=content[2],
            socket_options=content[3],
            **{name: settings[name] for name in _PLAIN_SETTINGS},
        )
        problem = route.insecure()
        where = route.host, route.proxy, problem
        if problem and (last is None or where != (last[1].host, last[1].proxy, last[1].insecure())):
            warn(problem)  # before the route is stored, so that a warning turned into an error is raised each time
        self._last = content, route
        return route
