import sys
from pathlib import Path

# The watched terminal and the played run stand beside the tests, which are no package.
sys.path.insert(0, str(Path(__file__).resolve().parent))
