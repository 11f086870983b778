"""The catalogue for people who read: tables, a flowchart, the page about it."""
