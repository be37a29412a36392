"""What the language of a mail consists of: a few kinds of nodes of a syntax tree; and which fields it asks for."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, TypeAlias, cast

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.visitor import NodeTransformer

from distributor.channels.email.personalization.literal import keep_literal
from distributor.domain.merge_fields import ATTRIBUTES, BUILT_IN, attribute_key

SUBSCRIBER = "subscriber"

_NODES: tuple[type[nodes.Node], ...] = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.CondExpr, nodes.Const, nodes.List, nodes.Tuple),
    *(nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Filter, nodes.Test, nodes.Keyword, nodes.Concat),
    *(nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not),
)

Constants: TypeAlias = Mapping[str, Mapping[str, str]]


class TreeReader(NodeTransformer):
    """Holds a tree to the language, puts constants in place of their names and notes which fields it asks for."""

    def __init__(self, constants: Constants) -> None:
        self._constants = constants
        self.fields: set[str] = set()
        self.decisive: set[str] = set()

    def visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> nodes.Node:
        match node:
            case nodes.Name(name=name):
                raise self._unknown(name, node)
            case nodes.Getattr() | nodes.Getitem():
                return self._named(node)
            case nodes.CondExpr(expr2=None):
                raise _fault(node, "`… if …` needs an `else`")
        if not isinstance(node, _NODES):
            raise _fault(node, f"there is no `{type(node).__name__.lower()}` here, only fields, conditions and filters")
        self.generic_visit(node)
        match node:
            case nodes.If(test=test) | nodes.CondExpr(test=test):
                self._weigh(test)
            case nodes.And() | nodes.Or():
                self._weigh(node)
        return node

    def _weigh(self, test: nodes.Node) -> None:
        """Note the fields whose values decide, and not only whether they are known."""
        match test:
            case nodes.And(left=left, right=right) | nodes.Or(left=left, right=right):
                self._weigh(left)
                self._weigh(right)
            case nodes.Not(node=inner) | nodes.Test(node=inner, name="defined" | "undefined"):
                self._weigh(inner)
            case nodes.Getitem():
                pass
            case _:
                self.decisive.update(
                    found.arg.value for found in test.find_all(nodes.Getitem) if isinstance(found.arg, nodes.Const)
                )

    def _named(self, node: nodes.Node) -> nodes.Node:
        """A field or a constant by its names; a field becomes ``subscriber[key]``, whatever way it was written."""
        root, path = _path_of(node)
        named: nodes.Expr
        if root == SUBSCRIBER:
            key = _key_of(node, path)
            self.fields.add(key)
            subscriber = nodes.Name(SUBSCRIBER, "load", lineno=node.lineno)
            named = nodes.Getitem(subscriber, nodes.Const(key, lineno=node.lineno), "load", lineno=node.lineno)
        else:
            if root not in self._constants:
                raise self._unknown(root, node)
            about = self._constants[root]
            if len(path) != 1 or path[0] not in about:
                there_is = ", ".join(f"{root}.{one}" for one in about)
                raise _fault(node, f"there is no {'.'.join((root, *path))}, only {there_is}")
            named = nodes.Const(keep_literal(about[path[0]]), lineno=node.lineno)
        named.set_environment(cast("Environment", node.environment))
        return named

    def _unknown(self, name: str, node: nodes.Node) -> TemplateSyntaxError:
        known = (SUBSCRIBER, *self._constants)
        if name in known:
            return _fault(
                node, f"say what of {name}, as in {{{{ {name}.{next(iter(self._constants.get(name, BUILT_IN)))} }}}}"
            )
        return _fault(node, f"there is no {name!r} here, only {', '.join(known)}{_like(name, known)}")


def _path_of(node: nodes.Node) -> tuple[str, tuple[str, ...]]:
    """`a.b['c']` as its root and the names behind it."""
    match node:
        case nodes.Name(name=name):
            return name, ()
        case nodes.Getattr(node=inner, attr=name) | nodes.Getitem(node=inner, arg=nodes.Const(value=str() as name)):
            root, path = _path_of(inner)
            return root, (*path, name)
    raise _fault(node, "a field is named as in subscriber.city or subscriber['home town']")


def _key_of(node: nodes.Node, path: tuple[str, ...]) -> str:
    if path[0] in BUILT_IN:
        if len(path) > 1:
            raise _fault(node, f"subscriber.{path[0]} has nothing inside")
        return path[0]
    names = path[1:] if path[0] == ATTRIBUTES else path
    if not names or any(not name or "." in name for name in names):
        raise _fault(node, "name one attribute, as in subscriber.city; its name must hold no dot")
    return attribute_key(names)


def _fault(node: nodes.Node, reason: str) -> TemplateSyntaxError:
    return TemplateSyntaxError(reason, node.lineno or 1)


def _like(name: str, known: tuple[str, ...]) -> str:
    similar = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {similar[0]!r}?" if similar else ""
