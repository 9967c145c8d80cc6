# How large each deployable is. A deployable is in infra/iam.yaml; here is what it is run with.
locals {
  shape = {
    image       = "ingest" # the folder of services/ that it carries
    cpu         = "1"
    memory      = "1Gi"
    least       = 0
    most        = 20
    concurrency = 8 # deliveries in hand at once: DOCLEDGER_PUSH_CONCURRENCY
    timeout_s   = 300
    always_on   = false
    api         = false
  }

  shapes = {
    for name, its in local.iam.services : name => merge(
      local.shape,
      try({ always_on = its.always_on }, {}),
      {
        entrance = {}
        # One child looks into a file, with 1 GiB of its own; deliveries that wait for it cost little.
        ingest   = { memory = "2Gi", most = 40 }
        register = { least = 1, most = 10 }
        eraser   = { most = 2, concurrency = 1, timeout_s = 3600 }
        # A scanned page takes seconds of a processor, and models 0.6 GB: few at once, many instances.
        ocr       = { image = "ocr", cpu = "2", memory = "4Gi", most = 100, concurrency = 2, timeout_s = 600 }
        summarize = { image = "summarize", memory = "2Gi", most = 40, concurrency = 4 }
        ledger    = { image = "ledger", most = 10 }
        # One seals; a second would wait for its lease. Its processor is never taken away.
        sequencer  = { image = "ledger", least = 1, most = 1, concurrency = 4 }
        ingest-api = { api = true, concurrency = 32, most = 20 }
        ledger-api = { image = "ledger", api = true, concurrency = 64, most = 10 }
      }[name],
    )
  }
}

# What a run job does where nobody gives it arguments: nothing that cannot be undone.
locals {
  commands = {
    migrate = { arguments = ["database", "migrate"], timeout_s = 1800 }
    operate = { arguments = ["status"], timeout_s = 3600 }
    erase   = { arguments = ["retention", "--dry-run"], timeout_s = 3600 }
    keys    = { arguments = ["keys", "show"], timeout_s = 86400 } # rewrapping goes through every key
  }
}

locals {
  # When the scheduler calls, in UTC.
  schedules = {
    entrance-sweep   = "*/5 * * * *"
    register-sweep   = "*/5 * * * *"
    register-levels  = "* * * * *"
    ocr-poll         = "* * * * *"
    eraser-retention = "17 3 * * *"
  }

  # services/ocr/processors.py names the kinds.
  processors = {
    ocr            = "OCR_PROCESSOR"
    invoice        = "INVOICE_PROCESSOR"
    expense        = "EXPENSE_PROCESSOR"
    bank_statement = "BANK_STATEMENT_PROCESSOR"
  }
}
