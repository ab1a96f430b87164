"""decide: Verdicts in, Decisions out, by policy, within guardrails. Pure."""

from airnet.decide.judge import Judge

__all__ = ["Judge"]
