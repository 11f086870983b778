"""An audit for people and for machines: a page, Markdown, JSON, Prometheus."""
