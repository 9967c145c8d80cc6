"""``docledger doctor``: a live project compared with ``infra/``. Nothing here writes anything."""
