/* The words of the command line, and what is made of them: the help text, and the table that the
 * commands written in Lua make the man page and the completion of. See cli.h. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/prompt.h"

/* {name, arguments, text}; a line break in a text goes on below its beginning. */
const cli_entry cli_forms[] = {
    {"run", "[options] SCRIPT [ARG...]", "run a script; - is standard input"},
    {"", "[options] SCRIPT [ARG...]", "the same"},
    {"", "[options] -e CODE [ARG...]", "run a line of Lua"},
    {"COMMAND", "[options] ...", "the commands below; help COMMAND says more"},
    {NULL, NULL, NULL},
};

const cli_entry cli_commands[] = {
    {"run", "SCRIPT [ARG...]", "run a script"},
    {"serve", "", "serve the embedded platform over HTTP"},
    {"api", "METHOD PATH", "make one raw call of the API"},
    {"repl", "", "type lines of Lua and see what they give; without a command, on a terminal"},
    {"new", "NAME", "start a project: script, Worker, test, CI"},
    {"test", "[PATH...]", "run busted specs, each file on a platform of its own"},
    {"jobs", "list|show|resume|...", "show, resume, roll back and forget bulk runs"},
    {"doctor", "", "look at what may keep scripts from their target"},
    {"types", "DIR", "write definitions for lua-language-server"},
    {"docs", "DIR", "write the man page and the reference"},
    {"completion", "bash|zsh|fish", "print what a shell needs to complete command lines"},
    {"version", "", "print the version"},
    {"help", "[NAME]", "say more about a command or a name; help moonherd lists all names"},
    {NULL, NULL, NULL},
};

const cli_entry cli_flags[] = {
    {"--target", "local|cloudflare|URL",
     "where API calls go; default: MOONHERD_TARGET, else cloudflare\n"
     "when a credential is in the environment, else local"},
    {"--state", "DIR", "state of the embedded platform; default .moonherd"},
    {"--account", "ID",
     "account, 32 hex digits; default CLOUDFLARE_ACCOUNT_ID, on the embedded\n"
     "platform, which has them all, one of zeros"},
    {"--env-file", "FILE",
     "set what a .env file says and the environment does not; its path is\n"
     "from the working folder, that of moonherd.env.load from the script's"},
    {"--guard", "FILE",
     "rules for what the script may do, as JSON; moonherd.h tells them:\n"
     "accounts, namespaces, read_only, processes, files, network"},
    {"--log", "LEVEL", "error, warn, info or debug; json: one object a line"},
    {"--clock", "virtual[:SECONDS]",
     "waits take no time; for the embedded platform, from SECONDS since 1970"},
    {"--result", "FILE",
     "write how it ended, as JSON: outcome, exit_code, seconds, began,\n"
     "script, requests (made, retries, failed, no_answer, status_2xx, ...,\n"
     "budget_waits, budget_seconds) and error"},
    {"--trace", "FILE", "write a timeline of tasks, waits and requests, for Perfetto"},
    {"--timeout", "T", "stop after T (\"90s\", \"5m\"); exit code 124"},
    {"--watch", NULL, "run it again whenever a source (.lua, .js, .mjs) beside it changes"},
    {"--read-only", NULL,
     "refuse every API call that would change something; files and programs are\n"
     "the script's own; behind the script it holds, too, before any --, and the\n"
     "script sees it"},
    {"--dry-run", NULL,
     "show such API calls and what they would change, send none; files and\n"
     "programs are the script's own; behind the script it holds as --read-only"},
    {"--insecure-base-url", NULL, "allow a credential over plain http"},
    {"--help", NULL, "print this help"},
    {"--version", NULL, "print the version"},
    {NULL, NULL, NULL},
};

const cli_entry cli_exit_codes[] = {
    {"0", NULL, "done"},        {"1", NULL, "the script failed"}, {"2", NULL, "usage"},
    {"124", NULL, "timed out"}, {"130", NULL, "interrupted"},     {NULL, NULL, NULL},
};

/* As other tools have it. What is of one command has its name in the place of arguments. */
static const cli_entry foreign[] = {
    {"--verbose", NULL, "--log debug"},  {"--debug", NULL, "--log debug"},
    {"-v", NULL, "--log debug"},         {"--quiet", NULL, "--log error"},
    {"--silent", NULL, "--log error"},   {"-q", NULL, "--log error"},
    {"-V", NULL, "--version"},           {"--env", NULL, "--env-file"},
    {"--profile", NULL, "--trace"},      {"--json", NULL, "--log json"},
    {"--port", "serve", "--listen"},     {"--host", "serve", "--listen"},
    {"--hostname", "serve", "--listen"}, {"--ip", "serve", "--listen"},
    {"--address", "serve", "--listen"},  {"-p", "serve", "--listen"},
    {"--reporter", "test", "--output"},  {"--grep", "test", "--filter"},
    {"-t", "test", "--filter"},          {"--jq", "api", "--field"},
    {"--data", "api", "--body"},         {NULL, NULL, NULL},
};

const cli_entry *cli_find(const cli_entry *table, const char *name, size_t n) {
  for (; table->name != NULL; table++)
    if (strlen(table->name) == n && strncmp(table->name, name, n) == 0) return table;
  return NULL;
}

/* ---- did you mean ------------------------------------------------------------------------- */

/* How many letters differ when the shorter word is laid over the longer one from both ends: enough to
 * find a missing, doubled, wrong or swapped letter. */
static size_t difference(const char *a, const char *b) {
  size_t n = strlen(a), m = strlen(b), front = 0, back = 0;
  while (front < n && front < m && a[front] == b[front]) front++;
  while (back < n - front && back < m - front && a[n - 1 - back] == b[m - 1 - back]) back++;
  size_t longer = n > m ? n : m;
  return longer - front - back;
}

const char *cli_nearest(const cli_entry *table, const char *word) {
  const char *best = NULL;
  const cli_entry *entry = cli_find(foreign, word, strcspn(word, "="));
  if (table == cli_flags && entry != NULL && entry->arguments == NULL) return entry->text;
  size_t least = strlen(word + strspn(word, "-")) / 3 + 2;
  for (; table->name != NULL; table++) {
    size_t d = difference(word, table->name);
    if (d >= least) continue;
    least = d;
    best = table->name;
  }
  return best;
}

/* ---- the help text ------------------------------------------------------------------------ */

/* One row: what stands at the left, the text at its column, further lines of it below. */
static void print_row(FILE *out, const char *left, int column, const char *text) {
  int n = fprintf(out, "%s", left);
  for (;;) {
    size_t length = strcspn(text, "\n");
    fprintf(out, "%*s%.*s\n", n < column ? column - n : 1, "", (int)length, text);
    if (text[length] == '\0') return;
    text += length + 1;
    n = 0;
  }
}

static void print_table(FILE *out, const cli_entry *table, int column) {
  char left[64];
  for (; table->name != NULL; table++) {
    const char *arguments = table->arguments != NULL ? table->arguments : "";
    snprintf(left, sizeof left, "  %s %s", table->name, arguments);
    print_row(out, left, column, table->text);
  }
}

void cli_print_help(FILE *out) {
  char left[64];
  const char *before = "usage:";
  for (const cli_entry *form = cli_forms; form->name != NULL; form++, before = "      ") {
    snprintf(left, sizeof left, "%s moonherd %s%s%s", before, form->name,
             form->name[0] != '\0' ? " " : "", form->arguments);
    print_row(out, left, 49, form->text);
  }
  fputs("\ncommands:\n", out);
  print_table(out, cli_commands, 34);
  fputs("\noptions:\n", out);
  print_table(out, cli_flags, 34);
  fputs("\nexit codes: ", out);
  for (const cli_entry *code = cli_exit_codes; code->name != NULL; code++)
    fprintf(out, "%s%s %s", code == cli_exit_codes ? "" : ", ", code->name, code->text);
  fputc('\n', out);
}

/* ---- the table as Lua --------------------------------------------------------------------- */

/* The texts are ours: none has a bracket that would end a long string. */
static void write_table(FILE *out, const char *name, const cli_entry *table) {
  fprintf(out, "%s={", name);
  for (; table->name != NULL; table++) {
    fprintf(out, "{name=[=[%s]=],text=[=[%s]=]", table->name, table->text);
    if (table->arguments != NULL) fprintf(out, ",arguments=[=[%s]=]", table->arguments);
    fputs("},", out);
  }
  fputs("},", out);
}

void cli_write_table(FILE *out) {
  fprintf(out, "{columns=%d,", cli_columns());
  write_table(out, "forms", cli_forms);
  write_table(out, "commands", cli_commands);
  write_table(out, "options", cli_flags);
  write_table(out, "exit_codes", cli_exit_codes);
  write_table(out, "foreign", foreign);
  fputc('}', out);
}
