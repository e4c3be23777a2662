"""
A data frame with mixed columns
===============================

Most tables have numbers in different units, text columns, and missing values. A
pipeline that encodes the text and fills in the missing values is all that
``BackpropRegressor`` needs.
"""

# %%
# The table
# ---------
# The table has the rents of 800 made-up apartments. Rent depends on size, age, floor
# and district, and a balcony is worth more in a large apartment. A tenth of the years
# are missing.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.inspection import permutation_importance
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklearn_backprop import BackpropRegressor

rng = np.random.default_rng(0)
n = 800
homes = pd.DataFrame(
    {
        "area_m2": rng.gamma(9, 8, size=n).round() + 18,
        "year_built": rng.integers(1890, 2024, size=n).astype(float),
        "floor": rng.integers(0, 9, size=n),
        "balcony": rng.random(n) < 0.5,
        "district": rng.choice(["center", "harbor", "park", "station"], size=n),
        "heating": rng.choice(["gas", "district heating", "heat pump"], size=n),
    }
)
per_m2 = homes["district"].map({"center": 17, "harbor": 14, "park": 15, "station": 11})
per_m2 += 6 * np.exp(-homes["area_m2"] / 40) + 0.2 * homes["floor"]
per_m2 += ((homes["year_built"] - 1960) / 40) ** 2 + homes["balcony"]
rent = per_m2 * homes["area_m2"] * np.exp(rng.normal(scale=0.05, size=n))
homes.loc[rng.random(n) < 0.1, "year_built"] = np.nan
homes.head()

# %%
# The pipeline
# ------------
# Text becomes columns of zeros and ones. Missing values are filled with the median, and
# another column of zeros and ones marks where they were. Nothing has to be scaled: the
# regressor standardizes its input, and its predictions are in the units of the target.

columns = make_column_transformer(
    (OneHotEncoder(), ["district", "heating"]),
    (SimpleImputer(strategy="median", add_indicator=True), ["year_built"]),
    remainder="passthrough",
)
model = make_pipeline(columns, BackpropRegressor(random_state=0))
homes_train, homes_test, rent_train, rent_test = train_test_split(
    homes, rent, random_state=0
)
scores = cross_val_score(model, homes_train, rent_train)
print(f"R² in cross-validation: {scores.mean():.3f} ± {scores.std():.3f}")

# %%
# Predictions
# -----------
# These are predictions for apartments that the model has not seen, in the units of the
# rent.

model.fit(homes_train, rent_train)
r2 = model.score(homes_test, rent_test)

plt.style.use(["petroff10", {"font.size": 12}])
plt.rc("axes.spines", top=False, right=False)
figure, axis = plt.subplots(figsize=(6.4, 4.8), layout="constrained")
axis.axline((1000, 1000), slope=1, color="0.6", linestyle="--")
axis.scatter(rent_test, model.predict(homes_test), s=18, alpha=0.7)
axis.set(
    xlabel="actual rent (euros a month)",
    ylabel="predicted rent (euros a month)",
    title=f"200 other apartments: R² = {r2:.3f}",
)
plt.show()

# %%
# Which columns matter
# --------------------
# scikit-learn's tools work on the whole pipeline, and therefore on the original
# columns. We shuffle one column at a time and see how much R² decreases.

importance = permutation_importance(
    model, homes_test, rent_test, n_repeats=10, random_state=0
)
order = importance.importances_mean.argsort()
figure, axis = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
axis.boxplot(
    importance.importances[order].T, orientation="horizontal", widths=0.6, sym="."
)
axis.set_yticklabels(homes.columns[order])
axis.set(xlabel="decrease of R² when the column is shuffled")
axis.set_xscale("symlog", linthresh=0.01)
axis.set_title("What the rent depends on")
plt.show()

# %%
# The heating does not matter, and the model has learned this. To tune the model, see
# :ref:`sphx_glr_gallery_plot_grid_search.py`. In this pipeline, the regressor's
# parameters are called ``backpropregressor__max_iter`` and so on.
