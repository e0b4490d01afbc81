-- Hashes and uploads a folder; prints what was sent.
--   moonherd --target URL tests/bench/asset_upload.lua DIR
local moonherd = require "moonherd"

local client = moonherd.connect { account_id = ("0"):rep(32), api_token = "bench-token" }
local token, report = client:namespace "production":script "site"
  :upload_assets { dir = arg[1], salt = "bench" }
assert(token == "completion-token")
print(report.files, report.sent, report.bytes, report.requests)
