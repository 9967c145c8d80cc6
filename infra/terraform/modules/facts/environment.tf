# What each deployable, and each command, reads of its surroundings. Names are those of the settings
# classes: a test compares them. Whoever may use a bucket, a key or a database is told of it.
locals {
  working = toset(concat(keys(local.iam.services), [for its in values(local.iam.run_jobs) : its.identity]))
  may = {
    for name in local.working : name => toset([for grant in try(local.iam.grants[name], []) : try(grant.at, "")])
  }

  everyone = {
    DOCLEDGER_ENVIRONMENT     = "production"
    DOCLEDGER_PROJECT         = var.project
    DOCLEDGER_OBJECTS_BUCKET  = local.filled.buckets.objects
    DOCLEDGER_OBJECTS_KMS_KEY = local.key_id.documents
    DOCLEDGER_DATA_DIR        = "/tmp/docledger" # nothing stays there: what lasts is in buckets and databases
    DOCLEDGER_TRACES          = "gcp"
  }

  buckets_told = {
    for name in local.working : name => {
      for bucket, its in local.iam.buckets : its.setting => (
        # Whose documents one takes is told with its name.
        its.setting == "DOCLEDGER_ENTRANCE_BUCKETS" ? "${local.filled.buckets[bucket]}=${var.tenant}" : local.filled.buckets[bucket]
      ) if can(its.setting) && contains(local.may[name], "bucket/${bucket}")
    }
  }

  # Of PostgreSQL's roles docledger_<schema>_<role>, who is told which address. It names no password:
  # the proxy beside it logs in by IAM.
  database = one(values(local.iam.databases))
  logins   = { for name, email in local.emails : name => trimsuffix(email, ".gserviceaccount.com") }
  address = {
    for name, login in local.logins : name => "postgresql://${urlencode(login)}@127.0.0.1:5432/${local.database.database}"
  }
  databases_told = {
    for name in local.working : name => {
      for role, members in local.database.roles :
      try(local.database.settings[split("_", role)[2]], local.database.settings[split("_", role)[1]]) => local.address[name]
      if contains(members, name)
    }
  }

  keys_told = {
    for name in local.working : name => merge(
      contains(local.may[name], "key/kek") ? { DOCLEDGER_KMS_KEK = local.key_id.kek } : {},
      contains(local.may[name], "bucket/wrapped") ? { DOCLEDGER_KMS_KEYS_KMS_KEY = local.key_id[local.iam.buckets.wrapped.key] } : {},
      contains(local.may[name], "bucket/log") ? { DOCLEDGER_LEDGER_LOG_KMS_KEY = local.key_id[local.iam.buckets.log.key] } : {},
      contains(local.may[name], "ring/signers") ? {
        DOCLEDGER_KMS_SIGNERS = "projects/${var.project}/locations/${var.region}/keyRings/${local.ring.signers}"
      } : {},
    )
  }

  # Nobody is let in but who is named here.
  pushes_told = {
    for name, its in local.iam.services : name => merge(
      {
        FUNCTION_TARGET            = name
        DOCLEDGER_PUSH_AUDIENCE    = local.urls[name]
        DOCLEDGER_PUSH_CONCURRENCY = tostring(local.shapes[name].concurrency)
        DOCLEDGER_PUSH_ACCOUNTS = join(",", [
          for subscription, pushed in local.subscriptions : "${subscription}=${pushed.account}" if pushed.worker == name
        ])
      },
      try(length(its.jobs), 0) == 0 ? {} : {
        DOCLEDGER_PUSH_JOB_ACCOUNT  = local.emails.scheduler
        DOCLEDGER_PUSH_JOB_AUDIENCE = local.urls[name]
        DOCLEDGER_PUSH_JOB_TOKENS   = join(",", [for version in var.token_versions : "${local.token}/versions/${version}"])
        DOCLEDGER_SECRETS           = "secret-manager"
      },
    ) if !local.shapes[name].api
  }
  token = "projects/${var.project}/secrets/${local.filled.secrets["internal-event-token"]}"

  own = {
    # The processors' names are added where they are made (modules/docledger).
    ocr = {
      DOCLEDGER_OCR_READER          = "documentai"
      DOCLEDGER_OCR_BATCHES_KMS_KEY = local.key_id[local.iam.buckets.batches.key]
      DOCLEDGER_OCR_INSTANCES       = tostring(local.shapes.ocr.most) # each keeps to its share of the quota
    }
    summarize = {
      DOCLEDGER_SUMMARIZER      = "vertex"
      DOCLEDGER_VERTEX_LOCATION = var.region
    }
    # What proves an erasure is the command's, which runs as the same account, and not the service's.
    eraser = merge(local.erasure, {
      DOCLEDGER_LEDGER_DATABASE    = ""
      DOCLEDGER_LEDGER_LOG_BUCKET  = ""
      DOCLEDGER_LEDGER_LOG_KMS_KEY = ""
      DOCLEDGER_KMS_SIGNERS        = ""
    })
    ledger    = { DOCLEDGER_LEDGER_ORIGIN = var.origin }
    sequencer = { DOCLEDGER_LEDGER_ORIGIN = var.origin }
    ingest-api = {
      DOCLEDGER_INGEST_API_AUDIENCE = local.urls["ingest-api"]
      DOCLEDGER_INGEST_API_CALLERS  = join(",", [for account, tenant in var.callers : "${account}=${tenant}"])
    }
    ledger-api = {
      DOCLEDGER_LEDGER_API_AUDIENCE = local.urls["ledger-api"]
      DOCLEDGER_LEDGER_API_READERS  = join(",", flatten([for account, tenants in var.readers : [for tenant in tenants : "${account}=${tenant}"]]))
    }
  }

  # Wrapped keys lie where nothing is kept beside them, so there is no backup to wait for.
  erasure = {
    DOCLEDGER_ERASURE_BACKUP_DAYS = "0"
    DOCLEDGER_ERASURE_POLICY      = var.retention == null ? "" : jsonencode(var.retention)
  }

  # What a retention policy has days for.
  kept_kinds = [
    "invoice", "receipt", "credit_note", "purchase_order", "bank_statement", "contract", "letter", "form", "other",
    "email", "unread",
  ]

  # An empty variable counts as unset, to the deployable as to us.
  environment = {
    for name in keys(local.iam.services) : name => {
      for variable, value in merge(
        local.everyone,
        { DOCLEDGER_METRICS = "gcp" },
        local.buckets_told[name],
        local.databases_told[name],
        local.keys_told[name],
        try(local.pushes_told[name], {}),
        try(local.own[name], {}),
        lookup(var.settings, name, {}),
      ) : variable => value if value != ""
    }
  }

  # Who migrates is told of the databases alone. What keeps figures of its own is no command.
  commanded = {
    for name, its in local.iam.run_jobs : name => its.identity == local.database.owner ? {
      for schema in ["register", "ledger"] : local.database.settings[schema] => local.address[its.identity]
      } : {
      for variable, value in merge(
        local.everyone,
        {
          DOCLEDGER_LEDGER_ORIGIN = var.origin
          DOCLEDGER_TENANT        = var.tenant # who is meant where nobody is named
        },
        local.buckets_told[its.identity],
        local.databases_told[its.identity],
        local.keys_told[its.identity],
        its.identity == "eraser" ? local.erasure : {},
        lookup(var.settings, name, {}),
      ) : variable => value if value != ""
    }
  }
}
