"""prove: that no Decision whatever gets past the guardrails and breaks a claim."""
