"""Small faults put into a file by its syntax tree: which there could be, and a few of them chosen by a seed.

The choice rests on each place by itself, so that it stays when other lines of the file change.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.faults.harness.lives import ROOT
from tests.faults.harness.mutant import Mutant

OTHER = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
}
OTHER_CALL = {"max": "min", "min": "max", "any": "all", "all": "any"}
#: Texts, types and decorators: a fault there is no fault of judgement.
LEFT_ALONE = (ast.JoinedStr, ast.Raise, ast.arg, ast.AnnAssign, ast.Import, ast.ImportFrom)


@dataclass(frozen=True)
class Fault:
    """One change at one place."""

    where: str  # function, or empty for a table of the module
    what: str  # as it stood and as it stands
    change: Callable[[], None]  # in place


def faults(tree: ast.Module) -> Iterator[Fault]:
    """All of a file, in its order."""
    names = _members(tree)
    for statement in tree.body:
        yield from _of(statement, "", names)


def mutants(file: str, number: int, seed: int) -> list[Mutant]:
    """So many of the file's faults, chosen by the seed; the same seed chooses the same."""
    text = (ROOT / file).read_text(encoding="utf-8")
    labels: list[str] = []
    for fault in faults(ast.parse(text)):
        label = f"{file} {fault.where}: {fault.what}"
        labels.append(f"{label} #{sum(one.startswith(f'{label} #') for one in labels) + 1}")
    chosen = sorted(range(len(labels)), key=lambda at: hashlib.sha256(f"{seed} {labels[at]}".encode()).digest())
    return [Mutant(labels[at].removesuffix(" #1"), file, text, _changed(text, at)) for at in sorted(chosen[:number])]


def unchanged(file: str) -> Mutant:
    """The file as the tree renders it, with no fault in it."""
    text = (ROOT / file).read_text(encoding="utf-8")
    return Mutant(f"{file} as it is", file, text, ast.unparse(ast.parse(text)))


def _changed(text: str, at: int) -> str:
    tree = ast.parse(text)
    list(faults(tree))[at].change()
    return ast.unparse(tree)


def _of(node: ast.AST, where: str, names: dict[str, list[str]]) -> Iterator[Fault]:
    if isinstance(node, LEFT_ALONE):
        return
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        where = f"{where}.{node.name}".lstrip(".")
        children: list[ast.AST] = list(node.body)
    else:
        children = list(ast.iter_child_nodes(node))
    in_function = where != "" and not isinstance(node, ast.ClassDef)
    if in_function:
        yield from _expression(node, where)
        yield from _dropped(node, where)
    yield from _member(node, where, names)
    for child in children:
        yield from _of(child, where, names)


def _expression(node: ast.AST, where: str) -> Iterator[Fault]:
    was = ast.unparse(node) if isinstance(node, ast.expr) else ""
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in OTHER:
            yield Fault(where, _shown(was, operator), lambda: node.ops.__setitem__(0, OTHER[type(operator)]()))
        case ast.BoolOp() | ast.BinOp() if type(node.op) in OTHER:
            now = OTHER[type(node.op)]
            yield Fault(where, _shown(was, node.op), lambda: setattr(node, "op", now()))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            double = ast.UnaryOp(ast.Not(), operand)
            yield Fault(where, f"{was} without not", lambda: setattr(node, "operand", double))
        case ast.Constant(value=bool(value)):
            yield Fault(where, f"{value} the other way", lambda: setattr(node, "value", not value))
        case ast.Constant(value=int(value)):
            yield Fault(where, f"{value} one more", lambda: setattr(node, "value", value + 1))
        case ast.Call(func=ast.Name(id=name) as function) if name in OTHER_CALL:
            yield Fault(where, f"{was} as {OTHER_CALL[name]}", lambda: setattr(function, "id", OTHER_CALL[name]))


def _dropped(node: ast.AST, where: str) -> Iterator[Fault]:
    """Statements left out: calls, changes of what outlives the function, returns before its end."""
    for field in ("body", "orelse"):
        block = getattr(node, field, None)
        if not isinstance(block, list):
            continue
        for at, one in enumerate(block):
            if _matters(one, is_last=isinstance(node, ast.FunctionDef) and at == len(block) - 1):
                yield Fault(
                    where, f"{_short(ast.unparse(one))} left out", lambda at=at, block=block: _leave_out(block, at)
                )


def _leave_out(block: list[ast.stmt], at: int) -> None:
    block[at] = ast.Pass()


def _matters(one: ast.stmt, *, is_last: bool) -> bool:
    match one:
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Delete() | ast.Raise() | ast.Continue() | ast.Break():
            return True
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            return True
        case ast.Return():
            return not is_last
    return False


def _member(node: ast.AST, where: str, names: dict[str, list[str]]) -> Iterator[Fault]:
    """Another member of the same enumeration."""
    match node:
        case ast.Attribute(value=ast.Name(id=of), attr=member) if member in names.get(of, ()):
            others = names[of]
            other = others[(others.index(member) + 1) % len(others)]
            if other != member:
                yield Fault(where, f"{of}.{member} as {other}", lambda: setattr(node, "attr", other))


def _members(tree: ast.Module) -> dict[str, list[str]]:
    """What is taken of each enumeration in the file: names in capitals of names that begin with one."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=of), attr=member) if of[0].isupper() and member.isupper():
                found.setdefault(of, set()).add(member)
    return {of: sorted(members) for of, members in found.items()}


def _shown(was: str, operator: ast.AST) -> str:
    return f"{_short(was)} with {OTHER[type(operator)].__name__} for {type(operator).__name__}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 90 else line[:87] + "..."
