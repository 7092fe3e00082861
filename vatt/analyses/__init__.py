"""Analyses: evaluators whose result is a figure, the paper's Figures 2 to 4 and further ones.

An analysis is an evaluator like those of `vatt.evals`: it has metrics, and an artifact whose "kind" tells the
report how to draw it.
"""
