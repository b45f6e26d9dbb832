"""Makes the cases of this folder with scikit-learn: `python make.py` in it.

numpy 2.4.6, safetensors 0.8.0, scikit-learn 1.9.1; f64, one thread. Features are
drawn in f32. Weights, biases and probabilities are rounded to f32 for the file.

A case holds `features`, `labels` and what `LogisticRegression(solver="lbfgs")`
found. scikit-learn keeps one vector for two classes: `weight` and `bias` then hold
its halves, with the signs of the classes. `off_newton` is how far the weights are
from those of the solver `newton-cholesky`: what is left of the minimum.

`search_*` follow the search for C of KaiyangZhou/CoOp `lpclip/linear_probe.py`.
"""

import json
import warnings

import numpy as np
from safetensors.numpy import save_file
from sklearn.linear_model import LogisticRegression

TIGHT = {"tol": 1e-10, "max_iter": 10000}


def draw(seed, n_classes, per_class, width, spread, norm):
    """Classes of different sizes around centres of their own."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(n_classes, width))
    labels = np.repeat(np.arange(n_classes), per_class)
    features = centres[labels] + spread * random.normal(size=(len(labels), width))
    order = random.permutation(len(labels))
    return (norm * features[order] / np.sqrt(width)).astype(np.float32), labels[order]


def fit(features, labels, c, **options):
    with warnings.catch_warnings():
        # Next to the minimum lbfgs may end because no step is lower.
        warnings.simplefilter("ignore")
        model = LogisticRegression(C=c, **{**TIGHT, **options})
        return model.fit(features.astype(np.float64), labels)


def rows(model):
    weight, bias = model.coef_, model.intercept_
    if len(weight) == 1:
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return weight, bias


def write(name, facts, tensors):
    save_file({key: np.ascontiguousarray(value) for key, value in tensors.items()}, f"{name}.safetensors")
    with open(f"{name}.json", "w") as file:
        json.dump(facts, file, indent=1)
        file.write("\n")


def f32(value):
    return value.astype(np.float32)


def fit_case(name, seed, n_classes, per_class, width, spread, norm, c):
    features, labels = draw(seed, n_classes, per_class, width, spread, norm)
    model = fit(features, labels, c)
    weight, bias = rows(model)
    newton, _ = rows(fit(features, labels, c, solver="newton-cholesky"))
    probabilities = model.predict_proba(features.astype(np.float64))
    facts = {
        "n_classes": n_classes,
        "c": c,
        "off_newton": float(np.abs(weight - newton).max() / np.abs(newton).max()),
        "iterations": int(model.n_iter_[0]),
    }
    print(name, facts, np.abs(weight).max(), (model.predict(features) == labels).mean())
    write(name, facts, {
        "features": features,
        "labels": labels.astype(np.int64),
        "weight": f32(weight),
        "bias": f32(bias),
        "probabilities": f32(probabilities),
    })


def search_case(name, seed, n_classes, shots, val_shots, width, spread, norm, halvings):
    per_class = np.full(n_classes, shots + val_shots)
    features, labels = draw(seed, n_classes, per_class, width, spread, norm)
    places = [np.flatnonzero(labels == label) for label in range(n_classes)]
    train = np.concatenate([place[:shots] for place in places])
    val = np.concatenate([place[shots:] for place in places])
    trials = []

    def accuracy(c):
        model = fit(features[train], labels[train], c)
        right = float(np.mean(model.predict(features[val].astype(np.float64)) == labels[val]))
        trials.append([float(c), right])
        return right, model

    first = [1e6, 1e4, 1e2, 1, 1e-2, 1e-4, 1e-6]
    peak = first[int(np.argmax([accuracy(c)[0] for c in first]))]
    left, right = np.log10(peak) - 1, np.log10(peak) + 1
    for _ in range(halvings):
        (of_left, at_left), (of_right, at_right) = accuracy(10**left), accuracy(10**right)
        middle = (left + right) / 2
        if of_left < of_right:
            c, model, left = 10**right, at_right, middle
        else:
            c, model, right = 10**left, at_left, middle
    weight, bias = rows(model)
    facts = {"n_classes": n_classes, "halvings": halvings, "c": float(c), "trials": trials}
    print(name, facts)
    write(name, facts, {
        "features": features[train],
        "labels": labels[train].astype(np.int64),
        "val_features": features[val],
        "val_labels": labels[val].astype(np.int64),
        "weight": f32(weight),
        "bias": f32(bias),
    })


if __name__ == "__main__":
    fit_case("few_shot", 1, 5, [8] * 5, 16, 1.0, 1.0, 1.0)
    fit_case("clip_norm", 2, 6, [6] * 6, 32, 2.0, 10.0, 0.316)
    fit_case("uneven", 3, 4, [3, 17, 1, 40], 6, 1.5, 3.0, 1.0)
    fit_case("weak_penalty", 4, 3, [30] * 3, 4, 2.5, 2.0, 1e4)
    fit_case("strong_penalty", 5, 7, [4] * 7, 12, 1.0, 5.0, 1e-4)
    fit_case("two_classes", 6, 2, [12, 19], 8, 1.5, 2.0, 2.0)
    fit_case("fewer_examples_than_width", 7, 10, [1] * 10, 48, 1.0, 8.0, 10.0)
    search_case("search_middle", 11, 6, 8, 4, 12, 2.0, 4.0, 8)
    search_case("search_two_classes", 13, 2, 16, 12, 5, 2.0, 1.0, 8)
    search_case("search_short", 12, 10, 4, 4, 24, 2.5, 10.0, 3)
