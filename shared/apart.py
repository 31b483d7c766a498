"""What gevent must know of, in a process that it has patched (see `deploy.run`), where one thread serves everybody."""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, ParamSpec, TypeVar

Asked = ParamSpec("Asked")
Result = TypeVar("Result")


def apart(work: Callable[Asked, Result], *args: Asked.args, **kwargs: Asked.kwargs) -> Result:
    """Do `work`, which waits where Python cannot see it, in a thread of the system's where others would wait for it.

    It must not touch what greenlets share.
    """
    if _patched() is None:
        return work(*args, **kwargs)
    result: Result = sys.modules["gevent"].get_hub().threadpool.apply(work, args, kwargs)
    return result


def original(module: str, name: str) -> Any:
    """What a module of the standard library has by that name, for what never waits: gevent's lets others go first."""
    monkey = _patched()
    return monkey.get_original(module, name) if monkey else getattr(import_module(module), name)


def _patched() -> Any:
    monkey: Any = sys.modules.get("gevent.monkey")
    return monkey if monkey and monkey.is_module_patched("socket") else None
