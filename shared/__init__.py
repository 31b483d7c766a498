"""What any service is made of. It knows no service."""
