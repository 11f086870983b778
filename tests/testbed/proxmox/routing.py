"""Which function answers which path."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from .engine import Engine
    from .identity import Identity


@dataclass
class Call:
    """One request: who asks, and all parameters, those of the path and those sent, as texts."""

    engine: Engine
    who: Identity
    method: str
    template: str
    parameters: dict[str, Any]

    def get(self, name: str, default: str | None = None) -> str | None:
        """A parameter, or the default."""
        value = self.parameters.get(name, default)
        return None if value is None else str(value)

    def text(self, name: str) -> str:
        """A parameter that must be there (the schema saw to it)."""
        return str(self.parameters[name])

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean parameter."""
        return str(self.parameters.get(name, int(default))) in {"1", "true", "on", "yes", "True"}

    @property
    def vmid(self) -> int:
        return int(self.parameters["vmid"])

    @property
    def node(self) -> str:
        return str(self.parameters["node"])

    def sent(self) -> dict[str, Any]:
        """The parameters that are not part of the path."""
        names = set(re.findall(r"\{([^}]+)\}", self.template))
        return {name: value for name, value in self.parameters.items() if name not in names}


Handler = Callable[[Call], Any]


class Routes:
    """The paths of the API, written as its schema writes them."""

    def __init__(self) -> None:
        self.handlers: dict[str, dict[str, Handler]] = {}
        self._patterns: list[tuple[re.Pattern[str], str]] = []

    def route(self, method: str, *templates: str) -> Callable[[Handler], Handler]:
        """Let the function answer this method of these paths."""

        def keep(handler: Handler) -> Handler:
            for template in templates:
                if template not in self.handlers:
                    self.handlers[template] = {}
                    # Names with slashes are taken as they come (PVE: an empty fragmentDelimiter).
                    words = re.sub(r"\{(volume|cidr)\}", r"(?P<\1>.+)", template)
                    pattern = re.sub(r"\{([^}]+)\}", lambda found: f"(?P<{found[1].replace('-', '_')}>[^/]+)", words)
                    self._patterns.append((re.compile(pattern), template))
                    # A fixed word beats a parameter: /cluster/backup/x against /cluster/{y}/x.
                    self._patterns.sort(key=lambda pair: pair[1].count("{"))
                self.handlers[template][method] = handler
            return handler

        return keep

    def find(self, path: str) -> tuple[str, dict[str, str]] | None:
        """The template that a path is of, with the parameters in it; None when there is none."""
        for pattern, template in self._patterns:
            if found := pattern.fullmatch(path):
                return template, {name: unquote(value) for name, value in found.groupdict().items()}
        return None


ROUTES = Routes()
route = ROUTES.route
