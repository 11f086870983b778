"""The catalogue as a picture."""
