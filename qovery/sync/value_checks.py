"""Checks of values before they are written: a plan is the last step at which a mistake can be noticed.

Every rule takes linear time, and no message contains a value.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Literal, get_args

from qovery.exceptions import ApiTypeError, ApiValueError
from qovery.models import SecretRequest

#: The rules for values. White space around a value is ignored by those that look at the whole value.
#:
#: - `empty`: the value has no characters
#: - `blank`: only white space
#: - `whitespace`: white space or a line break at the start or the end. A value of several lines may end with one line
#:   break. Files are not checked.
#: - `masked`: masked text such as `***` or `[REDACTED]`, also as the password of a URL or after `Bearer`; text that
#:   sops has encrypted
#: - `placeholder`: a placeholder such as `changeme`, `<your key>` or `TODO`, also in these places
#: - `quotes`: the whole value is in quotes. Files are not checked.
#: - `variable`: a variable or command that was not expanded, such as `${API_KEY}`, `%API_KEY%` or `$(cat key)`, also in
#:   these places. `{{OTHER_KEY}}` is not one: the service replaces it.
#: - `pem`: a PEM block without its end or its line breaks
#: - `url`: the key ends in `URL` or `URI`, and the value is neither a URL nor a path or host. Files are not checked.
#:   Neither are keys with `LOGIN`, `LOGOUT` or `REDIRECT`, whose values may be names of routes.
ValueRule = Literal["empty", "blank", "whitespace", "masked", "placeholder", "quotes", "variable", "pem", "url"]

RULES: tuple[ValueRule, ...] = get_args(ValueRule)

# The white space of `str.isspace`, the byte order mark, and zero-width characters.
BLANK = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff\u200b\u2060"
)

# Longer values are not masked text, placeholders or variables. The limits bound the matching time.
_LONGEST, _LONGEST_PLACEHOLDER = 2000, 80

_MASKED = re.compile(
    r"""
      [*•●∙·█▪]{3,}
    | [\w.-]{0,40} (?:\*{4,}|[•●█]{3,}) [\w.-]{0,40}           # with the first or last characters of the secret
    | [\W_]{0,10} redacted [\W_]{0,10}
    | [\[<({*]{1,3} (?:masked|filtered|hidden|secure|sensitive(?:[ ]value)?) [\]>)}*]{1,3}
    | \w{1,20}\(b?'\*{3,}'\)                                   # the representation of a SecretStr
    | ENC\[AES256_GCM,data:[^\]\s]*\]                          # encrypted by sops
    """,
    re.VERBOSE | re.IGNORECASE,
).fullmatch

# `-` counts as `_`, and so does a space in brackets.
_PLACEHOLDER = re.compile(
    r"""
      (?:.*_)? change_?(?:me|this) (?:_.*|[\d.!]*)
    | (?:.*_)? replace_?(?:me|this|with_.*) (?:_.*)?
    | (?:.*_)? (?:your|insert|put|paste|enter|add|fill) _ (?:.*_)? here
    | (?:.*_)? your_? (?:.*_)? (?:key|token|secret|password|passwd|username|id|value|url|uri|dsn|domain|host|email)
    | fill_?me(?:_in)? | placeholder
    | x{3,}(?:_x{2,})* | (?:.*_)?x{4,} | \w*x{8,}              # sk_test_xxxx, AKIAXXXXXXXXXXXXXXXX
    | (?:\w{1,8}_){0,2} (?:\.{3}|…)                            # sk-...
    """,
    re.VERBOSE | re.DOTALL,
).fullmatch
_REMINDER = re.compile(r"(?:TODO|FIXME|TBD)(?:[:(].*)?|tbd", re.DOTALL).fullmatch
_IN_ANGLES = re.compile(r"<(?:[^\W\d_][\w .,:'-]*|\.{3}|…)>").fullmatch
_IN_BRACKETS = re.compile(r"\[([^\[\]]*)\]|\{([^{}]*)\}|\(([^()]*)\)").fullmatch

_VARIABLE = re.compile(
    r"""
      \$\{[^{}\n]*\} | \$\{\{[^{}\n]*\}\}                      # shells and their like; GitHub Actions
    | \$[A-Z][A-Z0-9_]{2,} | (?i:\$env):\w+                    # shells; PowerShell
    | \$\([^{};\n]*\)                                          # the output of a command
    | %[A-Z][A-Z0-9_]{2,}% | %\(\w+\)s                         # Windows; Python
    | \#\{\w[\w.-]*\}\#?                                       # Azure DevOps, Octopus
    | \{\{-?\s*[.$][^{}\n]*\}\} | <%=[^%\n]*%>                 # Helm; ERB
    | undefined | \[object[ ]Object\]                          # a variable of JavaScript that was not set
    """,
    re.VERBOSE,
).fullmatch
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://").match
_IN_URL = re.compile(r"\$\{[A-Z_][A-Z0-9_]*(?::?[-?+][^{}\n]*)?\}").search

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?=\S)").match
_BAD_HTTP = re.compile(r"https?(?!://[^\s/?#])[:/]", re.IGNORECASE).match
_CREDENTIAL = re.compile(
    r"\w://[^\s/@:]{0,200}:([^\s/@]{1,200})@|\A(?:Basic|Bearer|Token) (.{1,200})\Z", re.IGNORECASE
).search
_URL_KEY = re.compile(
    r"(?!.*(?i:login|logout|redirect))(?:(?:.*_)?(?:UR[LI]|ur[li])|.*[a-z0-9]Ur[li])", re.DOTALL
).fullmatch

_PEM_LINE = re.compile(r"^[\"']?-----(BEGIN|END) ([A-Z0-9 ]{1,64})-----", re.MULTILINE)
_PEM_WITHOUT_END = "PGP SIGNED MESSAGE"  # it ends with the signature

# Sources of a Content-Security-Policy, which the standard puts in quotes.
_CSP_SOURCE = re.compile(
    r"'(?:self|none|strict-dynamic|report-sample|unsafe-[a-z-]+|(?:nonce|sha\d+)-[^']*)'"
).fullmatch


def value_problems(key: str, value: str, *, is_file: bool = False) -> dict[ValueRule, str]:
    """Return the rules that a value breaks, each with a text that does not contain the value.

    Args:
        key: The key of the secret.
        value: The value that is to be written.
        is_file: Whether the value is the content of a file.
    """
    text = value.strip(BLANK)
    if not text:
        return {"blank": "the value is only white space"} if value else {"empty": "the value is empty"}
    found: dict[ValueRule, str | None] = {"pem": _pem(text)}
    if not is_file:
        found |= {"whitespace": _edges(value, text), "quotes": _quotes(text)}
    if len(text) <= _LONGEST:
        found |= _unfilled(text)
    if not is_file and not any(found.values()) and _URL_KEY(key) and _is_no_url(text):
        found["url"] = "the key names a URL, but the value is not one"
    return {rule: problem for rule in RULES if (problem := found.get(rule))}


def objections(requests: Iterable[SecretRequest], allowed: Mapping[str, frozenset[ValueRule]]) -> dict[str, str]:
    """Return, by key, why values are not written, and how to allow it. A request without a value has no problem."""
    reasons = {}
    for request in requests:
        if not isinstance(request.value, str):
            continue
        problems = value_problems(request.key, request.value, is_file=bool(request.mount_path))
        forbidden = {rule: text for rule, text in problems.items() if rule not in allowed.get(request.key, ())}
        if forbidden:
            rules = ", ".join(f'"{rule}"' for rule in forbidden)
            reasons[request.key] = (
                f'{"; ".join(forbidden.values())} (to write it, use allow={{"{request.key}": {{{rules}}}}})'
            )
    return reasons


def allowed_rules(
    allow: Mapping[str, Collection[ValueRule]] | None, keys: Collection[str]
) -> dict[str, frozenset[ValueRule]]:
    """Return a copy of the rules that may be broken, by key.

    Raises:
        ApiTypeError: It is not a mapping of keys to sets of rules.
        ApiValueError: A rule does not exist, or a key is not desired. The error suggests the nearest name.
    """
    if not isinstance(allow, Mapping | None):
        raise ApiTypeError('allow must be a mapping of keys to sets of rules, such as {"API_KEY": {"empty"}}')
    copied = {}
    for key, rules in (allow or {}).items():
        if isinstance(rules, str) or not isinstance(rules, Collection):
            raise ApiTypeError(f'allow[{key!r}] must be a set of rules, such as {{"empty"}}')
        if key not in keys:
            raise ApiValueError(f"allow has the key {key!r}, which is not a desired secret{_nearest(key, keys)}")
        for rule in rules:
            if rule not in RULES:
                hint = _nearest(rule, RULES) or f"; the rules are {', '.join(RULES)}"
                raise ApiValueError(f"allow[{key!r}] has {rule!r}, which is not a rule{hint}")
        copied[key] = frozenset(rules)
    return copied


def _nearest(name: object, names: Collection[str]) -> str:
    from difflib import get_close_matches  # only errors need it

    near = get_close_matches(str(name), names, 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _edges(value: str, text: str) -> str | None:
    if "\n" in text:  # like any text of several lines, a PEM usually ends with a line break
        value = value.removesuffix("\n").removesuffix("\r")
    if value[0] in BLANK:
        return "the value starts with white space"
    if value[-1] in BLANK:
        return "the value ends with a line break" if value[-1] in "\r\n" else "the value ends with white space"
    return None


def _quotes(text: str) -> str | None:
    quote = text[0]
    if quote not in "\"'" or len(text) == 1 or text[-1] != quote or _CSP_SOURCE(text):
        return None
    inner = text[1:-1].replace("\\\\", "").replace(f"\\{quote}", "")
    return "the value is in quotes" if quote not in inner and not inner.endswith("\\") else None


def _unfilled(text: str) -> dict[ValueRule, str]:
    """Find text that was not replaced by the secret: a mask, placeholder or variable, alone or in a URL or header."""
    credential = _CREDENTIAL(text)
    parts = (text, credential[1] or credential[2]) if credential else (text,)
    if any(map(_MASKED, parts)):
        return {"masked": "the value is masked or encrypted text, not the secret"}
    if any(map(_is_placeholder, parts)):
        return {"placeholder": "the value is a placeholder"}
    if any(map(_VARIABLE, parts)) or (_URL(text) and _IN_URL(text)):
        return {"variable": "the value has a variable that was not expanded"}
    return {}


def _is_placeholder(text: str) -> bool:
    if len(text) > _LONGEST_PLACEHOLDER:
        return False
    bracketed = _IN_BRACKETS(text)
    words = (bracketed[bracketed.lastindex or 0].replace(" ", "_") if bracketed else text).replace("-", "_").lower()
    return bool(_IN_ANGLES(text) or _REMINDER(text) or _PLACEHOLDER(words))


def _pem(text: str) -> str | None:
    begun = None
    for line in _PEM_LINE.finditer(text):
        if line[1] == "BEGIN":
            if begun:
                return "the value has a PEM block without its end"
            begun = None if line[2] == _PEM_WITHOUT_END else line[2]
        elif line[2] != begun:
            return "the value has a PEM block without its beginning"
        else:
            begun = None
    if begun is None:
        return None
    lost = f"-----END {begun}-----" in text and "\n" not in text
    return f"the value has a PEM block without its {'line breaks' if lost else 'end'}"


def _is_no_url(text: str) -> bool:
    """Whether a text is neither a URL nor a path, a host or connection settings. `{{KEY}}` may stand for any."""
    if "{{" in text:
        return False
    if _BAD_HTTP(text):
        return True
    return not (_SCHEME(text) or text.startswith(("?", "#")) or text == "localhost" or any(c in text for c in "./:="))
