"""Library internals that the transport relies on: all are listed in one table, exist and work as expected."""

from __future__ import annotations

import ast
import dis
import importlib
import inspect
import io
import ssl
import sys
import textwrap
import types
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from operator import attrgetter
from typing import Any

import pytest
from urllib3 import PoolManager
from urllib3.contrib.socks import SOCKSProxyManager

from qovery import ApiConnectionError
from qovery.transport import attempt_pool, connection, failures, response_head, socks
from qovery.transport.relied_on import PARTS, TEXTS, Part
from test.support import ROOT
from test.support.calls import CALLS
from test.support.clients import Connect
from test.support.hostile import HostileServer, http_response, read, send
from test.support.recording import EMPTY, RecordingServer
from test.support.tls import Authority

each = pytest.mark.parametrize("part", PARTS, ids=lambda part: part.path)


def find(part: Part) -> Any:
    module, _, name = part.path.partition(":")
    try:
        return attrgetter(name)(importlib.import_module(module))
    except AttributeError:
        owner, _, last = name.rpartition(".")  # from an inner class that has only annotations
        if last in getattr(attrgetter(owner)(importlib.import_module(module)), "__annotations__", {}):
            return None
        raise


def function(part: Part) -> types.FunctionType:
    found = find(part)
    found = found.fget if isinstance(found, property) else found
    assert isinstance(found, types.FunctionType)
    return found


def codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes(constant)


def names(part: Part) -> set[str]:
    """Return the names of globals and attributes in a function."""
    return {name for code in codes(function(part).__code__) for name in code.co_names}


def assigned(part: Part) -> set[str]:
    """Return the attributes that a function sets."""
    return {name for code in codes(function(part).__code__) for name in stored(code)}


def stored(code: types.CodeType) -> set[str]:
    return {instruction.argval for instruction in dis.get_instructions(code) if instruction.opname == "STORE_ATTR"}


def keywords(part: Part) -> set[str]:
    """Return the keywords that a function passes to `self.ConnectionCls`."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function(part))))
    (call,) = (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "ConnectionCls"
    )
    return {keyword.arg or "**" for keyword in call.keywords}


@each
def test_part(part: Part) -> None:
    """Each listed part exists and matches the table."""
    if sys.version_info < part.since:
        pytest.skip("this Python does not have it")
    found = find(part)
    assert part.why
    if part.parameters is not None:
        assert " ".join(inspect.signature(found).parameters) == part.parameters
    if part.uses:
        assert set(part.uses.split()) <= names(part)
    if part.sets:
        assert set(part.sets.split()) <= assigned(part)
    if part.sets_only:
        assert set(part.sets_only.split()) == assigned(part)
    if part.passes:
        assert set(part.passes.split()) == keywords(part)
    source = inspect.getsource(found) if part.order else ""
    for fragment in part.order:
        assert fragment in source
        source = source.partition(fragment)[2]


# --- Completeness of the table --------------------------------------------------------------------

OURS: Sequence[type[Any]] = (
    *attempt_pool.attempt_pools().values(),
    *(
        attempt_pool._bound(mixin, pool.ConnectionCls)
        for mixin, manager in (
            (connection.BoundConnection, PoolManager()),
            (socks.SocksConnection, SOCKSProxyManager("socks5h://localhost")),
        )
        for pool in manager.pool_classes_by_scheme.values()
    ),
    socks._Socket,
    response_head.Response,
    connection.BoundConnection,
)
LISTED = {part.path.rpartition(".")[2].rpartition(":")[2] for part in PARTS} | {
    name for part in PARTS for name in f"{part.uses} {part.sets} {part.sets_only}".split()
}


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_overridden__is_listed(kind: type[Any]) -> None:
    """Every library attribute that our classes override or set is in the table."""
    bases = [base for base in kind.__mro__ if base.__module__.partition(".")[0] not in {"builtins", "io", "_io"}]
    ours = [base for base in bases if base.__module__.startswith("qovery.")]
    theirs = [base for base in bases if base not in ours]
    used = {name for code in methods(theirs) for name in code.co_names} | {
        name for base in theirs for name in vars(base)
    }
    replaced = {name for base in ours for name in vars(base) if not name.startswith(("__", "_abc_"))}
    replaced |= {name for code in methods(ours) for name in stored(code)}
    replaced -= {"pool", "response"}  # set on other objects
    assert replaced & used <= LISTED, (replaced & used) - LISTED


def methods(classes: Sequence[type[Any]]) -> Iterator[types.CodeType]:
    """Return the functions of the methods and properties of classes."""
    for kind in classes:
        for member in vars(kind).values():
            function = getattr(member, "fset" if isinstance(member, property) else "__func__", member)
            if isinstance(function, types.FunctionType):
                yield from codes(function.__code__)


def test_private_names__are_listed() -> None:
    """Every private attribute that this package uses is its own or in the table."""
    own: set[str] = set()
    used: dict[str, str] = {}
    for file in (ROOT / "qovery").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                own.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                own.add(node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_self(node.value):
                own.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
                own.add(node.value)  # from __slots__
            elif isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
                used[node.attr] = f"{file.name}:{node.lineno}"
    documented = {"_fields", "_make", "_replace", "_asdict", "_name_", "_value_", "_getframe"}
    foreign = {name: place for name, place in used.items() if name not in own | documented}
    assert foreign.keys() <= LISTED, foreign


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def test_table__is_not_loaded() -> None:
    """No module of the package imports the table."""
    for file in (ROOT / "qovery").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                assert "relied_on" not in ast.unparse(node), file


# --- Texts ----------------------------------------------------------------------------------------

NOW = datetime.now(timezone.utc)
DAY = timedelta(1)
Fault = Callable[[Connect, Authority], str]


def text_of(connect: Connect, url: str, **settings: Any) -> str:
    with pytest.raises(ApiConnectionError) as caught:
        CALLS["list"](connect(url, retries=0, **settings))
    return f"{caught.value} {caught.value.__cause__}"


def tunnel(status: int) -> Fault:
    def fault(connect: Connect, _: Authority) -> str:
        with HostileServer([read, send(http_response(status))]) as proxy:
            return text_of(connect, "https://api.test", proxy=proxy.url)

    return fault


def tls_server(make: Callable[[Authority], ssl.SSLContext | None], **settings: Any) -> Fault:
    def fault(connect: Connect, tls: Authority) -> str:
        with RecordingServer(EMPTY, make(tls)) as server:
            return text_of(connect, f"https://127.0.0.1:{server.port}", **settings)

    return fault


def proxy_untrusted(connect: Connect, tls: Authority) -> str:
    with tls.server() as proxy:
        return text_of(connect, "https://api.test", proxy=proxy.url)


#: A failure for each text, or for a group of texts of which the OpenSSL version uses one.
FAULTS: dict[tuple[str, ...], Fault] = {
    ("Tunnel connection failed: 407",): tunnel(407),
    ("Tunnel connection failed: 4",): tunnel(403),
    ("SSLError(",): proxy_untrusted,
    ("self-signed", "self signed"): tls_server(Authority.self_signed),
    ("unable to get local issuer",): tls_server(Authority.context, ca_cert_data=None),
    ("CERTIFICATE_VERIFY_FAILED",): tls_server(Authority.context, ca_cert_data=None),
    ("has expired",): tls_server(lambda tls: tls.context(not_before=NOW - 9 * DAY, not_after=NOW - DAY)),
    ("not yet valid",): tls_server(lambda tls: tls.context(not_before=NOW + DAY, not_after=NOW + 9 * DAY)),
    ("doesn't match",): tls_server(Authority.context, assert_hostname="other.test"),
    ("Hostname mismatch",): tls_server(Authority.context, tls_server_name="other.test"),
    ("IP address mismatch",): tls_server(lambda tls: tls.context("other.test")),
    ("WRONG_VERSION_NUMBER", "record layer failure"): tls_server(lambda _: None),
    ("ALERT_CERTIFICATE_REQUIRED",): tls_server(lambda tls: tls.context(mutual=True)),
}


@pytest.mark.parametrize("texts", FAULTS)
def test_text(connect: Connect, tls: Authority, texts: tuple[str, ...]) -> None:
    """The libraries still produce the text that a hint is matched by, when the fault happens."""
    assert any(text in FAULTS[texts](connect, tls) for text in texts)


def test_texts__are_those_of_the_hints() -> None:
    """Each text that a hint is matched by is in the table and has a fault above."""
    assert [sign for sign, _ in failures._HINTS] == list(TEXTS)
    assert {text for texts in FAULTS for text in texts} == TEXTS.keys()


# --- Behaviour ------------------------------------------------------------------------------------


def test_buffered_reader__peeks_once() -> None:
    """`BufferedReader.peek` reads at most once, so it does not block for more data."""

    class Reader(io.RawIOBase):
        reads = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            self.reads += 1
            buffer[:3] = b"abc"
            return 3

    raw = Reader()
    assert io.BufferedReader(raw).peek() == b"abc"
    assert raw.reads == 1
