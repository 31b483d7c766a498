"""Bounds: of texts, in characters (api.md, section 1), as a field takes and a column holds them; and of ids."""

NAME, DESCRIPTION, NOTES = 255, 2_000, 10_000

LARGEST_ID = 2**62
"""Of an id or a version that services tell each other: who asks must not be asked for more than can be read."""
