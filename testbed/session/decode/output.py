"""Writes decoded samples as a session of its own, to be shown, exported and compared like any other."""

from __future__ import annotations

from pathlib import Path

from testbed import __version__
from testbed.session.file import SessionReader
from testbed.session.rewriting import Rewriter, new_session

from .decoding import Decoding


def write_decoded(path: Path, decoding: Decoding, session: SessionReader) -> None:
    """Write the decoded samples to `path`, beside the frames that they came from and the attachments.

    Raises UsageError when the file exists already or cannot be written.
    """
    signals = decoding.bench.signals
    metadata = {
        **session.meta(),
        "mode": "replay",
        "replay": {"kind": "decode", "of": session.path.name},
        "testbed": __version__,
        "expectations": [],
    }
    attachments = {name: session.attachment(name) for name in session.attachments()}
    with new_session(path) as store:
        store.create(signals, metadata, attachments)
        rewriter = Rewriter(signals, store)
        for name, device in decoding.devices.items():
            for frame in session.frames(name):
                rewriter.add(frame)
            for signal, column in device.columns.items():
                for sample in column.samples(signal):
                    rewriter.add(sample)
        rewriter.commit()
        store.finish({"verdict": "same" if decoding.same else "diverged"})
