"""What clients of the budget service see, one file a dialect."""
