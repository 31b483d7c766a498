"""Python imports this at the start of every process of the product, when this folder is on its PYTHONPATH.

`CHAOS_CLOCKS` names a folder with a file for each process: eight bytes, by how many seconds its wall clock is wrong,
which may change at any moment. `CHAOS_FIRED` names a folder: a request whose id is `kill-<process>-<n>-...` kills the
process that works on it, once, at its n-th statement boundary; what has killed leaves a file there.
"""

import datetime
import importlib.machinery
import mmap
import os
import re
import signal
import struct
import sys
import time

_WORDS = sys.orig_argv
ME = _WORDS[_WORDS.index("serve") + 1] if "serve" in _WORDS else "relay" if "relay" in _WORDS else ""
"""The process of the Procfile that this is."""

if ME and "CHAOS_CLOCKS" in os.environ:
    with open(os.path.join(os.environ["CHAOS_CLOCKS"], ME), "rb") as file:
        _wrong = mmap.mmap(file.fileno(), 8, prot=mmap.PROT_READ)
    _time, _time_ns, _datetime = time.time, time.time_ns, datetime.datetime

    def _offset():
        return struct.unpack("d", _wrong)[0]

    class _Kind(type):
        """Lets the values of the real class be instances of the shifted one."""

        def __instancecheck__(cls, value):
            return isinstance(value, _datetime)

        def __subclasscheck__(cls, other):
            return issubclass(other, _datetime)

    class _Shifted(_datetime, metaclass=_Kind):
        """The class of that name, but for what time it is; all it makes is of the real class."""

        __slots__ = ()

        def __new__(cls, *args, **kwargs):
            return _datetime(*args, **kwargs)

        @classmethod
        def now(cls, tz=None):
            return _datetime.fromtimestamp(_time() + _offset(), tz)

        @classmethod
        def utcnow(cls):
            return _datetime.fromtimestamp(_time() + _offset(), datetime.UTC).replace(tzinfo=None)

        @classmethod
        def today(cls):
            return cls.now()

    for name in ("fromisoformat", "fromtimestamp", "strptime", "combine", "fromordinal"):
        setattr(_Shifted, name, getattr(_datetime, name))
    _Shifted.__name__, _Shifted.__qualname__, _Shifted.__module__ = "datetime", "datetime", "datetime"
    time.time = lambda: _time() + _offset()
    time.time_ns = lambda: _time_ns() + int(_offset() * 1e9)

    class _Ours(importlib.machinery.PathFinder):
        """Gives the product's own modules the shifted class; extension modules need the real one."""

        @classmethod
        def find_spec(cls, name, path=None, target=None):
            if name.partition(".")[0] not in ("shared", "services", "gateway", "deploy"):
                return None
            spec = super().find_spec(name, path, target)
            if spec and hasattr(spec.loader, "exec_module"):
                execute = spec.loader.exec_module

                def shifted(module):
                    execute(module)
                    if getattr(module, "datetime", None) is _datetime:
                        module.datetime = _Shifted

                spec.loader.exec_module = shifted
            return spec

    sys.meta_path.insert(0, _Ours)


if ME and "CHAOS_FIRED" in os.environ:
    _MARK = re.compile(r"kill-([a-z]+)-(\d+)-")
    _counted = {}

    def _boundary(*_args, **_kwargs):
        logs = sys.modules.get("shared.logs")
        request_id = logs.request_id.get() if logs else ""
        marked = _MARK.match(request_id or "")
        if not marked or marked[1] != ME:
            return
        _counted[request_id] = _counted.get(request_id, 0) + 1
        if _counted[request_id] != int(marked[2]):
            return
        try:
            os.close(os.open(os.path.join(os.environ["CHAOS_FIRED"], request_id), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)

    def _watch():
        from sqlalchemy import event
        from sqlalchemy.engine import Engine
        from sqlalchemy.engine.default import DefaultDialect

        event.listen(Engine, "before_cursor_execute", _boundary)
        event.listen(Engine, "after_cursor_execute", _boundary)
        event.listen(Engine, "commit", _boundary)
        commit = DefaultDialect.do_commit

        def committed(self, connection):
            commit(self, connection)
            _boundary()

        DefaultDialect.do_commit = committed

    class _Finder:
        """Watches as soon as the product is imported, and not in the many small processes that need no database."""

        def find_spec(self, name, path=None, target=None):
            if name == "shared.db":
                sys.meta_path.remove(self)
                _watch()

    sys.meta_path.insert(0, _Finder())
