"""The declaration of each source: name, settings, labels. One file for a source; the rest is derived from it."""
