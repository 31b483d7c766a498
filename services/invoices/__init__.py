"""The invoice service: invoices, their lines and payments, their numbers, and the mail that sends them."""
