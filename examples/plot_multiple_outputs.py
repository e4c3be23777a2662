"""
Multiple outputs: an arm learns to draw
=======================================

One network can predict several targets at once, from one layer of hidden units. Here,
it finds the two angles of an arm that move its hand to a given position.
"""

# %%
# The arm
# -------
# The arm has two links of length 1. The shoulder turns the first, and the elbow turns
# the second. The angles determine where the hand is. The network has to learn the
# reverse from random movements: x is the position of the hand, and y is the two angles.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.multioutput import MultiOutputRegressor

from sklearn_backprop import BackpropRegressor


def joints(angles):
    """Positions of the elbow and the hand, of shape (n, 2) each."""
    shoulder, both = angles[:, 0], angles.sum(axis=1)
    elbow = np.column_stack((np.cos(shoulder), np.sin(shoulder)))
    return elbow, elbow + np.column_stack((np.cos(both), np.sin(both)))


def move_randomly(n, rng):
    """The positions of the hand and the angles for n random movements."""
    angles = rng.uniform([0, 0.3], [np.pi, 2.8], size=(n, 2))
    return joints(angles)[1], angles


rng = np.random.default_rng(0)
X, y = move_randomly(2000, rng)

# %%
# A drawing
# ---------
# The error is a sum over the outputs, E = ½ Σ_k (y_k − ŷ_k)². Each output has its own
# weights v_kh, while the hidden units serve both outputs, so Δw_hj contains Σ_k (y_k −
# ŷ_k) v_kh. All you need is a y with two columns.
#
# Then the arm draws a heart: the network predicts the angles for the points of the
# heart, and we see where these move the hand.

t = np.linspace(0, 2 * np.pi, 400)
heart_1 = 0.2 + 0.7 * np.sin(t) ** 3
heart_2 = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
heart = np.column_stack((heart_1, 1.1 + heart_2 / 26))

plt.style.use(["petroff10", {"font.size": 12}])
plt.rc("axes.spines", top=False, right=False)
figure, axis = plt.subplots(figsize=(6.4, 4.8), layout="constrained")
axis.scatter(*X.T, s=3, color="0.8")
for epochs, label, color in [
    (1, "1 epoch", "C0"),
    (10, "10", "C1"),
    (1000, "1000", "C2"),
]:
    model = BackpropRegressor(
        50, learning_rate="linear", max_iter=epochs, random_state=0
    )
    elbow, hand = joints(model.fit(X, y).predict(heart))
    axis.plot(*hand.T, color=color, linewidth=2, label=label)
axis.plot(*heart.T, "k:", linewidth=2, label="the heart")
arm = np.transpose([(0, 0), elbow[130], hand[130]])
axis.plot(*arm, "o-", color="0.3", linewidth=5, markersize=11)
axis.set_title("An arm draws a heart")
axis.set(aspect="equal", xlabel="horizontal position", ylabel="vertical position")
axis.legend(loc="lower right")
plt.show()

# %%
# The dark lines are the arm as it draws, and the gray dots are the positions it was
# trained on. After one epoch, the drawing is a scribble. After ten, you can guess the
# shape. After a thousand, it is a heart.
#
# One network or two?
# -------------------
# ``MultiOutputRegressor`` gives each angle its own network. The two networks together
# get as many hidden units as the one network has. For new positions, we measure how far
# from them the hand ends up, as the mean over five seeds.

X_test, _ = move_randomly(2000, rng)


def distance(model):
    """Mean distance of the hand from the test positions, after training."""
    _, hand = joints(model.fit(X, y).predict(X_test))
    return np.linalg.norm(hand - X_test, axis=1).mean()


sizes = np.array([4, 8, 16, 32, 64])
one, two = np.empty((2, sizes.size, 5))
for row, column in np.ndindex(one.shape):
    network = BackpropRegressor(
        sizes[row], learning_rate="linear", max_iter=200, random_state=column
    )
    one[row, column] = distance(network)
    network.set_params(hidden_layer_size=sizes[row] // 2)
    two[row, column] = distance(MultiOutputRegressor(network))

figure, axis = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
axis.loglog(
    sizes, two.mean(axis=1), "s-", color="C0", linewidth=2, label="two networks"
)
axis.loglog(sizes, one.mean(axis=1), "o-", color="C2", linewidth=2, label="one network")
axis.set(xlabel="hidden units in total", ylabel="mean distance from the target")
axis.set_title("How far the hand misses the target")
axis.minorticks_off()
axis.set_xticks(sizes, sizes)
axis.set_yticks([0.05, 0.1, 0.2], [0.05, 0.1, 0.2])
axis.legend()
plt.show()

# %%
# The two angles depend on the same things, such as how far away the hand is. With the
# same number of hidden units, one network that shares them is more accurate.
