"""What is secret, how it is found in foreign text, and how no frame leaves with an error."""
