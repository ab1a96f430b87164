"""The nouns: frozen values that know nothing of the rest (docs/nouns)."""
