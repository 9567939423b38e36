"""The graphs of imports of a crate, and their circles."""

from pathlib import Path

from .modules import Crate, Import, Item, Module, resolve

# From each node the nodes that it imports from, with the names.
Graph = dict[str, dict[str, set[str]]]


def file_graph(crate: Crate) -> Graph:
    graph: Graph = {crate.shown(file): {} for file in crate.files()}
    for module in crate.modules:
        for path in paths(module):
            target = resolve(module, path)
            if isinstance(target, Item) and target.file != module.file:
                graph[crate.shown(module.file)].setdefault(crate.shown(target.file), set()).add(target.name)
    return graph


def folder_graph(crate: Crate) -> Graph:
    """An import between two files is one between the two folders through which the innermost folder that contains both leads to them.
    It does not count if one of the files lies in that common folder itself: a folder and its ancestor may import each other."""
    graph: Graph = {}
    for file, targets in file_graph(crate).items():
        for target, names in targets.items():
            here, there = Path(file).parent.parts, Path(target).parent.parts
            common = next((i for i, pair in enumerate(zip(here, there)) if pair[0] != pair[1]), min(len(here), len(there)))
            if min(len(here), len(there)) > common:
                source, goal = ("/".join(parts[: common + 1]) for parts in (here, there))
                tied = graph.setdefault(source, {}).setdefault(goal, set())
                tied.update(f"{file} -> {target}: {name}" for name in names)
                graph.setdefault(goal, {})
    return graph


def paths(module: Module) -> set[tuple[str, ...]]:
    """The paths that a module names, in its imports and in its code."""
    imports: list[Import] = [each for of_name in module.imports.values() for each in of_name] + module.globs
    found = {each.path for each in imports if not (module.is_folder_root and each.is_public)}
    # In the root of a folder a re-export counts as an import only if the code of the root uses the name.
    public = {name for name, of_name in module.imports.items() if any(each.is_public for each in of_name)}
    bare = set(public)
    for glob in module.globs:
        target = resolve(module, glob.path)
        if isinstance(target, Module):
            bare |= target.definitions | target.imports.keys()
    body, place = module.body, 0
    while place < len(body):
        before = body[place - 1].text if place else ""
        if not body[place].is_name or before == ".":
            place += 1
            continue
        path = [body[place].text]
        place += 1
        while place + 1 < len(body) and body[place].text == "::" and body[place + 1].is_name:
            path.append(body[place + 1].text)
            place += 2
        if before == "::":  # after a generic argument, or a path to another crate
            continue
        if len(path) > 1 or path[0] in bare and path[0] not in module.definitions:
            found.add(tuple(path))
    return found


def circles(graph: Graph) -> list[str]:
    """Each group of nodes that reach one another, as text: the edges inside the group with the names that they carry."""
    texts = []
    for group in components(graph):
        lines = []
        for node in sorted(group):
            for target in sorted(graph[node].keys() & group):
                names = sorted(graph[node][target])
                more = f", and {len(names) - 6} more" if len(names) > 6 else ""
                lines.append(f"    {node} -> {target}: {', '.join(names[:6])}{more}")
        texts.append("\n".join(lines))
    return texts


def components(graph: Graph) -> list[set[str]]:
    """The strongly connected components of more than one node."""
    reached = {node: reach(graph, node) for node in graph}
    groups: list[set[str]] = []
    for node in sorted(graph):
        group = {other for other in reached[node] if node in reached[other]} | {node}
        if len(group) > 1 and group not in groups:
            groups.append(group)
    return groups


def reach(graph: Graph, start: str) -> set[str]:
    """The nodes that can be reached from a node."""
    found, waiting = set(), [start]
    while waiting:
        for node in graph[waiting.pop()]:
            if node not in found:
                found.add(node)
                waiting.append(node)
    return found
