"""Rust source as tokens, without comments, the content of strings, and code that is compiled for tests only."""

import re
from dataclasses import dataclass

TOKEN = re.compile(
    r"""
    (?P<skip> \s+ | //[^\n]* )
  | (?P<block> /\* )
  | (?P<raw> (?:b|c)?r(?P<hashes>\#*)" )
  | (?P<string> (?:b|c)?"(?:[^"\\]|\\.)*" )
  | (?P<char> b?'(?:[^'\\\n]|\\(?:u\{[^}]*\}|x..|.))' )
  | (?P<lifetime> '[A-Za-z_]\w* )
  | (?P<name> \$crate | (?:r\#)?[A-Za-z_]\w* )
  | (?P<number> \d\w* )
  | (?P<sign> :: | . )
    """,
    re.VERBOSE | re.DOTALL,
)
OPENING, CLOSING = "([{", ")]}"
# Items that end at a semicolon, whatever braces they hold.
ENDED_BY_SEMICOLON = {"use", "const", "static", "type", "let"}
ITEMS = ENDED_BY_SEMICOLON | {"fn", "struct", "enum", "union", "trait", "impl", "mod", "macro_rules", "extern", "pub", "unsafe"}


@dataclass(frozen=True)
class Token:
    """A name, a sign or a literal, and its line from 1."""

    text: str
    line: int
    is_name: bool


def tokens(text: str) -> list[Token]:
    """All tokens of a file except those under `#[cfg(test)]`."""
    return without_tests(list(scan(text)))


def scan(text: str):
    place, line = 0, 1
    while place < len(text):
        match = TOKEN.match(text, place)
        kind, end = match.lastgroup, match.end()
        if match["block"]:
            end = end_of_comment(text, place)
        elif match["raw"] is not None:
            end = text.index('"' + match["hashes"], end) + 1 + len(match["hashes"])
        elif match["name"]:
            yield Token(match["name"].removeprefix("r#"), line, True)
        elif kind in ("sign", "number", "lifetime"):
            yield Token(match[0], line, False)
        elif not match["skip"]:
            yield Token('""', line, False)
        line += text.count("\n", place, end)
        place = end


def end_of_comment(text: str, place: int) -> int:
    """The end of a block comment; block comments nest."""
    depth = 0
    for match in re.compile(r"/\*|\*/").finditer(text, place):
        depth += 1 if match[0] == "/*" else -1
        if depth == 0:
            return match.end()
    return len(text)


def without_tests(found: list[Token]) -> list[Token]:
    kept, place = [], 0
    while place < len(found):
        if found[place].text == "#" and place + 1 < len(found) and found[place + 1].text == "[":
            end = end_of_group(found, place + 1)
            if is_for_tests([token.text for token in found[place:end]]):
                place = end_of_item(found, end)
                continue
        kept.append(found[place])
        place += 1
    return kept


def is_for_tests(attribute: list[str]) -> bool:
    """Whether an attribute is `cfg(test)` or `cfg(all(test, ...))`; code that is also compiled otherwise is kept."""
    return attribute[2] == "cfg" and "test" in attribute and not {"not", "any"} & set(attribute)


def end_of_group(found: list[Token], place: int) -> int:
    """The index behind the bracket that closes the one at `place`."""
    depth = 0
    for i in range(place, len(found)):
        depth += (found[i].text in OPENING) - (found[i].text in CLOSING)
        if depth == 0:
            return i + 1
    return len(found)


def end_of_item(found: list[Token], place: int) -> int:
    """The index behind an item, a statement or a match arm, with the attributes in front of it."""
    while found[place].text == "#":
        place = end_of_group(found, place + 1)
    first = words_of(found, place)
    by_semicolon = bool(first & ENDED_BY_SEMICOLON) and "fn" not in first
    is_item = bool(first & ITEMS)
    while place < len(found):
        text = found[place].text
        if text in CLOSING:
            return place
        if text in OPENING:
            place = end_of_group(found, place)
            if text == "{" and not by_semicolon:
                return place
            continue
        place += 1
        if text == ";" or text == "," and not is_item:
            return place
    return place


def words_of(found: list[Token], place: int) -> set[str]:
    """The names that an item begins with, up to its own name: `pub const fn`."""
    words = set()
    for token in found[place : place + 8]:
        if token.text == "(" and words == {"pub"} or token.text in (")", '""') or token.text in ("crate", "super", "self", "in"):
            continue
        if not token.is_name:
            break
        words.add(token.text)
        if token.text in ITEMS - {"pub", "unsafe", "const", "extern"}:
            break
    return words
