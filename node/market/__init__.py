"""The work market: signed calls and challenges, answers, scores, receipts and routing.

Rules live here; keys, models and the network are parameters.
"""
