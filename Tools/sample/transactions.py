"""The imagined card transactions: 29 standardised numbers each, and the risk they carry.

Nothing here is real: no transaction, no card, no published data set. The shape is the usual one
of the field: 28 rotated, standardised behaviour features and the standardised amount.

Three populations:
  ordinary   many features driven by four common causes, a few rows with wide tails
  fraudulent ordinary, moved along the direction that the risk rule looks at
  drifted    ordinary customers who changed: larger amounts, two habits moved, one more spread out

Invariants:
  * Only + - * / and correctly rounded functions (fsum, round) are used, never the machine's log or
    cosine, so that the same seed gives the same bytes on every machine.
  * A row is 29 numbers with at most 10 decimals.
"""

import random
from math import fsum

WIDTH = 29
DECIMALS = 10
FRAUDULENT_SHARE = 0.03
WIDE_SHARE = 0.05

AMOUNT = 28
# What the risk rule looks at, and how much. Signs and sizes are ours; the squares sum to one.
RISK = {3: 0.40, 9: -0.38, 10: 0.32, 11: -0.38, 13: -0.46, 16: -0.30, 20: 0.22, AMOUNT: 0.32}


def bell(source):
    """Nearly normal: twelve uniforms less six. Mean 0, variance 1, never beyond 6."""
    return fsum(source.random() for _ in range(12)) - 6.0


class Population:
    """Rows drawn from one seed, in one order."""

    def __init__(self, seed):
        self.source = random.Random(seed)
        causes = random.Random(29)  # The same four causes for every population.
        self.loadings = [[0.3 * (2 * causes.random() - 1) for _ in range(4)] for _ in range(WIDTH)]

    def ordinary(self):
        source = self.source
        scale = 1.8 if source.random() < WIDE_SHARE else 1.0
        causes = [bell(source) for _ in range(4)]
        return [
            scale * (0.93 * bell(source) + fsum(a * b for a, b in zip(loading, causes)))
            for loading in self.loadings]

    def fraudulent(self):
        row = self.ordinary()
        distance = 6.2 + 0.9 * bell(self.source)
        for feature, weight in RISK.items():
            row[feature] += distance * weight
        return row

    def transaction(self):
        """One row as it comes in: now and then fraudulent."""
        fraudulent = self.source.random() < FRAUDULENT_SHARE
        return rounded(self.fraudulent() if fraudulent else self.ordinary())

    def drifted(self):
        fraudulent = self.source.random() < FRAUDULENT_SHARE
        row = self.fraudulent() if fraudulent else self.ordinary()
        row[AMOUNT] = row[AMOUNT] * 1.4 + 1.8
        row[13] -= 2.0
        row[3] = row[3] * 1.5 + 1.2
        return rounded(row)


def rounded(row):
    # Adding zero turns a -0.0 into 0.0.
    return [round(number, DECIMALS) + 0.0 for number in row]


def risk(row):
    """The rule that the network is to learn: log-odds of fraud.

    Mostly a weighted sum; large amounts count for more when the habits look odd, which is the
    part that a straight line cannot learn."""
    score = fsum(weight * row[feature] for feature, weight in RISK.items())
    oddness = max(0.0, row[10] - row[13] - 1.0)
    return -4.6 + 1.25 * score + 0.15 * oddness * max(0.0, min(row[AMOUNT], 3.0))
