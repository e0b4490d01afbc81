-- The catalogue of binding types. Each names the fields without which the service refuses it; other
-- fields are stored as they come. A type that is not here is stored and returned unchanged.

local shape = require "moonherd.platform.shape"

local TEXT = shape.text
local STRING = shape.string
local RATE_LIMIT = shape.object({
  limit = shape.integer,
  period = shape.integer,
  mitigation_timeout = shape.integer,
}, { "limit", "period" })

return {
  agent_memory = {},
  ai = {},
  ai_search = {},
  ai_search_namespace = {},
  analytics_engine = { dataset = TEXT },
  artifacts = {},
  assets = {},
  browser = {},
  d1 = { database_id = TEXT },
  data_blob = { part = TEXT },
  dispatch_namespace = { namespace = TEXT },
  durable_object_namespace = {},
  flagship = {},
  hyperdrive = { id = TEXT },
  images = {},
  inherit = {},
  json = { json = shape.any },
  k2 = {},
  kv_namespace = { namespace_id = TEXT },
  logfwdr = {},
  media = {},
  messaging = {},
  mtls_certificate = { certificate_id = TEXT },
  pipelines = {},
  plain_text = { text = STRING },
  queue = { queue_name = TEXT },
  r2_bucket = { bucket_name = TEXT },
  ratelimit = { namespace_id = shape.given, simple = RATE_LIMIT },
  secret_key = {
    algorithm = shape.given,
    format = shape.one_of("raw", "pkcs8", "spki", "jwk"),
    usages = shape.list(
      shape.one_of(
        "encrypt",
        "decrypt",
        "sign",
        "verify",
        "deriveKey",
        "deriveBits",
        "wrapKey",
        "unwrapKey"
      )
    ),
  },
  secret_text = { text = STRING },
  secrets_store_secret = { store_id = TEXT, secret_name = TEXT },
  send_email = {},
  service = { service = TEXT },
  stream = {},
  tail_consumer = {},
  text_blob = { part = TEXT },
  unsafe_hello_world = {},
  vectorize = { index_name = TEXT },
  version_metadata = {},
  vpc_network = {},
  vpc_service = {},
  wasm_module = { part = TEXT },
  websearch = {},
  worker_loader = {},
  workflow = { workflow_name = TEXT },
}
