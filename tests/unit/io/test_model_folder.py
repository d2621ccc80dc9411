"""Which files of a model folder are taken for pickles."""

import pickle
import struct

import numpy as np
import pytest
from safetensors.numpy import load, save

from sartor.io.model_folder import _is_pickle


@pytest.mark.parametrize("length", [640, 896, 1152, 1408])
def test_weights_whose_header_length_looks_like_a_pickle_are_weights(length):
    plain = save({"a": np.arange(3.0)})
    (size,) = struct.unpack("<Q", plain[:8])
    header = plain[8 : 8 + size].ljust(length)
    content = struct.pack("<Q", length) + header + plain[8 + size :]
    assert content[0] == 0x80
    assert content[1] <= 5
    assert (load(content)["a"] == np.arange(3.0)).all()
    assert not _is_pickle("learner/arrays.safetensors", content)


def test_pickles_stay_pickles_whatever_they_are_called():
    for protocol in range(2, 6):
        content = pickle.dumps({"a": list(range(99))}, protocol=protocol)
        assert _is_pickle("learner/arrays.safetensors", content)
        assert _is_pickle("weights.json", content)
