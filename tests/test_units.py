import pytest

from mmebench.units import counted, human_bytes, human_number, human_seconds, seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [("200ms", 0.2), ("30s", 30), ("1.5m", 90), ("1h", 3600), ("50 us", 5e-5), (7, 7), (0.5, 0.5)],
)
def test_durations(text: str | float, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["30", "s", "3x", "-1s", "1s2", "", -1, True, None])
def test_what_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        seconds(text)  # type: ignore[arg-type]  # wrong on purpose


def test_sizes_and_times_for_people() -> None:
    assert human_bytes(1610612736) == "1.5 GiB"
    assert human_bytes(512) == "512 B"
    assert human_bytes(-4.5e-12) == "0 B"
    assert human_seconds(0.85) == "850 ms"
    assert human_seconds(12.34) == "12.3 s"
    assert human_seconds(245) == "4 min 05 s"
    assert human_seconds(float("nan")) == human_seconds(float("inf")) == "an unknown time"


@pytest.mark.parametrize(
    ("value", "text"), [(0.12345, "0.123"), (12.3456, "12.3"), (999.4, "999"), (999.7, "1000"), (12345.6, "12346")]
)
def test_numbers_for_people_have_no_exponent(value: float, text: str) -> None:
    assert human_number(value) == text


def test_one_is_no_plural() -> None:
    assert [counted(number, "request") for number in (0, 1, 2500)] == ["0 requests", "1 request", "2,500 requests"]
