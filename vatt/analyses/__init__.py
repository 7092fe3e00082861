"""Analyses: evaluators whose answer is a picture, the paper's Figures 2 to 4 and what goes beyond them.

An analysis is an evaluator like those of `vatt.evals`: it has numbers, and an artifact whose "kind" tells the
report how to draw it.
"""
