"""Standard output that takes nothing costs its lines, and neither time nor errors."""

import fcntl
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import structlog

from shared import logs
from shared.output import Output

LINE = b'{"event":"x"}\n'


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Both ends of a small pipe: what is read, and what is written to."""
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 16384)
    yield read, write
    for end in (read, write):
        with suppress(OSError):
            os.close(end)


def in_time(work: object) -> None:
    """Do it in a thread of its own: it must not wait for anybody."""
    thread = threading.Thread(target=work, daemon=True)  # type: ignore[arg-type]
    thread.start()
    thread.join(20)
    assert not thread.is_alive()


def test_lines_arrive_as_they_are_written(pipe: tuple[int, int]) -> None:
    output = Output(pipe[1])
    for line in (b"one\n", b"two\n"):
        assert output.write(line) == 4
    assert (os.read(pipe[0], 100), output.lost) == (b"one\ntwo\n", 0)


def test_a_file_is_written_to_behind_what_others_write(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb", buffering=0) as file:
        output = Output(file.fileno())
        output.write(b"ours\n")
        file.write(b"theirs\n")
        output.write(b"ours\n")
    assert (tmp_path / "log").read_bytes() == b"ours\ntheirs\nours\n"


def test_a_full_disk_costs_lines() -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    output = Output(descriptor)
    output.write(LINE)
    output.write(LINE)
    os.close(descriptor)
    assert output.lost == 2


def test_a_reader_that_has_gone_costs_lines(pipe: tuple[int, int]) -> None:
    output = Output(pipe[1])
    os.close(pipe[0])
    output.write(LINE)
    assert output.lost == 1


def test_what_is_closed_costs_lines(pipe: tuple[int, int]) -> None:
    os.close(pipe[1])
    output = Output(pipe[1])
    output.write(LINE)
    assert output.lost == 1


def test_nobody_waits_for_a_reader_that_does_not_read_and_no_line_is_torn(pipe: tuple[int, int]) -> None:
    output = Output(pipe[1])
    in_time(lambda: [output.write(LINE) for _ in range(2000)])
    lost = output.lost
    assert 0 < lost < 2000
    read = b""
    for _ in range(3):
        read += os.read(pipe[0], 65536)
        output.write(b"after\n")
    assert read.replace(b"after\n", b"").rstrip(b"\n").split(b"\n").count(LINE.strip()) == 2000 - lost
    assert b"after\n" in read


def test_a_line_that_is_longer_than_the_pipe_is_finished_once_there_is_room(pipe: tuple[int, int]) -> None:
    output = Output(pipe[1])
    long = b"x" * 30_000 + b"\n"
    in_time(lambda: output.write(long))
    read = b""
    while not read.endswith(b"next\n"):
        read += os.read(pipe[0], 65536)
        output.write(b"next\n")
    assert read.replace(b"next\n", b"") == long


def test_many_threads_write_whole_lines(pipe: tuple[int, int]) -> None:
    fcntl.fcntl(pipe[1], fcntl.F_SETPIPE_SZ, 1 << 20)
    output = Output(pipe[1])
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(output.write, [LINE] * 2000))
    read = b""
    while len(read) < 2000 * len(LINE):
        read += os.read(pipe[0], 1 << 20)
    assert (read, output.lost) == (LINE * 2000, 0)


@pytest.mark.parametrize("fact", ["\ud800", 2**70, object()])
def test_whatever_is_logged_there_is_a_line(pipe: tuple[int, int], fact: object) -> None:
    before = structlog.get_config()
    try:
        logs.configure("tests", "INFO", descriptor=pipe[1])
        structlog.get_logger().info("odd", fact=fact)
    finally:
        structlog.configure(**before)
    assert b'"odd"' in os.read(pipe[0], 65536)
