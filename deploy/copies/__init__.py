"""Copies of all that the product keeps, made while it runs, and put back. `manifest` says what a copy is made of."""
