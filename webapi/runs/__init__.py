"""Runs: what was asked for, how far it is, what came of it. Nothing here knows of HTTP."""
