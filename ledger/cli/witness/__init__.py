"""The commands of whoever runs a witness."""
