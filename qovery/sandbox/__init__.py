"""A local mock server for the secrets API, for tests and experiments.

    with Sandbox() as sandbox:
        configuration = qovery.Configuration(host=sandbox.url, access_token="any token")

It needs the extra `sandbox`. It stores values in plain text: do not put real secrets in it.
"""

TYPE_CHECKING: bool = False  # as in `qovery`
if TYPE_CHECKING:
    from qovery.sandbox.server import Sandbox as Sandbox

__all__ = ["Sandbox"]  # pyright: ignore[reportUnsupportedDunderAll] - loaded on first use, as in `qovery`

if not TYPE_CHECKING:  # type checkers would accept every name

    def __getattr__(name: str) -> object:
        if name != "Sandbox":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            from qovery.sandbox.server import Sandbox
        except ModuleNotFoundError as error:
            from qovery.extras import missing

            problem = missing(f"the sandbox, which imports {error.name},", "sandbox")
        else:
            return Sandbox
        from qovery.exceptions import MissingExtraError

        raise MissingExtraError(problem)
