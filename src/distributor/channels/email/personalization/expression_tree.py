"""The subset of Jinja2 that merge expressions may use, checked on the syntax tree, and the merge fields in it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, TypeAlias, cast

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.visitor import NodeTransformer

from distributor.channels.email.personalization.literal import keep_literal
from distributor.domain.merge_fields import ATTRIBUTES, BUILT_IN, attribute_key

SUBSCRIBER = "subscriber"
# The largest number that can be written; Jinja2 takes a longer one for infinity, or fails.
_LARGEST_NUMBER = 10**15

_NODES: tuple[type[nodes.Node], ...] = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.CondExpr, nodes.Const, nodes.List, nodes.Tuple),
    *(nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Filter, nodes.Test, nodes.Keyword, nodes.Concat),
    *(nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not),
)

Constants: TypeAlias = Mapping[str, Mapping[str, str]]


class ExpressionValidator(NodeTransformer):
    """Rejects a tree outside the subset, replaces names of constants by their values, and collects the merge fields."""

    def __init__(self, constants: Constants) -> None:
        self._constants = constants
        self.fields: set[str] = set()
        self.decisive: set[str] = set()

    def visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> nodes.Node:
        match node:
            case nodes.Name(name=name):
                raise self._unknown_name(name, node)
            case nodes.Getattr() | nodes.Getitem():
                return self._resolve(node)
            case nodes.CondExpr(expr2=None):
                raise _error(node, "`… if …` needs an `else`")
            case nodes.Const(value=int() | float() as number) if abs(number) > _LARGEST_NUMBER:
                raise _error(node, f"a number is larger than {_LARGEST_NUMBER}")
        if not isinstance(node, _NODES):
            raise _error(node, f"`{type(node).__name__.lower()}` is not supported, only fields, conditions and filters")
        self.generic_visit(node)
        match node:
            case nodes.If(test=test) | nodes.CondExpr(test=test):
                self._note_decisive(test)
            case nodes.And() | nodes.Or():
                self._note_decisive(node)
        return node

    def _note_decisive(self, test: nodes.Node) -> None:
        """Note the fields whose values matter to a condition, and not only whether they have one."""
        match test:
            case nodes.And(left=left, right=right) | nodes.Or(left=left, right=right):
                self._note_decisive(left)
                self._note_decisive(right)
            case nodes.Not(node=inner) | nodes.Test(node=inner, name="defined" | "undefined"):
                self._note_decisive(inner)
            case nodes.Getitem():
                pass
            case _:
                self.decisive.update(
                    found.arg.value for found in test.find_all(nodes.Getitem) if isinstance(found.arg, nodes.Const)
                )

    def _resolve(self, node: nodes.Node) -> nodes.Node:
        """A field or a constant by its names; a field becomes ``subscriber[key]``, however it was written."""
        root, path = _path_of(node)
        named: nodes.Expr
        if root == SUBSCRIBER:
            key = _key_of(node, path)
            self.fields.add(key)
            subscriber = nodes.Name(SUBSCRIBER, "load", lineno=node.lineno)
            named = nodes.Getitem(subscriber, nodes.Const(key, lineno=node.lineno), "load", lineno=node.lineno)
        else:
            if root not in self._constants:
                raise self._unknown_name(root, node)
            about = self._constants[root]
            if len(path) != 1 or path[0] not in about:
                there_is = ", ".join(f"{root}.{one}" for one in about)
                raise _error(node, f"there is no {'.'.join((root, *path))}, only {there_is}")
            named = nodes.Const(keep_literal(about[path[0]]), lineno=node.lineno)
        named.set_environment(cast("Environment", node.environment))
        return named

    def _unknown_name(self, name: str, node: nodes.Node) -> TemplateSyntaxError:
        known = (SUBSCRIBER, *self._constants)
        if name in known:
            return _error(
                node,
                f"name a field of {name}, as in {{{{ {name}.{next(iter(self._constants.get(name, BUILT_IN)))} }}}}",
            )
        return _error(node, f"there is no {name!r}, only {', '.join(known)}{_like(name, known)}")


def _path_of(node: nodes.Node) -> tuple[str, tuple[str, ...]]:
    """`a.b['c']` as its root and the names after it."""
    match node:
        case nodes.Name(name=name):
            return name, ()
        case nodes.Getattr(node=inner, attr=name) | nodes.Getitem(node=inner, arg=nodes.Const(value=str() as name)):
            root, path = _path_of(inner)
            return root, (*path, name)
    raise _error(node, "a field is named as in subscriber.city or subscriber['home town']")


def _key_of(node: nodes.Node, path: tuple[str, ...]) -> str:
    if path[0] in BUILT_IN:
        if len(path) > 1:
            raise _error(node, f"subscriber.{path[0]} has no fields of its own")
        return path[0]
    names = path[1:] if path[0] == ATTRIBUTES else path
    if not names or any(not name or "." in name for name in names):
        raise _error(node, "name one attribute, as in subscriber.city; its name must not have a dot")
    return attribute_key(names)


def _error(node: nodes.Node, reason: str) -> TemplateSyntaxError:
    return TemplateSyntaxError(reason, node.lineno or 1)


def _like(name: str, known: tuple[str, ...]) -> str:
    similar = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {similar[0]!r}?" if similar else ""
