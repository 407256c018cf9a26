"""Pages for people: plain files of this package, and what they ask for. No build, nothing from elsewhere."""
