"""Package metadata that needs code: the README for package indexes."""

import re
from pathlib import Path

from setuptools import setup


def for_an_index(readme: str) -> str:
    """Return the README without relative links and images, which package indexes do not resolve; keep code blocks."""
    parts = re.split(r"(^```.*?^```$)", readme, flags=re.MULTILINE | re.DOTALL)
    for number in range(0, len(parts), 2):
        without_pictures = re.sub(r"!\[[^]]*\]\((?![a-z]+:)[^)]*\)\n*", "", parts[number])
        parts[number] = re.sub(r"\[([^]]+)\]\((?![a-z]+:)[^)]*\)", r"\1", without_pictures)
    return "".join(parts)


if __name__ == "__main__":
    text = (Path(__file__).parent / "README.md").read_text(encoding="utf-8")
    setup(long_description=for_an_index(text), long_description_content_type="text/markdown")
