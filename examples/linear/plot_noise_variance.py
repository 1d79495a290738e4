"""
Bad and worn-out sensors
========================

Which sensor is bad, and which has worn out?

Fit ``LinearContrastive`` and read ``noise_variance_``. Fit once for each month to see what changed.
"""

# %%
# Twenty sensors measure three causes. Three sensors are bad from the beginning. Sensor 4 becomes
# twice as noisy in the second month.
import numpy as np

rng = np.random.default_rng(0)
mixing = rng.standard_normal((3, 20))
noise_sd = rng.uniform(0.5, 1.5, 20)
noise_sd[[9, 13, 17]] = 10, 20, 30
worn = noise_sd.copy()
worn[4] *= 2


def month(noise_sd):
    """2000 rows of the twenty sensors."""
    return rng.standard_normal((2000, 3)) @ mixing + noise_sd * rng.standard_normal((2000, 20))


before, after = month(noise_sd), month(worn)

# %%
# The share of noise is the noise variance divided by the variance of the sensor. It has no unit, so
# that sensors of different kinds can be compared. Use the same number of components in both fits.
import matplotlib.pyplot as plt

from sklearn_contrastive import LinearContrastive

months = [before, after]
models = [LinearContrastive(3).fit(X) for X in months]
shares = [model.noise_variance_ / X.var(axis=0) for model, X in zip(models, months, strict=True)]
figure, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
ax.vlines(range(20), *shares, color=plt.rcParams["text.color"], linewidth=1)
ax.plot(shares[0], "o", color="#0072B2", label="first month")
ax.plot(shares[1], "s", color="#D55E00", fillstyle="none", markersize=9, label="second month")
for sensor, label in {9: "bad", 13: "bad", 17: "bad", 4: "worn out"}.items():
    top = max(share[sensor] for share in shares)
    ax.annotate(label, (sensor, top), (0, 9), textcoords="offset points", ha="center")
ax.set(xlabel="sensor", ylabel="share of noise", ylim=(0, 1.2), xticks=range(20))
ax.legend(loc="upper left", ncols=2)
plt.show()

# %%
# A share near 1 also occurs where a good sensor measures something that no other one does. Compare
# the standard deviation with the data sheet before you replace a sensor. The ratio of the months
# says which one has changed.
ratio = np.sqrt(models[1].noise_variance_ / models[0].noise_variance_)
print("Noisiest sensors:", models[0].noise_variance_.argsort()[-3:])
print(f"Sensor {ratio.argmax()} has {ratio.max():.1f} times the noise of the first month.")
