"""The episode, written once: protocol, tools, environment, policies, rollout, scoring, reward."""
