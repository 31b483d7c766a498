"""What clients of the invoice service see, one file a dialect."""
