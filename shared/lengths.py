"""Longest texts, in characters (api.md, section 1): what a field takes, and what a column holds."""

NAME, DESCRIPTION, NOTES = 255, 2_000, 10_000
