"""A local server that behaves like the service, for trying things and for tests.

    with Sandbox() as sandbox:
        configuration = qovery.Configuration(host=sandbox.url, access_token="any token")

It needs the extra `sandbox`. It keeps what it is given in the clear: it is no place for real secrets.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from qovery.sandbox.server import Sandbox as Sandbox

__all__ = ["Sandbox"]  # pyright: ignore[reportUnsupportedDunderAll] - loaded on first use, as `qovery` does it


def __getattr__(name: str) -> object:
    if name != "Sandbox":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from qovery.sandbox.server import Sandbox
    except ModuleNotFoundError as error:
        problem = f"the sandbox needs {error.name}: pip install 'qovery[sandbox]'"
    else:
        return Sandbox
    raise ModuleNotFoundError(problem)
