"""Images for logos, made byte by byte."""

import struct
import zlib


def png(width: int = 30, height: int = 10, colour: tuple[int, int, int] = (30, 60, 90)) -> bytes:
    """A PNG of one colour."""
    rows = (b"\0" + bytes(colour) * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _segment(mark: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, mark, len(data) + 2) + data


def _one_code(table: int) -> bytes:
    """A Huffman table in which `0` stands for 0."""
    return _segment(0xC4, bytes([table, 1]) + bytes(15) + b"\0")


JPEG = (
    b"\xff\xd8"
    + _segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    + _segment(0xDB, b"\0" + b"\1" * 64)
    + _segment(0xC0, struct.pack(">BHHBBBB", 8, 8, 8, 1, 1, 0x11, 0))
    + _one_code(0x00)
    + _one_code(0x10)
    + _segment(0xDA, b"\1\1\0\0\x3f\0")
    + b"\x3f"  # no difference, the end of the block, and what fills the byte
    + b"\xff\xd9"
)
"""Eight by eight pixels of grey."""
