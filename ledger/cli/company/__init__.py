"""The company's commands."""
