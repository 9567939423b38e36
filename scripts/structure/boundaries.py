"""The rules for crates and files other than those on imports."""

from .modules import Crate, Module

PRINTING = {"print", "println", "eprint", "eprintln", "dbg"}
LONGEST = 400
VAGUE = {"utils", "util", "common", "helpers", "helper"}


def boundaries(crate: Crate) -> list[str]:
    problems = []
    for module in crate.modules:
        if crate.name != "lnn-cli":
            problems += [f"{place} outside lnn-cli" for place in macros(crate, module)]
        if crate.name == "lnn-core":
            problems += [f"{place} in lnn-core, which must not access files" for place in files(crate, module)]
    for path in sorted(crate.source.rglob("*.rs")):
        shown = path.relative_to(crate.source.parent.parent)
        lines = len(path.read_text().splitlines())
        if lines > LONGEST:
            problems.append(f"{shown}: {lines} lines, the maximum is {LONGEST}")
        vague = VAGUE & {*path.relative_to(crate.source).parent.parts, path.stem}
        if vague:
            problems.append(f"{shown}: `{vague.pop()}` does not name a concept")
    return problems


def macros(crate: Crate, module: Module) -> list[str]:
    pairs = zip(module.body, module.body[1:])
    return [
        f"{crate.name}/src/{crate.shown(module.file)}, line {name.line}: {name.text}!"
        for name, sign in pairs
        if name.text in PRINTING and name.is_name and sign.text == "!"
    ]


def files(crate: Crate, module: Module) -> list[str]:
    """Uses of `std::fs` and of the name `File`."""
    places = [
        token.line
        for i, token in enumerate(module.body)
        if token.text == "File" or [each.text for each in module.body[i : i + 3]] == ["std", "::", "fs"]
    ]
    imports = [*(each for of_name in module.imports.values() for each in of_name), *module.globs]
    where = f"{crate.name}/src/{crate.shown(module.file)}"
    found = [f"{where}, line {line}: the file system" for line in places]
    return found + [f"{where}: {'::'.join(each.path)}" for each in imports if each.path[:2] == ("std", "fs")]
