"""Learning rate schedules: cosine and warm-up."""

from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from sklearn_contrastive.deep._training.schedule import WarmupCosine, cosine


@given(progress=st.floats(0, 1))
def test_the_cosine_falls_from_one_to_zero(progress):
    assert cosine(0) == 1
    assert_allclose(cosine(1), 0, atol=1e-15)
    assert_allclose(cosine(progress) + cosine(1 - progress), 1)


@given(warmup=st.floats(0, 0.9), progress=st.floats(0, 1))
def test_the_rate_rises_linearly_and_falls_as_a_cosine(warmup, progress):
    factor = WarmupCosine(warmup)(progress)
    assert 0 <= factor <= 1
    if progress < warmup:
        assert_allclose(factor, progress / warmup)
    else:
        assert_allclose(factor, cosine((progress - warmup) / (1 - warmup)))


def test_the_schedule_without_warm_up_is_a_cosine():
    assert [WarmupCosine(0.0)(p / 10) for p in range(11)] == [cosine(p / 10) for p in range(11)]
