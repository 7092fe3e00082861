"""The analyses' drawings: a module for each kind of artifact, drawn by hand from its numbers.

Each has `figures(artifact)`, the drawings alone, and `section(evaluation)`, the same with the sentences that
say what they show.
"""
