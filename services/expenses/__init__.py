"""The expense service: expenses, their receipts, and the spends they book on budgets."""
