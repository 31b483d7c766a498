"""What clients of the expense service see, one file a dialect."""
