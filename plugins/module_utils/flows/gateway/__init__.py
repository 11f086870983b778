"""The gateway of a site's machines: what it leads inwards, what it hides outwards, and the kernel's tables for it."""
