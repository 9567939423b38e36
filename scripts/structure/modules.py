"""The modules of a crate: their files, what they define and import, and the resolution of paths."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .source import CLOSING, Token, end_of_group, end_of_item, tokens

DEFINITIONS = {"fn", "struct", "enum", "union", "trait", "type", "const", "static", "macro_rules"}
MODIFIERS = {"unsafe", "async", "extern", "const", "auto", "default", '""'}


@dataclass(frozen=True)
class Import:
    """A name that a `use` brings into a module, or `*`."""

    path: tuple[str, ...]
    is_public: bool


@dataclass
class Module:
    """A module: a file, or a `mod name { ... }` inside one."""

    path: tuple[str, ...]
    file: Path
    parent: Module | None
    definitions: set[str] = field(default_factory=set)
    children: dict[str, Module] = field(default_factory=dict)
    imports: dict[str, list[Import]] = field(default_factory=dict)
    globs: list[Import] = field(default_factory=list)
    # The tokens of the module without its inner modules and `use` declarations.
    body: list[Token] = field(default_factory=list)

    @property
    def is_folder_root(self) -> bool:
        """Whether the file is the table of contents of a folder."""
        return self.file.name in ("mod.rs", "lib.rs", "main.rs") or self.file.with_suffix("").is_dir()


class Crate:
    """A crate with all its modules; the library and each binary have a root of their own."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self.source = folder / "src"
        self.modules: list[Module] = []
        for root in [self.source / "lib.rs", self.source / "main.rs", *sorted(self.source.glob("bin/*.rs"))]:
            if root.exists():
                self.read(Module((), root, None), tokens(root.read_text()))

    def files(self) -> list[Path]:
        """The files that are compiled without tests."""
        return sorted({module.file for module in self.modules})

    def shown(self, path: Path) -> str:
        return str(path.relative_to(self.source))

    def read(self, module: Module, found: list[Token]) -> None:
        """Reads the tokens of a module, and its inner modules."""
        self.modules.append(module)
        place, path_attribute = 0, False
        while place < len(found):
            text = found[place].text
            if text == "#":
                start, place = place, end_of_group(found, place + (2 if found[place + 1].text == "!" else 1))
                path_attribute = any(token.text == "path" for token in found[start : start + 3])
                module.body += found[start:place]
                continue
            start, is_public = place, text == "pub"
            if is_public:
                place += 1
                if found[place].text == "(":
                    place = end_of_group(found, place)
            while found[place].text in MODIFIERS and found[place + 1].text != "crate" and not is_constant(found, place):
                place += 1
            word = found[place].text
            if word == "use":
                place = self.read_use(module, found, place, is_public)
                continue
            if word == "mod" and found[place + 1].is_name:
                place = self.read_mod(module, found, place, path_attribute)
                continue
            if word in DEFINITIONS:
                name = next(token.text for token in found[place + 1 :] if token.is_name and token.text != "mut")
                module.definitions.add(name)
            end = max(end_of_item(found, start), place + 1)
            while end < len(found) and found[end].text in (*CLOSING, ";"):
                end += 1
            self.read_body(module, found[start:end])
            place = end

    def read_body(self, module: Module, found: list[Token]) -> None:
        """Keeps the tokens of an item; a `use` inside it counts as one of the module."""
        place = 0
        while place < len(found):
            if found[place].text == "use" and found[place].is_name and found[place + 1].text != "<":
                place = self.read_use(module, found, place, False)
            else:
                module.body.append(found[place])
                place += 1

    def read_use(self, module: Module, found: list[Token], place: int, is_public: bool) -> int:
        end = next(i for i in range(place, len(found)) if found[i].text == ";")
        words = [token.text for token in found[place + 1 : end]]
        for path, name in use_tree([word for word in words if word != "::"], ()):
            imported = Import(path, is_public)
            if name == "*":
                module.globs.append(imported)
            else:
                module.imports.setdefault(name, []).append(imported)
        return end + 1

    def read_mod(self, module: Module, found: list[Token], place: int, path_attribute: bool) -> int:
        name = found[place + 1].text
        if found[place + 2].text == "{":
            end = end_of_group(found, place + 2)
            child = Module((*module.path, name), module.file, module)
            module.children[name] = child
            self.read(child, found[place + 3 : end - 1])
            return end
        stem = module.file.parent if module.file.name in ("mod.rs", "lib.rs", "main.rs") else module.file.with_suffix("")
        candidates = [stem / f"{name}.rs", stem / name / "mod.rs"]
        file = next((path for path in candidates if path.exists()), None)
        if file is None:
            hint = "; #[path] is not followed" if path_attribute else ""
            raise SystemExit(f"check-structure: {module.file}: expected the file of `mod {name}`, found none{hint}")
        child = Module((*module.path, name), file, module)
        module.children[name] = child
        self.read(child, tokens(file.read_text()))
        return place + 3


def is_constant(found: list[Token], place: int) -> bool:
    """Whether `const` at a place is an item of its own and no modifier of a function."""
    return found[place].text == "const" and found[place + 1].text not in ("fn", "unsafe", "async", "extern")


def use_tree(words: list[str], prefix: tuple[str, ...]):
    """The (path, name) of each leaf of a `use`, whose words have no `::`."""
    path = list(prefix)
    while words and words[0] not in ("{", "as", ",", "}"):
        path.append(words.pop(0))
    if words and words[0] == "{":
        words.pop(0)
        while words[0] != "}":
            yield from use_tree(words, tuple(path))
            if words[0] == ",":
                words.pop(0)
        words.pop(0)
        return
    name = path[-1]
    if name == "*":
        path.pop()
    elif name == "self":
        path.pop()
        name = path[-1]
    if words and words[0] == "as":
        words.pop(0)
        name = words.pop(0)
    if path:
        yield tuple(path), name


@dataclass(frozen=True)
class Item:
    """The target of a path: an item and the file that defines it."""

    file: Path
    name: str


def resolve(module: Module, path: tuple[str, ...], seen: frozenset = frozenset()) -> Item | Module | None:
    """Follows a path from a module through imports and re-exports; None for an item outside the crate."""
    if (id(module), path) in seen:
        return None
    seen |= {(id(module), path)}
    first, rest = path[0], path[1:]
    if first in ("crate", "$crate"):
        here: Item | Module | None = root(module)
    elif first == "self":
        here = module
    elif first == "super":
        here = module.parent
    else:
        here = member(module, first, bool(rest), seen)
    while isinstance(here, Module) and rest:
        first, rest = rest[0], rest[1:]
        if first == "super":
            here = here.parent
        elif first != "self":
            # A name that is not found there is assumed to be defined by a macro.
            here = member(here, first, bool(rest), seen) or Item(here.file, first)
    return here


def root(module: Module) -> Module:
    while module.parent:
        module = module.parent
    return module


def member(module: Module, name: str, goes_on: bool, seen: frozenset = frozenset()) -> Item | Module | None:
    """What a name means in a module. If a module and another item share the name, a path that goes on means the module."""
    found: list[Item | Module | None] = []
    if name in module.children:
        found.append(module.children[name])
    if name in module.definitions:
        found.append(Item(module.file, name))
    found += [resolve(module, imported.path, seen) for imported in module.imports.get(name, [])]
    found = [each for each in found if each is not None]
    if not found and name not in module.imports:
        for glob in module.globs:
            target = resolve(module, glob.path, seen)
            if isinstance(target, Module) and target is not module:
                found += [each for each in [member(target, name, goes_on, seen)] if each is not None]
    return next((each for each in found if isinstance(each, Module) == goes_on), found[0] if found else None)
