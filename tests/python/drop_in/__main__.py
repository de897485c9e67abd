"""Records what the `remote_store` of this interpreter says, as JSON on standard output.

From the folder above, with an interpreter that has the pure-Python package::

    python -m drop_in > drop_in/facts-0.33.0.json
"""

import json
import sys

from drop_in.recording import record

json.dump(record(), sys.stdout, indent=1, sort_keys=True, ensure_ascii=False)
sys.stdout.write("\n")
