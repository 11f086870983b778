"""Addresses, ports and rules: the words that flows and reach share."""
