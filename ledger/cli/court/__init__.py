"""The court's commands."""
