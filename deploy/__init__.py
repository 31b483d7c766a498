"""Where the product runs: the only code that knows every process."""
