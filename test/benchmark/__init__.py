"""What the client costs, side by side with the same calls in hand-written code and with a generated client."""
