"""Handlers of messages that threads post, for an app that may be closing."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from textual.app import App

Arguments = ParamSpec("Arguments")
Host = TypeVar("Host", bound=App[Any])


def while_open(handler: Callable[Concatenate[Host, Arguments], None]) -> Callable[Concatenate[Host, Arguments], None]:
    """Drop what arrives while the app closes: its screens are gone, and nobody looks any more."""

    @functools.wraps(handler)
    def guarded(app: Host, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        if app.is_running and app.screen_stack:
            handler(app, *args, **kwargs)

    return guarded
