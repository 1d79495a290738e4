"""
Which sensors failed, and when?
===============================

Sensors drift, get stuck or fail for an hour. Where should I look first?

Fit ``LinearContrastive`` and draw two plots: ``NoiseDisplay`` ranks the sensors, ``OutlierDisplay``
the readings.
"""

# %%
# Twelve thermometers measure one room every five minutes for four days. Sensor E is broken, sensor
# H is stuck at 20 degrees, sensor C fails twice. These data are drawn, so that the truth is known.
import numpy as np
import pandas as pd

rng = np.random.default_rng(0)
time = pd.date_range("2026-03-02", periods=1152, freq="5min")
daily = 20 + 3 * np.sin(2 * np.pi * (np.arange(1152) / 288 - 0.375))
names = [f"sensor {letter}" for letter in "ABCDEFGHIJKL"]
noise_sd = rng.uniform(0.3, 3, 12)
X = daily[:, None] + noise_sd * rng.standard_normal((1152, 12))
X = pd.DataFrame(X, columns=names, index=time.strftime("%a %H:%M"))
X["sensor E"] = rng.uniform(-40, 80, 1152)
X.loc["Wed 12:00"] += 16.0  # the sun shone on all of them
X.loc[["Tue 09:20", "Wed 19:05"], "sensor C"] = 60.0
X["sensor H"] = 20.0

# %%
# No scaler and no cleaning is needed before the fit.
from sklearn_contrastive import LinearContrastive

model = LinearContrastive(1, random_state=0).fit(X)

# %%
# The left plot shows how much of each sensor is noise. Sensor E has nothing in common with the
# others. The right plot shows each reading: at the top are those in which a sensor contradicts the
# others, to the right those in which all sensors agree on an unusual temperature.
import matplotlib.pyplot as plt

from sklearn_contrastive.plotting import NoiseDisplay, OutlierDisplay

figure, axes = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
sensors = NoiseDisplay.from_estimator(model, ax=axes[0])
readings = OutlierDisplay.from_estimator(model, X, ax=axes[1])
plt.show()

# %%
# The displays keep what they found.
print("Failing:", sensors.failing_, "Stuck:", sensors.stuck_)
print("Bad readings:", list(X.index[readings.outliers_]))

# %%
# **To remember:** look at failing sensors first. A large share of noise means that a sensor is
# broken, or that it measures what no other one does; the plot cannot tell which.
