"""What of a deposit is shown, and the evidence file that shows it."""
