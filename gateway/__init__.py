"""The gateway: who is calling, and which service answers."""
