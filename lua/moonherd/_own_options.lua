-- The options of the command line, by name: for scripts that are given one of them behind their own
-- name. The executable's table (runtime/cli/table.c) tells what they mean; a test holds both
-- together.
return {
  ["--target"] = true, ["--state"] = true, ["--account"] = true, ["--env-file"] = true,
  ["--guard"] = true, ["--log"] = true, ["--clock"] = true, ["--result"] = true,
  ["--trace"] = true, ["--timeout"] = true, ["--watch"] = true, ["--read-only"] = true,
  ["--dry-run"] = true, ["--insecure-base-url"] = true, ["--version"] = true,
}
