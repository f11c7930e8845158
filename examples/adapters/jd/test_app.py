"""The golden examples, in any Python: python3 -m unittest test_app"""

import unittest
from pathlib import Path

from app import Adapter
from crossdock_adapter.testing import examples, run_example


class Examples(unittest.TestCase):
    def test_the_golden_examples_hold(self) -> None:
        for folder in examples(Path(__file__).with_name("examples")):
            with self.subTest(str(folder)):
                run_example(Adapter(), folder)


if __name__ == "__main__":
    unittest.main()
