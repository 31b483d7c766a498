"""The budget service: budgets, and the spends that expenses have booked on them."""
