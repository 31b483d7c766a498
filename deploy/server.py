"""gunicorn, without a configuration file. The app is made after the fork: it has a database pool of its own."""

import gc
import os
import resource
from pathlib import Path
from types import ModuleType
from typing import Any

from gunicorn.app.base import BaseApplication

from deploy.worker import Worker
from gateway.address import Proxies
from shared.config import Settings

FILES = 3
"""The most files that one connection may need: its own, one to a service, and one where its body or answer is kept."""

OTHER_FILES = 256
"""What databases, services and logs may need besides."""


class Server(BaseApplication):  # type: ignore[misc]
    """One part of the product, answering on a port. `settings`, `proxies` and `connections` are for its workers."""

    def __init__(self, module: ModuleType, settings: Settings, bind: str) -> None:
        self.settings = settings
        self.proxies = getattr(settings, "proxies", Proxies())  # nothing is in front of a service
        self.connections = min(settings.connections, max(1, (_most_files() - OTHER_FILES) // FILES))
        self._module, self._bind = module, bind
        super().__init__()

    def load_config(self) -> None:
        options: dict[str, Any] = {
            "bind": self._bind,
            "workers": int(os.environ.get("WORKERS", "1")),
            "worker_class": Worker,
            "keepalive": 30,  # longer than the gateway keeps an idle connection
            "timeout": 60,
            "graceful_timeout": 10,
            "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,  # noqa: S108
            "control_socket_disable": True,
            "forwarded_allow_ips": ",".join(map(str, self.proxies.networks)),  # who says that a client came by HTTPS
            "forwarder_headers": "",  # no header is a variable of ours: SCRIPT_NAME moves every path
            "loglevel": "warning",
        }
        for name, value in options.items():
            self.cfg.set(name, value)
        gc.freeze()  # what is imported by now stays shared between the master and its workers

    def load(self) -> Any:
        return self._module.create_app(self.settings)


def _most_files() -> int:
    """How many files this process may have open, once it has asked for as many as it is given."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if most == resource.RLIM_INFINITY else most
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    return wanted
