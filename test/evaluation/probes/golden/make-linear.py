"""Writes linear.json beside itself: what scikit-learn's logistic regression and ridge classifier make of drawn features.

Run as `python3 test/evaluation/probes/golden/make-linear.py`, then `npx biome check --write test/evaluation/probes/golden`;
made with scikit-learn 1.9.1 and NumPy 2.4.6.
The features come from a 32-bit linear congruential generator, which test/evaluation/probes/drawn-features.ts has too.
"""

import json
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.preprocessing import StandardScaler


def drawn_features(seed, count, width, classes):
    """Whole numbers; the columns of a row's class, those that are its number modulo the classes, are moved up by 300."""
    state = seed
    rows, labels = np.zeros((count, width)), np.zeros(count, int)

    def draw():
        nonlocal state
        state = (1664525 * state + 1013904223) % 2**32
        return state >> 16

    for i in range(count):
        labels[i] = draw() % classes
        for k in range(width):
            rows[i, k] = draw() % 1000 + (300 if k % classes == labels[i] else 0) + 50 * (k % 3)
    return rows, labels


def case(seed, count, width, classes, penalties):
    rows, labels = drawn_features(seed, count + 40, width, classes)
    train, test = rows[:count], rows[count:]
    scaler = StandardScaler().fit(train)
    x, y = scaler.transform(train), labels[:count]
    results = []
    for penalty in penalties:
        model = LogisticRegression(C=1 / (count * penalty), tol=1e-12, max_iter=100000).fit(x, y)
        scores = model.decision_function(x)
        scores = scores - scores.max(1, keepdims=True)
        entropy = np.log(np.exp(scores).sum(1)) - scores[np.arange(count), y]
        ridge = RidgeClassifier(alpha=count * penalty, solver="cholesky").fit(x, y)
        results.append(
            {
                "penalty": penalty,
                "loss": float(entropy.mean() + penalty / 2 * (model.coef_**2).sum()),
                "logistic": model.predict(scaler.transform(test)).tolist(),
                "ridge": ridge.predict(scaler.transform(test)).tolist(),
                # Of the first test row; targets are -1 and 1 there, 0 and 1 here.
                "ridgeScores": ((ridge.decision_function(scaler.transform(test[:1]))[0] + 1) / 2).tolist(),
            }
        )
    return {"seed": seed, "count": count, "width": width, "classes": classes, "results": results}


def main():
    out = [case(1, 120, 6, 3, [1, 0.01, 0.0001]), case(2, 300, 40, 5, [0.3, 0.003]), case(3, 60, 90, 4, [0.1, 0.01])]
    Path(__file__).with_name("linear.json").write_text(json.dumps(out, indent=2) + "\n")


if __name__ == "__main__":
    main()
