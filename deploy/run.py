"""One process of the product, `serve NAME` or `relay NAME ...`; or a command that ends, as `COMMANDS` lists them.

A process takes its settings from the environment. Where several share one, as on a laptop, `INVOICES_DATABASE_URL`
and its like stand for each one's DATABASE_URL, and `INVOICES_HOST` and `INVOICES_PORT` for its HOST and PORT.
"""

import sys
from _thread import start_new_thread  # a thread of the system's, whatever follows

if __name__ == "__main__" and sys.argv[1:2] == ["serve"]:
    from gevent import monkey

    monkey.patch_all()  # before anything else is imported: what waits then lets others go on

import argparse
import os
import signal
import threading
from collections.abc import Callable
from importlib import import_module
from typing import TypeVar

from deploy.parts import PARTS, own, settings_of
from shared import logs, outbox, output, python
from shared.db import Database

Result = TypeVar("Result")


def main() -> None:
    """Do what the command line says."""
    python.check()
    os.umask(0o077)  # databases, receipts and mail are nobody else's business
    parser = argparse.ArgumentParser(prog="python -m deploy.run", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for does, takes, count in COMMANDS:
        command = commands.add_parser(does.__name__, help=does.__doc__)
        if takes:
            command.add_argument("names", choices=PARTS if takes == "NAME" else None, nargs=count, metavar=takes)
        command.set_defaults(does=does, names=())
    asked = parser.parse_args()
    output.unfailing_errors()
    if os.environ.pop("SUPERVISED", None):
        start_new_thread(_outlive_nobody, ())
    asked.does(*asked.names)


def _outlive_nobody() -> None:
    """End when the supervisor has: its end of our input closes with it, however it died."""
    os.read(0, 1)  # not sys.stdin: a thread in its lock would make a fatal error of every ordinary end
    os.kill(os.getpid(), signal.SIGTERM)


def serve(name: str) -> None:
    """Answer requests on HOST (127.0.0.1) and PORT (8000), with gunicorn."""
    part, settings = PARTS[name], settings_of(name)
    server = import_module("deploy.server").Server  # here alone: gunicorn and gevent are nothing for the others' memory
    logs.configure(name, settings.log_level)
    bind = f"{own(name, 'HOST') or '127.0.0.1'}:{own(name, 'PORT') or 8000}"
    server(part.app, settings, bind).run()


def relay(*names: str) -> None:
    """Deliver the messages of these services until told to stop."""
    logs.configure("relay", settings_of(names[0]).log_level)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    relays = [PARTS[name].app.create_relay(settings_of(name)) for name in names]
    threads = [
        threading.Thread(target=each.run, args=(stop,), name=name) for each, name in zip(relays, names, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def migrate(*names: str) -> None:
    """Bring the databases of these parts to the newest revision; safe when several do it at once."""
    upgrade = import_module("shared.migrate").upgrade  # here alone: alembic is nothing for a server's memory
    for name in names:
        db = Database(settings_of(name).database_url, threads=1)
        upgrade(db, PARTS[name].migrations)
        db.close()


def backup(folder: str) -> None:
    """Copy all databases and receipts into the new folder DIR, while the product runs."""
    logs.configure("backup", "CRITICAL")
    import_module("deploy.copies.backup").backup(folder)


def restore(folder: str, *names: str) -> None:
    """Put the copy in DIR back into empty databases; parts that are named after it: of it these alone."""
    logs.configure("restore", "CRITICAL")
    import_module("deploy.copies.restore").restore(folder, *names)


def undelivered(*names: str) -> None:
    """List the messages of these parts that their receivers refuse, one a line; exits with 1 when there are any."""
    found = [(name, message) for name in names for message in _at(name, outbox.refused)]
    for name, message in found:
        what = f"{name}: {message.topic} {message.key} version {message.version} of workspace {message.workspace_id}"
        sys.stdout.write(f"{what}, {message.attempts} attempts, request {message.request_id}: {message.refused}\n")
    sys.exit(bool(found))


def redeliver(*names: str) -> None:
    """Let the relay try at once what receivers have refused."""
    for name in names:
        sys.stdout.write(f"{name}: {_at(name, outbox.try_again)} messages\n")


def _at(name: str, work: Callable[[Database], Result]) -> Result:
    db = Database(settings_of(name).database_url, threads=1)
    try:
        return work(db)
    finally:
        db.close()


def verify(*files: str) -> None:
    """Say what is wrong with what is kept, if anything is, and end with 1 then; HEAD: files of heads kept elsewhere."""
    logs.configure("verify", "CRITICAL")
    sys.exit(import_module("deploy.verify.command").verify(*files))


def reconcile() -> None:
    """Let services that were restored from different moments tell each other again what they know otherwise."""
    logs.configure("reconcile", "CRITICAL")
    import_module("deploy.reconcile").reconcile()


COMMANDS: tuple[tuple[Callable[..., None], str, int | str], ...] = (
    (serve, "NAME", 1),
    (relay, "NAME", "+"),
    (migrate, "NAME", "+"),
    (undelivered, "NAME", "+"),
    (redeliver, "NAME", "+"),
    (backup, "DIR", 1),
    (restore, "DIR", "+"),
    (verify, "HEAD", "*"),
    (reconcile, "", 0),
)
"""What the command line can say, what that takes, and how many of it."""


if __name__ == "__main__":
    main()
