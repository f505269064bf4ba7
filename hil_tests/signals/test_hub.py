"""The hub walks each sample through its subscribers in a fixed order, in the same turn."""

from testbed.signals import Hub, Sample, Stage


def make_hub(signals: int = 2) -> tuple[Hub, list[Exception]]:
    failures: list[Exception] = []
    return Hub(signals, lambda subscriber, error: failures.append(error)), failures


def test_stages_are_walked_in_order_whoever_subscribed_first():
    hub, _ = make_hub()
    walked: list[str] = []
    hub.subscribe(0, Stage.WATCH, lambda sample: walked.append("watch"))
    hub.subscribe(0, Stage.LOOP, lambda sample: walked.append("loop"))
    hub.subscribe(0, Stage.RECORD, lambda sample: walked.append("record"))
    hub.subscribe(0, Stage.TWIN, lambda sample: walked.append("twin"))
    hub.publish(Sample(0, 1, 1.0))
    assert walked == ["record", "twin", "loop", "watch"]


def test_a_subscriber_hears_only_its_signal():
    hub, _ = make_hub()
    heard: list[Sample] = []
    hub.subscribe(1, Stage.WATCH, heard.append)
    hub.publish(Sample(0, 1, 1.0))
    hub.publish(Sample(1, 2, 2.0))
    assert [sample.value for sample in heard] == [2.0]


def test_a_failing_subscriber_is_reported_and_the_walk_goes_on():
    hub, failures = make_hub()
    heard: list[Sample] = []

    def broken(sample: Sample) -> None:
        raise RuntimeError("broken observer")

    hub.subscribe(0, Stage.TWIN, broken)
    hub.subscribe_all(Stage.WATCH, heard.append)
    hub.publish(Sample(0, 1, 1.0))
    assert [str(error) for error in failures] == ["broken observer"]
    assert len(heard) == 1


def test_a_sample_published_during_the_walk_is_walked_at_once():
    hub, _ = make_hub()
    heard: list[int] = []
    hub.subscribe(0, Stage.TWIN, lambda sample: hub.publish(Sample(1, sample.time_ns, 0.0)))
    hub.subscribe_all(Stage.WATCH, lambda sample: heard.append(sample.signal))
    hub.publish(Sample(0, 1, 1.0))
    assert heard == [1, 0]
