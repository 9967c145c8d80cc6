"""Who may do what on Google Cloud: ``infra/iam.yaml`` and ``infra/calls.yaml``, written out."""
