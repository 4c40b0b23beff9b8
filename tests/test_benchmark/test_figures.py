import json
import math

import numpy as np

from gaia_ssl.benchmark.figures import rounded


def test_numbers_that_json_has():
    value = dict(
        a=[1.23456, math.nan, dict(b=-math.inf)], c=7, d='x', e=None, f=np.float64(2.71828)
    )
    found = rounded(value, 2)
    assert found == dict(a=[1.23, None, dict(b=None)], c=7, d='x', e=None, f=2.72)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
