"""The process in which documents are drawn. It stands alone: nothing of ours is imported here, nor this by anybody.

It reads a job a line, as JSON, and answers each with whether it succeeded, a length, and that many bytes: the PDF, or
what is wrong with it. It ends when there is nobody left to give it a job. `press.py` is the other side.
"""

import json
import resource
import struct
import sys
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

import typst

HEAD = ">?Q"
"""Of an answer: whether it is a PDF, and its length."""

FONTS = ("manimgx_fonts", "manimgx_fonts_cjk")
"""Packages of which only the files are used: Noto Sans, in the scripts of the world."""

MEMORY = 2**30
"""Bytes of address space, of which an ordinary document takes 0.3 GiB, and one of 1,000 long lines 0.6."""


def main() -> None:
    """Work until the jobs end."""
    with suppress(ValueError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    folders = [place for name in FONTS if (spec := find_spec(name)) for place in spec.submodule_search_locations or ()]
    fonts = typst.Fonts(include_system_fonts=False, font_paths=folders)
    for line in sys.stdin.buffer:
        done, said = _worked(json.loads(line), fonts)
        sys.stdout.buffer.write(struct.pack(HEAD, done, len(said)) + said)
        sys.stdout.buffer.flush()


def _worked(job: dict[str, Any], fonts: typst.Fonts) -> tuple[bool, bytes]:
    """A PDF of the first standard that can be kept, or the complaint about the last."""
    complaint = b""
    for standard in job["standards"]:
        try:
            return True, _compiled(job, fonts, standard)
        except typst.TypstError as why:
            complaint = why.message.encode()
        except BaseException as why:  # a panic in Rust, whose class cannot be imported, is no Exception
            complaint = repr(why).encode()
    return False, complaint


def _compiled(job: dict[str, Any], fonts: typst.Fonts, standard: Any) -> bytes:
    sources = {name: text.encode() for name, text in job["sources"].items()}
    pdf: bytes = typst.compile(
        sources,  # type: ignore[call-overload]  # the stubs know of single files only
        font_paths=fonts,
        ignore_system_fonts=True,
        sys_inputs=job["inputs"],
        timestamp=job["timestamp"],
        pdf_standards=standard,
    )
    return pdf


if __name__ == "__main__":
    main()
