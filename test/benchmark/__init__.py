"""What the client costs, side by side with the same calls written by hand and with a generated client."""
