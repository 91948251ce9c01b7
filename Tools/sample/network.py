"""The sample network: 29 inputs, 16 rectified units, one sigmoid. Trained here, in plain Python.

It learns the risk rule of transactions.py by stochastic gradient descent with momentum. Each row's
target is the probability that the rule gives it, not a drawn yes or no: a few thousand rows then
teach what would need hundreds of thousands, and the outputs are spread smoothly instead of piling
up at 0 and 1.

Invariants:
  * Equal seeds give equal weights on every machine: sums are correctly rounded (fsum, because
    `sum` of floats changed in Python 3.12) and the exponential is our own arithmetic.
  * Weights are multiples of 1/4096: exact in float32, so the file holds what was trained.
"""

import random
from math import fsum
from operator import mul

from transactions import WIDTH, Population, risk

UNITS = 16
GRID = 4096
EPOCHS = 12
TRAINING_ROWS = 4000
MOMENTUM = 0.9
LEARNING_RATE = 0.01


def exponential(x):
    """e to the x within 1e-9 for |x| < 20: a Taylor sum of x/1024, squared ten times."""
    x = x / 1024.0
    result = 1.0 + x * (1.0 + x / 2.0 * (1.0 + x / 3.0 * (1.0 + x / 4.0)))
    for _ in range(10):
        result *= result
    return result


def sigmoid(x):
    return 1.0 / (1.0 + exponential(-x))


def dot(left, right):
    return fsum(map(mul, left, right))


class Network:
    def __init__(self, source):
        self.hidden = [[0.5 * (source.random() - 0.5) for _ in range(WIDTH)] for _ in range(UNITS)]
        self.hidden_bias = [0.0] * UNITS
        self.output = [0.5 * (source.random() - 0.5) for _ in range(UNITS)]
        self.output_bias = -4.0

    def units(self, row):
        return [max(0.0, dot(weights, row) + bias)
                for weights, bias in zip(self.hidden, self.hidden_bias)]

    def predict(self, row):
        return sigmoid(dot(self.output, self.units(row)) + self.output_bias)

    def round_weights(self):
        def on_grid(numbers):
            return [round(number * GRID) / GRID for number in numbers]
        self.hidden = [on_grid(weights) for weights in self.hidden]
        self.hidden_bias = on_grid(self.hidden_bias)
        self.output = on_grid(self.output)
        self.output_bias = on_grid([self.output_bias])[0]


def trained(seed):
    """A network trained on rows that none of the sample files holds."""
    population = Population(seed)
    rows = [population.transaction() for _ in range(TRAINING_ROWS)]
    targets = [sigmoid(risk(row)) for row in rows]
    source = random.Random(seed + 1)
    network = Network(source)
    hidden_speed = [[0.0] * WIDTH for _ in range(UNITS)]
    hidden_bias_speed = [0.0] * UNITS
    output_speed = [0.0] * UNITS
    output_bias_speed = 0.0
    order = list(range(TRAINING_ROWS))
    for epoch in range(EPOCHS):
        source.shuffle(order)
        rate = LEARNING_RATE * (1.0 - epoch / EPOCHS)
        for index in order:
            row = rows[index]
            units = network.units(row)
            # The gradient of the cross entropy at the output's log-odds.
            slope = sigmoid(dot(network.output, units) + network.output_bias) - targets[index]
            output_bias_speed = MOMENTUM * output_bias_speed - rate * slope
            network.output_bias += output_bias_speed
            for unit in range(UNITS):
                weight = network.output[unit]
                output_speed[unit] = MOMENTUM * output_speed[unit] - rate * slope * units[unit]
                network.output[unit] = weight + output_speed[unit]
                step = rate * slope * weight if units[unit] > 0.0 else 0.0
                speed = [MOMENTUM * old - step * x for old, x in zip(hidden_speed[unit], row)]
                hidden_speed[unit] = speed
                network.hidden[unit] = [a + b for a, b in zip(network.hidden[unit], speed)]
                hidden_bias_speed[unit] = MOMENTUM * hidden_bias_speed[unit] - step
                network.hidden_bias[unit] += hidden_bias_speed[unit]
    network.round_weights()
    return network
