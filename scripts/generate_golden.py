#!/usr/bin/env python3
"""Writes the golden data of lnn-core's tests: reference values computed with numpy, independently of libtorch and its autograd.

All arrays are float64; shapes are batch first. Gradients are derived by hand, step by step backward through time, and compared with
central differences before anything is written.

leaky_reservoir_T1.npz, leaky_reservoir_T7.npz, leaky_reservoir_bias_T7.npz: x [B,T,I], h0 [B,H],
    input_weights [H,I], recurrent_weights [H,H], and in the last file bias [H], which is 0 in the others
    h_t = (1 - a) h_{t-1} + a tanh(x_t W_in^T + b + h_{t-1} W_res^T),  a = leak_rate
    states [B,T,H] from h0, their loss = sum(states**2), and grad_x, grad_h0, its gradients. The same from a zero state
    as zero_states, zero_loss, zero_grad_x.

spectral_radius.npz: raw [H,H], radius []
    scaled = raw * radius / max |eigenvalue of raw|

lstm_T5.npz: x [B,T,I], h0 and c0 [B,H], input_weights [4H,I], recurrent_weights [4H,H], bias [4H]; gates i, f, g, o
    i, f, g, o = x_t W_ih^T + h_{t-1} W_hh^T + b
    c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g),  h_t = sigmoid(o) tanh(c_t)
    outputs [B,T,H] = h_t, last_c [B,H] = c_T, loss = sum(outputs**2) + sum(last_c**2), and grad_NAME, its gradients
    with respect to x, h0, c0 and the three parameters. The same from zero states with the prefix zero_.

adamw.npz: for NAME in matrix [4,3], kernel [2,3,3,3], bias [5]: start_NAME, gradients_NAME [5,...], learning_rates [5]
    m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g**2
    p = p - lr L p - lr (m / (1 - b1**t)) / (sqrt(v / (1 - b2**t)) + eps)
    decay_NAME [5,...] and plain_NAME [5,...]: the parameter after each step with L = weight_decay and with L = 0;
    a tensor of one dimension is never decayed. first_NAME and second_NAME: m and v after the last step.

muon.npz: for NAME in wide [4,3,3,3], tall [20,2,1,3]: start_NAME, gradients_NAME [4,...], learning_rates [4]
    m = u m + g,  U S V^T = g + u m with a row for each output, u = momentum,  s = S / (norm(S) + 1e-7), then five times
    s = 3.4445 s - 4.7750 s**3 + 2.0315 s**5;  w = w - lr L w - lr U s V^T, L = weight_decay
    after_NAME [4,...]: w after each step; momentum_NAME: m after the last.

liquid_time_step_T7.npz: x [B,T,I], h0 [B,H], input_weights [H,I], recurrent_weights [H,H],
    bias and recurrent_bias [H], tau [H]
    h_t = h_{t-1} + r (tanh(x_t W_in^T + b + h_{t-1} W_h^T + b_h) - h_{t-1}),  r = 1 / tau
    states [B,T,H] from h0, their loss = sum(states**2), and grad_NAME, its gradients with respect to x, h0 and the five
    parameters. The same from a zero state with the prefix zero_.

liquid_time_step_dt_T7.npz: the same with dt [B,T] and a floor [], without recurrent_bias
    r = 1 - exp(-dt_t / (floor + log(1 + exp(tau))))

liquid_train100.npz: x [4,6,10], y [4,1] and the parameters as start_NAME; 20 units as above, dt = 1, from a zero state
    prediction = h_6 readout.weight^T + readout.bias,  loss = mean((prediction - y)**2)
    losses [100] before each of 100 steps of Adam on all four sequences, and end_NAME, the parameters after them.

spiking_T7.npz: x [B,T,I], v0 [B,N], input_weights [N,I], recurrent_weights [N,N], bias [N], spike_weights [B,T,N]
    u_t = (1 - a) v_{t-1} + a tanh(x_t W_in^T + b + v_{t-1} W_res^T),  a = leak_rate
    s_t = 1 where u_t > threshold, else 0,  v_t = u_t - threshold s_t
    before, spikes and after [B,T,N] = u, s and v; no u lies within 1e-3 of the threshold. loss = sum(after**2) +
    sum(spike_weights spikes), and grad_NAME, its gradients, in which a spike has the slope
    1 / (1 + k abs(u - threshold))**2, k = sharpness. The same from a zero state with the prefix zero_.

linear_liquid_T5.npz: x [B,T,I], h0 [B,H], input_weights [H,I], recurrent_weights [H,H], bias [H]
    h_t = (1 - c) h_{t-1} + c x_t W_in^T + h_{t-1} W_hid^T + b,  c = rate
    states, loss = sum(states**2) and grad_NAME as above, and from a zero state with the prefix zero_.

gru_T5.npz: x [B,T,I], h0 [B,H], input_weights [3H,I], recurrent_weights [3H,H], bias [3H], candidate_bias [H]; gates r, z, n
    a_r, a_z, a_n = x_t W_ih^T + b;  p_r, p_z, p_n = h_{t-1} W_hh^T
    r = sigmoid(a_r + p_r),  z = sigmoid(a_z + p_z),  n = tanh(a_n + r (p_n + candidate_bias)),  h_t = (1 - z) n + z h_{t-1}
    states, loss = sum(states**2) and grad_NAME as above, and from a zero state with the prefix zero_.

liquid_time_constant_T5.npz: x [B,T,I], h0 [B,N], dt [B,T], input_scale and input_bias [I]; w, sigma, mu, reversal, polarity [N,N] and the
    same with the prefix sensory_ [I,N], where a polarity of 0 is no synapse; g_leak, v_leak, capacitance, output_scale, output_bias [N];
    c = softplus(capacitance), g = softplus(g_leak)
    open_ji = softplus(w_ji) abs(polarity_ji) sigmoid(sigma_ji (v_j - mu_ji)), over the units v and over u = x_t input_scale + input_bias
    num_i = g_i v_leak_i + sum_j open_ji reversal_ji,  den_i = g_i + sum_j open_ji
    3 times in a step, with d = dt_t / 3: v = (c v + d num) / (c + d den);  states [B,T,N] = v output_scale + output_bias
    loss = sum(states**2) and grad_NAME, of x, h0, dt and all parameters, as above, and from a zero state with the prefix zero_.

closed_form_T5.npz: x [B,T,I], h0 [B,H], dt [B,T], backbone_input_weights [U,I], backbone_recurrent_weights [U,H], backbone_bias [U],
    head_weights [4H,U], head_bias [4H]
    y = 1.7159 tanh(0.666 (x_t W_x^T + h_{t-1} W_h^T + b));  f1, f2, a, b = y W^T + head_bias
    h_t = tanh(f1) + sigmoid(a dt_t + b) (tanh(f2) - tanh(f1))
    states, loss and grad_NAME as above, and from a zero state with the prefix zero_.

The gradients of the last two are those of the complex step: the imaginary part of loss(p + 1e-30 i) / 1e-30, which is exact to the last
digits of a function without absolute values and cases.
"""

import argparse
import io
import sys
import zipfile
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent.parent / "crates" / "lnn-core" / "tests" / "golden"
Arrays = dict[str, np.ndarray]
# The last digits of tanh, exp and matrix products differ between processors.
TOLERANCE = 1e-13


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def check_gradients(loss, arrays: Arrays, gradients: Arrays) -> None:
    """Compares each element of `gradients` with the central difference of `loss(**arrays)`."""
    step = 1e-5
    for name, gradient in gradients.items():
        for index in np.ndindex(gradient.shape):
            sides = []
            for sign in (1, -1):
                moved = arrays[name].copy()
                moved[index] += sign * step
                sides.append(loss(**{**arrays, name: moved}))
            difference = (sides[0] - sides[1]) / (2 * step)
            assert abs(difference - gradient[index]) < 1e-7, (name, index, difference, gradient[index])


def reservoir_states(x, h0, input_weights, recurrent_weights, leak_rate, bias=0.0) -> np.ndarray:
    h, states = h0, []
    for t in range(x.shape[1]):
        h = (1 - leak_rate) * h + leak_rate * np.tanh(x[:, t] @ input_weights.T + bias + h @ recurrent_weights.T)
        states.append(h)
    return np.stack(states, axis=1)


def reservoir_gradients(states, x, h0, input_weights, recurrent_weights, leak_rate, **_) -> Arrays:
    """Gradients of sum(states**2). The drive tanh(..) is recovered from h_t; its derivative is 1 - tanh(..)**2."""
    grad_x, grad_h = np.zeros_like(x), np.zeros_like(h0)
    for t in reversed(range(states.shape[1])):
        before = states[:, t - 1] if t else h0
        drive = (states[:, t] - (1 - leak_rate) * before) / leak_rate
        grad_h = grad_h + 2 * states[:, t]
        grad_sum = grad_h * leak_rate * (1 - drive**2)
        grad_x[:, t] = grad_sum @ input_weights
        grad_h = grad_h * (1 - leak_rate) + grad_sum @ recurrent_weights
    return {"x": grad_x, "h0": grad_h}


def leaky_reservoir(steps: int, random: np.random.Generator, bias: bool = False) -> Arrays:
    batch, inputs, units = 3, 4, 6
    raw = random.standard_normal((units, units))
    arrays = {
        "x": random.standard_normal((batch, steps, inputs)),
        "h0": random.uniform(-1, 1, (batch, units)),
        "input_weights": random.standard_normal((units, inputs)) * 0.4,
        "recurrent_weights": raw * 1.2 / np.abs(np.linalg.eigvals(raw)).max(),
        "leak_rate": np.array(0.35),
    }
    if bias:
        arrays["bias"] = random.standard_normal(units) * 0.5
    golden = dict(arrays)
    for prefix, h0 in (("", arrays["h0"]), ("zero_", np.zeros((batch, units)))):
        given = {**arrays, "h0": h0}
        states = reservoir_states(**given)
        gradients = reservoir_gradients(states, **given)
        check_gradients(lambda **a: (reservoir_states(**a) ** 2).sum(), given, gradients)
        golden |= {f"{prefix}states": states, f"{prefix}loss": (states**2).sum()}
        golden |= {f"{prefix}grad_{k}": v for k, v in gradients.items() if not (prefix and k == "h0")}
    return golden


def spectral_radius(random: np.random.Generator) -> Arrays:
    raw, radius = random.standard_normal((9, 9)), np.array(0.8)
    scaled = raw * radius / np.abs(np.linalg.eigvals(raw)).max()
    # Gelfand's formula: |W^k|^(1/k) tends to the spectral radius, which checks it without eigenvalues.
    power = 2**14
    root = np.linalg.norm(np.linalg.matrix_power(scaled / radius, power)) ** (1 / power)
    assert abs(root - 1) < 1e-3, root
    return {"raw": raw, "radius": radius, "scaled": scaled}


def lstm_run(x, h0, c0, input_weights, recurrent_weights, bias) -> list[tuple]:
    """The steps as (previous h, previous c, i, f, g, o after their nonlinearities, h, c)."""
    h, c, tape = h0, c0, []
    for t in range(x.shape[1]):
        i, f, g, o = np.split(x[:, t] @ input_weights.T + h @ recurrent_weights.T + bias, 4, axis=1)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        before, c = (h, c), f * c + i * g
        h = o * np.tanh(c)
        tape.append((*before, i, f, g, o, h, c))
    return tape


def lstm_loss(**arrays: np.ndarray) -> float:
    tape = lstm_run(**arrays)
    return sum((step[6] ** 2).sum() for step in tape) + (tape[-1][7] ** 2).sum()


def lstm_gradients(tape: list[tuple], x, h0, c0, input_weights, recurrent_weights, bias) -> Arrays:
    weights = {"input_weights": input_weights, "recurrent_weights": recurrent_weights, "bias": bias}
    gradients = {name: np.zeros_like(array) for name, array in weights.items()}
    grad_x, grad_h, grad_c = np.zeros_like(x), np.zeros_like(h0), 2 * tape[-1][7]
    for t in reversed(range(len(tape))):
        h_before, c_before, i, f, g, o, h, c = tape[t]
        grad_h = grad_h + 2 * h
        grad_c = grad_c + grad_h * o * (1 - np.tanh(c) ** 2)
        grad_gates = np.concatenate([
            grad_c * g * i * (1 - i),
            grad_c * c_before * f * (1 - f),
            grad_c * i * (1 - g**2),
            grad_h * np.tanh(c) * o * (1 - o),
        ], axis=1)
        gradients["input_weights"] += grad_gates.T @ x[:, t]
        gradients["recurrent_weights"] += grad_gates.T @ h_before
        gradients["bias"] += grad_gates.sum(axis=0)
        grad_x[:, t] = grad_gates @ input_weights
        grad_h, grad_c = grad_gates @ recurrent_weights, grad_c * f
    return {"x": grad_x, "h0": grad_h, "c0": grad_c, **gradients}


def lstm(random: np.random.Generator) -> Arrays:
    batch, steps, inputs, units = 3, 5, 4, 6
    arrays = {
        "x": random.standard_normal((batch, steps, inputs)),
        "h0": random.uniform(-1, 1, (batch, units)),
        "c0": random.standard_normal((batch, units)),
        "input_weights": random.standard_normal((4 * units, inputs)) * 0.5,
        "recurrent_weights": random.standard_normal((4 * units, units)) * 0.4,
        "bias": random.standard_normal(4 * units) * 0.3,
    }
    golden = dict(arrays)
    zeros = np.zeros((batch, units))
    for prefix, given in (("", arrays), ("zero_", {**arrays, "h0": zeros, "c0": zeros})):
        tape = lstm_run(**given)
        gradients = lstm_gradients(tape, **given)
        check_gradients(lstm_loss, given, gradients)
        golden |= {f"{prefix}outputs": np.stack([step[6] for step in tape], axis=1), f"{prefix}last_c": tape[-1][7]}
        golden[f"{prefix}loss"] = lstm_loss(**given)
        golden |= {f"{prefix}grad_{k}": v for k, v in gradients.items() if not (prefix and k in ("h0", "c0"))}
    return golden


def adamw(random: np.random.Generator) -> Arrays:
    b1, b2, eps, decay = 0.9, 0.99, 1e-8, 0.2
    golden = {"learning_rates": np.array([0.01, 0.02, 0.02, 0.01, 0.005])}
    golden |= {"beta1": np.array(b1), "beta2": np.array(b2), "epsilon": np.array(eps), "weight_decay": np.array(decay)}
    for name, shape in (("matrix", (4, 3)), ("kernel", (2, 3, 3, 3)), ("bias", (5,))):
        start, gradients = random.standard_normal(shape), random.standard_normal((5, *shape))
        for variant, rate in (("decay", decay if len(shape) > 1 else 0.0), ("plain", 0.0)):
            p, m, v, after = start, np.zeros(shape), np.zeros(shape), []
            for t, (g, lr) in enumerate(zip(gradients, golden["learning_rates"]), start=1):
                m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
                p = p - lr * rate * p - lr * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps)
                after.append(p)
            golden[f"{variant}_{name}"] = np.stack(after)
        golden |= {f"start_{name}": start, f"gradients_{name}": gradients, f"first_{name}": m, f"second_{name}": v}
    return golden


def muon(random: np.random.Generator) -> Arrays:
    momentum, decay, (a, b, c) = 0.6, 0.2, (3.4445, -4.7750, 2.0315)
    golden = {"learning_rates": np.array([0.1, 0.2, 0.2, 0.05]), "momentum": np.array(momentum)}
    golden["weight_decay"] = np.array(decay)
    for name, shape in (("wide", (4, 3, 3, 3)), ("tall", (20, 2, 1, 3))):
        start, gradients = random.standard_normal(shape), random.standard_normal((4, *shape))
        w, m, after = start, np.zeros(shape), []
        for g, lr in zip(gradients, golden["learning_rates"]):
            m = momentum * m + g
            # An odd polynomial of a matrix applies to its singular values.
            left, values, right = np.linalg.svd((g + momentum * m).reshape(len(w), -1), full_matrices=False)
            values = values / (np.sqrt(np.sum(values**2)) + 1e-7)
            for _ in range(5):
                values = a * values + b * values**3 + c * values**5
            w = w - lr * decay * w - lr * ((left * values) @ right).reshape(shape)
            after.append(w)
        golden |= {f"start_{name}": start, f"gradients_{name}": gradients, f"after_{name}": np.stack(after)}
        golden[f"momentum_{name}"] = m
    return golden


def liquid_step(x, h, dt, input_weights, recurrent_weights, bias, tau, recurrent_bias=0.0, floor=None) -> tuple:
    """Drive, rate, and the derivatives of the rate by dt and tau. Without a floor, tau is the time constant and the step is Euler's."""
    drive = np.tanh(x @ input_weights.T + bias + h @ recurrent_weights.T + recurrent_bias)
    constant, by_tau = (tau, 1.0) if floor is None else (floor + np.log1p(np.exp(tau)), sigmoid(tau))
    part = dt[:, None] / constant
    rate, by_part = (part, 1.0) if floor is None else (-np.expm1(-part), np.exp(-part))
    return drive, rate, by_part / constant, -by_part * part / constant * by_tau


def liquid_states(x, h0, dt, **cell) -> np.ndarray:
    h, states = h0, []
    for t in range(x.shape[1]):
        drive, rate, *_ = liquid_step(x[:, t], h, dt[:, t], **cell)
        h = h + rate * (drive - h)
        states.append(h)
    return np.stack(states, axis=1)


def liquid_gradients(states, grad_states, x, h0, dt, **cell) -> Arrays:
    """Gradients of a loss whose gradient with respect to the states is `grad_states`."""
    gradients = {name: np.zeros_like(array) for name, array in cell.items() if name != "floor"}
    grad_x, grad_dt, grad_h = np.zeros_like(x), np.zeros_like(dt), np.zeros_like(h0)
    for t in reversed(range(states.shape[1])):
        before = states[:, t - 1] if t else h0
        drive, rate, by_dt, by_tau = liquid_step(x[:, t], before, dt[:, t], **cell)
        grad_h = grad_h + grad_states[:, t]
        grad_rate = grad_h * (drive - before)
        grad_sum = grad_h * rate * (1 - drive**2)
        gradients["tau"] += (grad_rate * by_tau).sum(axis=0)
        gradients["input_weights"] += grad_sum.T @ x[:, t]
        gradients["recurrent_weights"] += grad_sum.T @ before
        for name in {"bias", "recurrent_bias"} & set(gradients):
            gradients[name] += grad_sum.sum(axis=0)
        grad_x[:, t] = grad_sum @ cell["input_weights"]
        grad_dt[:, t] = (grad_rate * by_dt).sum(axis=1)
        grad_h = grad_h * (1 - rate) + grad_sum @ cell["recurrent_weights"]
    return {"x": grad_x, "h0": grad_h, "dt": grad_dt, **gradients}


def liquid_cell(inputs: int, units: int, random: np.random.Generator) -> Arrays:
    """Weights drawn like those of PyTorch's linear layers, and the article's two biases."""
    return {
        "input_weights": random.uniform(-1, 1, (units, inputs)) / np.sqrt(inputs),
        "recurrent_weights": random.uniform(-1, 1, (units, units)) / np.sqrt(units),
        "bias": random.uniform(-1, 1, units) / np.sqrt(inputs),
        "recurrent_bias": random.uniform(-1, 1, units) / np.sqrt(units),
    }


def liquid_time_step(random: np.random.Generator, timed: bool) -> Arrays:
    batch, steps, inputs, units = 3, 7, 4, 6
    arrays = {
        "x": random.standard_normal((batch, steps, inputs)),
        "h0": random.uniform(-1, 1, (batch, units)),
        "dt": np.ones((batch, steps)),
        **liquid_cell(inputs, units, random),
        "tau": random.uniform(0.8, 3, units),
    }
    constants = {}
    if timed:
        del arrays["recurrent_bias"]
        arrays |= {"dt": random.uniform(0, 2, (batch, steps)), "tau": random.standard_normal(units)}
        constants = {"floor": np.array(0.5)}
    golden = arrays | constants
    for prefix, h0 in (("", arrays["h0"]), ("zero_", np.zeros((batch, units)))):
        given = {**arrays, "h0": h0}
        states = liquid_states(**given, **constants)
        gradients = liquid_gradients(states, 2 * states, **given, **constants)
        check_gradients(lambda **a: (liquid_states(**a, **constants) ** 2).sum(), given, gradients)
        golden |= {f"{prefix}states": states, f"{prefix}loss": (states**2).sum()}
        golden |= {f"{prefix}grad_{k}": v for k, v in gradients.items() if not (prefix and k == "h0")}
    return golden if timed else {name: array for name, array in golden.items() if not name.endswith("dt")}


def liquid_train(random: np.random.Generator) -> Arrays:
    batch, steps, inputs, units = 4, 6, 10, 20
    x, y = random.standard_normal((batch, steps, inputs)), random.standard_normal((batch, 1))
    parameters = {f"cell.{name}": array for name, array in liquid_cell(inputs, units, random).items()}
    parameters["cell.tau"] = np.ones(units)
    parameters["readout.weight"] = random.uniform(-1, 1, (1, units)) / np.sqrt(units)
    parameters["readout.bias"] = random.uniform(-1, 1, 1) / np.sqrt(units)
    fixed = {"x": x, "h0": np.zeros((batch, units)), "dt": np.ones((batch, steps))}

    def forward(**p: np.ndarray) -> tuple:
        cell = {name[5:]: array for name, array in p.items() if name.startswith("cell.")}
        states = liquid_states(**fixed, **cell)
        error = states[:, -1] @ p["readout.weight"].T + p["readout.bias"] - y
        return (error**2).mean(), error, states, cell

    def gradients(**p: np.ndarray) -> Arrays:
        _, error, states, cell = forward(**p)
        grad_output, grad_states = 2 * error / error.size, np.zeros_like(states)
        grad_states[:, -1] = grad_output @ p["readout.weight"]
        through_time = liquid_gradients(states, grad_states, **fixed, **cell)
        readout = {"readout.weight": grad_output.T @ states[:, -1], "readout.bias": grad_output.sum(axis=0)}
        return {f"cell.{name}": through_time[name] for name in cell} | readout

    check_gradients(lambda **p: forward(**p)[0], parameters, gradients(**parameters))
    golden = {"x": x, "y": y} | {f"start_{name}": array for name, array in parameters.items()}
    lr, b1, b2, eps, losses = 1e-3, 0.9, 0.999, 1e-8, []
    m, v = ({name: np.zeros_like(array) for name, array in parameters.items()} for _ in range(2))
    for t in range(1, 101):
        losses.append(forward(**parameters)[0])
        for name, g in gradients(**parameters).items():
            m[name], v[name] = b1 * m[name] + (1 - b1) * g, b2 * v[name] + (1 - b2) * g**2
            step = (m[name] / (1 - b1**t)) / (np.sqrt(v[name] / (1 - b2**t)) + eps)
            parameters[name] = parameters[name] - lr * step
    assert losses[-1] < 1e-3, losses[-1]
    golden["losses"] = np.array(losses)
    return golden | {f"end_{name}": array for name, array in parameters.items()}


def spiking_run(fire, x, v0, input_weights, recurrent_weights, bias, spike_weights, leak_rate, threshold) -> tuple:
    """The steps as (previous v, drive, u, s, v), and the loss; `fire` returns s for u - threshold."""
    v, tape, loss = v0, [], 0.0
    for t in range(x.shape[1]):
        drive = np.tanh(x[:, t] @ input_weights.T + bias + v @ recurrent_weights.T)
        before, u = v, (1 - leak_rate) * v + leak_rate * drive
        s = fire(u - threshold)
        v = u - threshold * s
        tape.append((before, drive, u, s, v))
        loss += (v**2).sum() + (spike_weights[:, t] * s).sum()
    return tape, loss


def spiking_gradients(tape, slope, x, v0, input_weights, recurrent_weights, bias, spike_weights, leak_rate, threshold):
    weights = {"input_weights": input_weights, "recurrent_weights": recurrent_weights, "bias": bias}
    gradients = {name: np.zeros_like(array) for name, array in weights.items()}
    grad_x, grad_v = np.zeros_like(x), np.zeros_like(v0)
    for t in reversed(range(len(tape))):
        before, drive, u, _, v = tape[t]
        grad_v = grad_v + 2 * v
        grad_u = grad_v + (spike_weights[:, t] - threshold * grad_v) * slope(u - threshold)
        grad_sum = grad_u * leak_rate * (1 - drive**2)
        gradients["input_weights"] += grad_sum.T @ x[:, t]
        gradients["recurrent_weights"] += grad_sum.T @ before
        gradients["bias"] += grad_sum.sum(axis=0)
        grad_x[:, t] = grad_sum @ input_weights
        grad_v = grad_u * (1 - leak_rate) + grad_sum @ recurrent_weights
    return {"x": grad_x, "v0": grad_v, **gradients}


def spiking(random: np.random.Generator) -> Arrays:
    batch, steps, inputs, units, sharpness = 3, 7, 4, 6, 5.0
    fixed = {"leak_rate": np.array(0.6), "threshold": np.array(0.3)}
    step = lambda u: np.where(u > 0, 1.0, 0.0)
    smooth = lambda u: u / (1 + sharpness * np.abs(u))
    slope = lambda u: 1 / (1 + sharpness * np.abs(u)) ** 2
    while True:
        raw = random.standard_normal((units, units))
        arrays = {
            "x": random.standard_normal((batch, steps, inputs)),
            "v0": random.uniform(-1, 1, (batch, units)),
            "input_weights": random.standard_normal((units, inputs)),
            "recurrent_weights": raw * 0.9 / np.abs(np.linalg.eigvals(raw)).max(),
            "bias": random.standard_normal(units) * 0.3,
            "spike_weights": random.standard_normal((batch, steps, units)),
        }
        starts = (("", arrays), ("zero_", {**arrays, "v0": np.zeros((batch, units))}))
        tapes = [spiking_run(step, **given, **fixed)[0] for _, given in starts]
        # A membrane close to the threshold could spike in one precision and not in another.
        if min(np.abs(u - fixed["threshold"]).min() for tape in tapes for _, _, u, _, _ in tape) > 1e-3:
            break
    golden = arrays | fixed | {"sharpness": np.array(sharpness)}
    for (prefix, given), tape in zip(starts, tapes):
        # With a smooth function instead of the step function, the gradients of the same equations can be checked.
        relaxed, _ = spiking_run(smooth, **given, **fixed)
        check_gradients(
            lambda **a: spiking_run(smooth, **a, **fixed)[1], given, spiking_gradients(relaxed, slope, **given, **fixed)
        )
        gradients = spiking_gradients(tape, slope, **given, **fixed)
        for name, place in (("before", 2), ("spikes", 3), ("after", 4)):
            golden[prefix + name] = np.stack([entry[place] for entry in tape], axis=1)
        golden[f"{prefix}loss"] = spiking_run(step, **given, **fixed)[1]
        golden |= {f"{prefix}grad_{k}": v for k, v in gradients.items() if not (prefix and k == "v0")}
        assert 0.2 < golden[f"{prefix}spikes"].mean() < 0.8
    return golden


def linear_states(x, h0, input_weights, recurrent_weights, bias, rate) -> np.ndarray:
    h, states = h0, []
    for t in range(x.shape[1]):
        h = (1 - rate) * h + rate * (x[:, t] @ input_weights.T) + h @ recurrent_weights.T + bias
        states.append(h)
    return np.stack(states, axis=1)


def linear_gradients(states, x, h0, input_weights, recurrent_weights, bias, rate) -> Arrays:
    weights = {"input_weights": input_weights, "recurrent_weights": recurrent_weights, "bias": bias}
    gradients = {name: np.zeros_like(array) for name, array in weights.items()}
    grad_x, grad_h = np.zeros_like(x), np.zeros_like(h0)
    for t in reversed(range(states.shape[1])):
        grad_h = grad_h + 2 * states[:, t]
        gradients["input_weights"] += rate * grad_h.T @ x[:, t]
        gradients["recurrent_weights"] += grad_h.T @ (states[:, t - 1] if t else h0)
        gradients["bias"] += grad_h.sum(axis=0)
        grad_x[:, t] = rate * grad_h @ input_weights
        grad_h = (1 - rate) * grad_h + grad_h @ recurrent_weights
    return {"x": grad_x, "h0": grad_h, **gradients}


def linear_liquid(random: np.random.Generator) -> Arrays:
    batch, steps, inputs, units = 3, 5, 4, 6
    arrays = {
        "x": random.standard_normal((batch, steps, inputs)),
        "h0": random.uniform(-1, 1, (batch, units)),
        "input_weights": random.standard_normal((units, inputs)) * 0.5,
        "recurrent_weights": random.standard_normal((units, units)) * 0.2,
        "bias": random.standard_normal(units) * 0.1,
    }
    rate = np.array(0.3)
    golden = arrays | {"rate": rate}
    for prefix, h0 in (("", arrays["h0"]), ("zero_", np.zeros((batch, units)))):
        given = {**arrays, "h0": h0}
        states = linear_states(**given, rate=rate)
        gradients = linear_gradients(states, **given, rate=rate)
        check_gradients(lambda **a: (linear_states(**a, rate=rate) ** 2).sum(), given, gradients)
        golden |= {f"{prefix}states": states, f"{prefix}loss": (states**2).sum()}
        golden |= {f"{prefix}grad_{k}": v for k, v in gradients.items() if not (prefix and k == "h0")}
    return golden


def gru_run(x, h0, input_weights, recurrent_weights, bias, candidate_bias) -> list[tuple]:
    h, tape = h0, []
    for t in range(x.shape[1]):
        a_r, a_z, a_n = np.split(x[:, t] @ input_weights.T + bias, 3, axis=1)
        p_r, p_z, p_n = np.split(h @ recurrent_weights.T, 3, axis=1)
        r, z, p = sigmoid(a_r + p_r), sigmoid(a_z + p_z), p_n + candidate_bias
        n = np.tanh(a_n + r * p)
        before, h = h, (1 - z) * n + z * h
        tape.append((before, r, z, p, n, h))
    return tape


def gru_loss(**arrays: np.ndarray) -> float:
    return sum((step[-1] ** 2).sum() for step in gru_run(**arrays))


def gru_gradients(tape, x, h0, input_weights, recurrent_weights, bias, candidate_bias) -> Arrays:
    weights = {
        "input_weights": input_weights,
        "recurrent_weights": recurrent_weights,
        "bias": bias,
        "candidate_bias": candidate_bias,
    }
    gradients = {name: np.zeros_like(array) for name, array in weights.items()}
    grad_x, grad_h = np.zeros_like(x), np.zeros_like(h0)
    for t, (before, r, z, p, n, h) in reversed(list(enumerate(tape))):
        grad_h = grad_h + 2 * h
        grad_n = grad_h * (1 - z) * (1 - n**2)
        grad_z = grad_h * (before - n) * z * (1 - z)
        grad_r = grad_n * p * r * (1 - r)
        grad_p = grad_n * r
        grad_a = np.concatenate((grad_r, grad_z, grad_n), axis=1)
        grad_products = np.concatenate((grad_r, grad_z, grad_p), axis=1)
        gradients["input_weights"] += grad_a.T @ x[:, t]
        gradients["recurrent_weights"] += grad_products.T @ before
        gradients["bias"] += grad_a.sum(axis=0)
        gradients["candidate_bias"] += grad_p.sum(axis=0)
        grad_x[:, t] = grad_a @ input_weights
        grad_h = grad_h * z + grad_products @ recurrent_weights
    return {"x": grad_x, "h0": grad_h, **gradients}


def gru(random: np.random.Generator) -> Arrays:
    batch, steps, inputs, units = 3, 5, 4, 6
    arrays = {
        "x": random.standard_normal((batch, steps, inputs)),
        "h0": random.uniform(-1, 1, (batch, units)),
        "input_weights": random.standard_normal((3 * units, inputs)) * 0.5,
        "recurrent_weights": random.standard_normal((3 * units, units)) * 0.4,
        "bias": random.standard_normal(3 * units) * 0.2,
        "candidate_bias": random.standard_normal(units) * 0.2,
    }
    golden = dict(arrays)
    for prefix, h0 in (("", arrays["h0"]), ("zero_", np.zeros((batch, units)))):
        given = {**arrays, "h0": h0}
        tape = gru_run(**given)
        gradients = gru_gradients(tape, **given)
        check_gradients(gru_loss, given, gradients)
        golden |= {f"{prefix}states": np.stack([step[-1] for step in tape], axis=1), f"{prefix}loss": gru_loss(**given)}
        golden |= {f"{prefix}grad_{k}": v for k, v in gradients.items() if not (prefix and k == "h0")}
    return golden


def softplus(x: np.ndarray) -> np.ndarray:
    return np.log(1 + np.exp(x))


def currents(source: np.ndarray, w, sigma, mu, reversal, polarity) -> tuple[np.ndarray, np.ndarray]:
    """num and den of synapses [J,N] from sources [B,J]."""
    open_ = softplus(w) * np.abs(polarity) * sigmoid(sigma * (source[:, :, None] - mu))
    return (open_ * reversal).sum(axis=1), open_.sum(axis=1)


def liquid_time_constant_states(x, h0, dt, **p: np.ndarray) -> np.ndarray:
    names = ("w", "sigma", "mu", "reversal", "polarity")
    c, g, v, states = softplus(p["capacitance"]), softplus(p["g_leak"]), h0, []
    for t in range(x.shape[1]):
        source = x[:, t] * p["input_scale"] + p["input_bias"]
        sensed = currents(source, *(p[f"sensory_{name}"] for name in names))
        duration = dt[:, t, None] / 3
        for _ in range(3):
            num, den = currents(v, *(p[name] for name in names))
            v = (c * v + duration * (num + sensed[0] + g * p["v_leak"])) / (c + duration * (den + sensed[1] + g))
        states.append(v * p["output_scale"] + p["output_bias"])
    return np.stack(states, axis=1)


def closed_form_states(x, h0, dt, **p: np.ndarray) -> np.ndarray:
    h, states = h0, []
    for t in range(x.shape[1]):
        sums = x[:, t] @ p["backbone_input_weights"].T + h @ p["backbone_recurrent_weights"].T + p["backbone_bias"]
        heads = 1.7159 * np.tanh(0.666 * sums) @ p["head_weights"].T + p["head_bias"]
        f1, f2, a, b = np.split(heads, 4, axis=1)
        h = np.tanh(f1) + sigmoid(a * dt[:, t, None] + b) * (np.tanh(f2) - np.tanh(f1))
        states.append(h)
    return np.stack(states, axis=1)


def by_complex_step(run, arrays: Arrays, fixed: tuple[str, ...] = ()) -> Arrays:
    """The states, the loss and its gradients with respect to all arrays but the fixed ones, from `h0` and from zero."""
    golden = dict(arrays)
    for prefix, h0 in (("", arrays["h0"]), ("zero_", np.zeros_like(arrays["h0"]))):
        given = {**arrays, "h0": h0}
        states = run(**given)
        gradients = {}
        for name in (name for name in arrays if name not in fixed and not (prefix and name == "h0")):
            gradients[name] = np.zeros_like(arrays[name])
            for index in np.ndindex(arrays[name].shape):
                moved = given[name].astype(complex)
                moved[index] += 1e-30j
                gradients[name][index] = (run(**{**given, name: moved}) ** 2).sum().imag / 1e-30
        check_gradients(lambda **a: (run(**a) ** 2).sum(), given, gradients)
        golden |= {f"{prefix}states": states, f"{prefix}loss": (states**2).sum()}
        golden |= {f"{prefix}grad_{name}": gradient for name, gradient in gradients.items()}
    return golden


def sequence_in_time(inputs: int, units: int, random: np.random.Generator) -> Arrays:
    return {
        "x": random.standard_normal((2, 5, inputs)),
        "h0": random.uniform(-1, 1, (2, units)),
        "dt": random.uniform(0.1, 2.0, (2, 5)),
    }


def liquid_time_constant(random: np.random.Generator) -> Arrays:
    inputs, units = 3, 4
    arrays = sequence_in_time(inputs, units, random)
    arrays |= {"input_scale": random.uniform(0.5, 1.5, inputs), "input_bias": random.uniform(-0.3, 0.3, inputs)}
    for prefix, sources in (("sensory_", inputs), ("", units)):
        shape = (sources, units)
        polarity = random.choice([-1.0, 0.0, 1.0], shape)
        arrays |= {
            f"{prefix}w": random.uniform(-2, 1, shape),
            f"{prefix}sigma": random.uniform(2, 5, shape),
            f"{prefix}mu": random.uniform(-0.2, 0.8, shape),
            f"{prefix}reversal": polarity + random.uniform(-0.3, 0.3, shape),
            f"{prefix}polarity": polarity,
        }
    for name, low, high in (("g_leak", -2, 1), ("v_leak", -0.2, 0.2), ("capacitance", -1, 1), ("output_scale", 0.5, 1.5),
                            ("output_bias", -0.3, 0.3)):
        arrays[name] = random.uniform(low, high, units)
    return by_complex_step(liquid_time_constant_states, arrays, fixed=("polarity", "sensory_polarity"))


def closed_form(random: np.random.Generator) -> Arrays:
    inputs, units, backbone = 3, 4, 5
    arrays = sequence_in_time(inputs, units, random)
    for name, shape in (("backbone_input_weights", (backbone, inputs)), ("backbone_recurrent_weights", (backbone, units)),
                        ("backbone_bias", (backbone,)), ("head_weights", (4 * units, backbone)), ("head_bias", (4 * units,))):
        arrays[name] = random.standard_normal(shape) * 0.5
    return by_complex_step(closed_form_states, arrays)


def archive(arrays: Arrays) -> bytes:
    """An uncompressed .npz whose bytes depend on the arrays only: sorted by name, without time stamps."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as file:
        for name in sorted(arrays):
            entry = io.BytesIO()
            np.lib.format.write_array(entry, np.array(arrays[name], dtype="<f8", order="C"), version=(1, 0))
            file.writestr(zipfile.ZipInfo(f"{name}.npy"), entry.getvalue())
    return packed.getvalue()


def differences(path: Path, arrays: Arrays) -> list[str]:
    if not path.exists():
        return [f"{path.name} does not exist"]
    with np.load(path) as stored:
        if sorted(stored) != sorted(arrays):
            return [f"{path.name} contains other names: {sorted(set(stored) ^ set(arrays))}"]
        return [
            f"{path.name}: {name} differs"
            for name in arrays
            if stored[name].shape != np.shape(arrays[name])
            or not np.allclose(stored[name], arrays[name], rtol=TOLERANCE, atol=TOLERANCE)
        ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing and exit 1 if a file contains other values")
    options = parser.parse_args()
    golden = {
        "leaky_reservoir_T1.npz": leaky_reservoir(1, np.random.default_rng(101)),
        "leaky_reservoir_T7.npz": leaky_reservoir(7, np.random.default_rng(107)),
        "leaky_reservoir_bias_T7.npz": leaky_reservoir(7, np.random.default_rng(113), bias=True),
        "spectral_radius.npz": spectral_radius(np.random.default_rng(211)),
        "lstm_T5.npz": lstm(np.random.default_rng(305)),
        "adamw.npz": adamw(np.random.default_rng(401)),
        "muon.npz": muon(np.random.default_rng(402)),
        "liquid_time_step_T7.npz": liquid_time_step(np.random.default_rng(507), timed=False),
        "liquid_time_step_dt_T7.npz": liquid_time_step(np.random.default_rng(513), timed=True),
        "liquid_train100.npz": liquid_train(np.random.default_rng(601)),
        "spiking_T7.npz": spiking(np.random.default_rng(707)),
        "linear_liquid_T5.npz": linear_liquid(np.random.default_rng(805)),
        "gru_T5.npz": gru(np.random.default_rng(905)),
        "liquid_time_constant_T5.npz": liquid_time_constant(np.random.default_rng(1005)),
        "closed_form_T5.npz": closed_form(np.random.default_rng(1105)),
    }
    if options.check:
        found = [line for name, arrays in golden.items() for line in differences(FOLDER / name, arrays)]
        print("\n".join(found) or f"{len(golden)} files contain the values computed here", file=sys.stderr)
        return 1 if found else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, arrays in golden.items():
        (FOLDER / name).write_bytes(archive(arrays))
    return 0


if __name__ == "__main__":
    sys.exit(main())
