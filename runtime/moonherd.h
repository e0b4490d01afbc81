/* moonherd: a Lua-scriptable automation runtime, inside another program.
 *
 * This is the only header a host includes; moonherd_lua.h is for hosts that know Lua. Create a
 * handle, load a script, start it, and step it: once a frame, whenever a descriptor is readable, or
 * until it is done.
 *
 *   moonherd *m = moonherd_new(&config, &why);
 *   moonherd_load_file(m, "deploy.lua");
 *   moonherd_start(m, 0, NULL);
 *   moonherd_run(m);
 *   int code = moonherd_exit_code(m);
 *   moonherd_close(m);
 *
 * Threads: all calls on a handle, and all its callbacks, happen on the thread that makes the calls.
 * moonherd_wake alone may be called from others; it, moonherd_interrupt and moonherd_dump_running from
 * signal handlers. Handles share nothing, and may be stepped on threads of their own.
 *
 * Callbacks: they run inside calls, most of them inside moonherd_step, and must return: no longjmp,
 * no exception. In them moonherd_send, _cancel, _wake, _interrupt, _dump, _dump_running, _mask, _fd,
 * _timeout, _count and _exit_code may be called. All others change nothing, and return MOONHERD_EBUSY.
 *
 * Errors: whatever a script does wrong (an error, a stack that overflows, memory over its limit) is
 * reported to on_error and ends no more than the script. After any result of any call the handle can
 * be used on, and closed. Without a handle (NULL) calls return MOONHERD_EINVAL, moonherd_fd and
 * moonherd_timeout -1. A handle that was closed is freed memory, of which no call can tell anything:
 * end the threads that wake it before.
 *
 * The library never prints, exits, changes the working directory or the environment, or installs
 * signal handlers. A few things belong to the process, not to a handle: libcurl's global set-up runs
 * once, the host should ignore SIGPIPE, and a script that starts a program has libuv handle SIGCHLD
 * and all open descriptors marked close-on-exec.
 *
 * Strings given to a call are copied. Strings given to a callback live until it returns.
 *
 * libmoonherd.so brings liblua5.4.so.0. A program that exports a Lua of its own must keep the two
 * apart: it does not link moonherd, but loads it with dlopen(…, RTLD_NOW | RTLD_LOCAL |
 * RTLD_DEEPBIND). Scripts in such a program cannot load Lua modules written in C. */
#ifndef MOONHERD_H
#define MOONHERD_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default) /* all that libmoonherd.so exports */
#endif

#define MOONHERD_VERSION "0.1.0"

typedef struct moonherd moonherd;
typedef struct moonherd_error moonherd_error;

/* What a step found. */
#define MOONHERD_DONE 0    /* nothing is alive: read moonherd_exit_code */
#define MOONHERD_WAITING 1 /* all tasks wait: see moonherd_fd and moonherd_timeout */
#define MOONHERD_READY 2   /* the budget ended with work left: step again */

/* What went wrong. Every call that returns int returns one of these when it fails. */
#define MOONHERD_EINVAL (-1)     /* an argument has a wrong value */
#define MOONHERD_ENOMEM (-2)     /* no memory, or over memory_limit */
#define MOONHERD_EBUSY (-3)      /* called from inside a callback, or a script is running already */
#define MOONHERD_ESCRIPT (-4)    /* the script cannot be compiled; on_error has the reason */
#define MOONHERD_EIO (-5)        /* a file or a socket failed */
#define MOONHERD_ENOENT (-6)     /* no such file */
#define MOONHERD_ECANCELLED (-7) /* it was cancelled */
#define MOONHERD_ETIMEOUT (-8)   /* it took too long */
#define MOONHERD_ECLOSED (-9)    /* it was closed before it was done */
#define MOONHERD_EPROTO (-10)    /* the other side broke the protocol */
#define MOONHERD_EFULL (-11)     /* a limit was reached */

/* Levels of the log. */
#define MOONHERD_LOG_ERROR 0
#define MOONHERD_LOG_WARN 1
#define MOONHERD_LOG_INFO 2
#define MOONHERD_LOG_DEBUG 3

/* Streams of on_output. */
#define MOONHERD_STDOUT 1
#define MOONHERD_STDERR 2

/* Flags of a handle. With MOONHERD_PREEMPT, which needs a budget, a task that runs when its share of
 * the step is spent yields in the middle of its loop, wherever it could wait. Where it cannot (in a
 * comparator of table.sort) the log tells of it, and when the grace is over an error of kind
 * "timeout", reason "too_long", is raised until it ends. One call of a C function is never interrupted:
 * string.rep, or string.find with a hostile pattern, may hold a step. Tight loops take up to twice as
 * long; debug.sethook is refused, and so are metatables with __gc, which Lua lets nobody interrupt. */
#define MOONHERD_READ_ONLY 1u /* every call that would change something is refused */
#define MOONHERD_DRY_RUN 2u   /* such calls are shown and answered, but not sent to the target */
#define MOONHERD_PREEMPT 4u

/* Limits of events: bytes of a name, bytes of a value as JSON, events of one name that wait for a
 * handler, bytes of all that wait and of what scripts keep. */
#define MOONHERD_EVENT_NAME 255
#define MOONHERD_EVENT_SIZE (1 << 20)
#define MOONHERD_EVENTS_WAITING 1024
#define MOONHERD_EVENT_ROOM (16 << 20)

/* Zero is the default of every member. Set `size` to sizeof(moonherd_config): so an older program
 * may use a newer library, and a newer program an older one as long as it sets nothing new. */
typedef struct moonherd_config {
  size_t size;
  void *user; /* handed to every callback */

  /* What the script prints: stream is MOONHERD_STDOUT or MOONHERD_STDERR. */
  void (*on_output)(void *user, int stream, const char *bytes, size_t n);
  /* One line of the log, a JSON object with time, level and message, and a zero behind it. Secrets
   * are hidden. */
  void (*on_log)(void *user, int level, const char *json, size_t n);
  /* The script failed, or a handler of an event or a system task did, and nobody caught it. The
   * error is read with moonherd_error_... and lives until the callback returns. */
  void (*on_error)(void *user, const moonherd_error *error);

  double budget;           /* seconds one whole step may take; 0: no limit */
  double grace;            /* seconds moonherd_close waits for cleanup; 0: 5 */
  size_t memory_limit;     /* bytes of the script's Lua state and of bodies on their way; 0: none.
                              While tasks are cancelled or fail, an eighth more may be used. Events
                              that wait and kept values have MOONHERD_EVENT_ROOM beside it */
  unsigned max_tasks;      /* tasks alive at once; 0: 1,000,000 */
  unsigned max_transfers;  /* HTTP transfers open at once; 0: 16 with a budget, 64 without */
  unsigned admit_per_step; /* of them, started in one step; 0: 4 with a budget, else no limit */

  /* JSON object: {"target": "local" | "cloudflare" | URL, "state": DIR, "account": ID,
   * "log": "error" | "warn" | "info" | "debug", "clock": {"virtual": true, "start": SECONDS},
   * "insecure_base_url": true, "progress": SECONDS}. The last: how often a progress is told in the log;
   * the line has its numbers in the member "progress"; default 5. NULL: {}. Unknown members are
   * refused. */
  const char *options;

  unsigned flags; /* MOONHERD_READ_ONLY, MOONHERD_DRY_RUN, MOONHERD_PREEMPT */

  /* The script emits an event: a name and the value as JSON, with a zero behind its n bytes. */
  void (*on_event)(void *user, const char *name, const char *json, size_t n);

  /* What scripts may do, whatever they are: a JSON object; NULL: everything. What it does not grant
   * is refused, with an error of kind "usage" and reason "guarded". Fixed for the life of the handle.
   * Each member may be left out; unknown ones are refused:
   *
   *   "accounts": [ID, ...]       accounts that requests may be for; left out: all
   *   "namespaces": [NAME, ...]   dispatch namespaces that requests may be for; * stands for any
   *                               letters; left out: all. Listing, making and renaming namespaces is
   *                               refused: names outside of the list would be seen or made
   *   "read_only": true           only GET and HEAD are sent; default false
   *   "processes": true           programs may be started, and do what they like; default false
   *   "files": {"read": [DIR, ...], "write": [DIR, ...]}
   *                               folders; what may be written may be read; default none. Links that
   *                               lead out are not followed; …-journal, -wal and -shm not written
   *   "network": "api" | "any"    "api": transfers to the target of `options` alone (without one: to
   *                               Cloudflare's API or the embedded platform), and no listening.
   *                               "any": everywhere; "accounts" and "namespaces" hold for the target,
   *                               "read_only" for all. Default "api"
   *
   * With a guard scripts have no bytecode, no C modules but those that are linked in, none of
   * moonherd's private modules (those with _, folders, their parts), of `debug` only traceback, getinfo
   * and getmetatable, no metatables of userdata and strings. moonherd calls no function they replace.
   * Without "processes" they do not see the environment's credentials, sent to the target alone. Not
   * guarded: what the host loads or registers, and the platform's state folder: keep it out of "files". */
  const char *guard;

  /* Instructions of Lua that one script may run, all its tasks and coroutines together; counted in
   * thousands for each of them. Then every task that runs is closed with an error of kind "usage",
   * reason "too_many_instructions". 0: none. For snippets that nobody has read; what
   * MOONHERD_PREEMPT cannot interrupt or refuses holds here too. */
  unsigned long long max_instructions;

  /* An event of the timeline, an object of Chrome's trace format with a zero behind it: a task, a wait
   * or a request that has ended. In an array they are what Perfetto opens. Secrets are hidden. */
  void (*on_trace)(void *user, const char *json, size_t n);
} moonherd_config;

/* A new handle, or NULL: then *why (if why is not NULL) says in one static line what is wrong. */
moonherd *moonherd_new(const moonherd_config *config, const char **why);

/* Compiles a script and runs nothing of it. `path` is opened and read by the call itself, modules
 * and files are looked for beside it; `name` stands in messages and traces, like the chunk names of
 * Lua: "=console", "@file.lua". A first line that starts with # is skipped. While a script runs the
 * new one is kept for moonherd_reload. A call that fails leaves what was loaded, or runs, as it was:
 * MOONHERD_ESCRIPT (bytecode too), _ENOENT, _EIO (a folder too), _ENOMEM, _EBUSY. */
int moonherd_load_file(moonherd *m, const char *path);
int moonherd_load(moonherd *m, const char *name, const char *source, size_t n);

/* Makes the root task of the loaded script. argv[0] is its name, the rest its arguments: the global
 * `arg`, and `...`. Nothing runs yet. A script that has ended may be started anew, in the same Lua
 * state. MOONHERD_EINVAL when nothing is loaded or one is NULL, MOONHERD_EBUSY when a script runs. */
int moonherd_start(moonherd *m, int argc, const char *const argv[]);

/* One step: see MOONHERD_DONE and the others. `wait`: seconds it may sleep while nothing is ready;
 * 0 never sleeps, below 0 sleeps until something happens. MOONHERD_EBUSY from inside a callback. */
int moonherd_step(moonherd *m, double wait);

/* Steps, and sleeps, until the script is done: MOONHERD_DONE, or an error. For tools. */
int moonherd_run(moonherd *m);

/* For programs with a poll loop of their own: poll the descriptor for reading, no longer than the
 * timeout (milliseconds; 0: step now, -1: no limit), then step. Step once after moonherd_start
 * before trusting either. */
int moonherd_fd(const moonherd *m);
int moonherd_timeout(const moonherd *m);

/* Sends the script an event, a name and a value: n bytes of JSON, NULL: null. A handler made with
 * moonherd.on gets it in a later step; the call itself runs no Lua and may be made in callbacks.
 * Events without a handler wait for one, also for one of the next script. EINVAL: the name is empty,
 * too long or not UTF-8, the value too large or not JSON. EFULL: too much waits; step, send later. */
int moonherd_send(moonherd *m, const char *name, const char *json, size_t n);

/* Cancels the script: every task is told at its next wait and may clean up for `grace` seconds. A
 * second call ends that time. `reason` stands in the error that the tasks see; NULL: "cancelled". */
int moonherd_cancel(moonherd *m, const char *reason);

/* Makes a sleeping moonherd_step or a poll on moonherd_fd return. Any thread, signal handlers. */
void moonherd_wake(moonherd *m);

/* Lua code of the script that runs now, as in a loop without waits, raises an error of kind
 * "cancelled", reason "interrupted", once, and it may catch it. Nothing when none runs. Callbacks, and
 * signal handlers on the thread that steps. A hook that the script has set is lost. */
void moonherd_interrupt(moonherd *m);

/* Ends the script as moonherd_close would (cancel, cleanup for `grace` seconds, stepping meanwhile)
 * and frees all of its Lua state. The embedded platform, connections and the request budget stay.
 * What was loaded while it ran takes its place: call moonherd_start. When nothing was, load first. A
 * host that must not wait cancels, steps until MOONHERD_DONE, and then reloads. EBUSY from inside a
 * callback; ENOMEM: the script goes on. */
int moonherd_reload(moonherd *m);

/* Writes every task of the script to on_log, a line for each and a last one with the sum, whatever
 * level is set. `message` says what the members task, state, waits_for, seconds, at, spawned_at and
 * parent do: what it waits for since when, where it is, where and by which task it was made. Changes
 * nothing, and may be called in callbacks. Tasks over 1,000 are only counted. */
int moonherd_dump(moonherd *m);

/* The same, by the Lua code of the script that runs now, before it goes on: where is a loop that does not
 * wait? Nothing when none runs. Called as moonherd_interrupt is; a hook of the script is lost too. */
void moonherd_dump_running(moonherd *m);

/* 0 when the script ended well, 1 when it failed, or the number it returned or gave to os.exit. */
int moonherd_exit_code(const moonherd *m);

/* What the clients of the script have asked of the API so far, each attempt by itself. */
typedef struct moonherd_counts {
  size_t size;                  /* sizeof(moonherd_counts): set it before */
  unsigned long long requests;  /* all that were begun */
  unsigned long long retries;   /* those of them that were a call's second, third… attempt */
  unsigned long long failed;    /* those that had no answer, or one that says so */
  unsigned long long status[6]; /* by the first digit of the answer's status; [0]: without answer */
  unsigned long long budget_waits; /* how often one had to wait for the request budget */
  double budget_seconds;           /* and how long, together */
} moonherd_counts;
int moonherd_count(const moonherd *m,
                   moonherd_counts *counts); /* MOONHERD_EINVAL: NULL, or no size */

/* Cancels what still runs, lets it clean up for `grace` seconds, frees everything. NULL is allowed.
 * From inside a callback it does nothing. */
void moonherd_close(moonherd *m);

/* Hides every secret that the handle knows in a text, as it does in its log, and hands the result to
 * `on_text`, once and before it returns. For a host that shows text which no callback gave it, such
 * as a line of the script. Allowed in callbacks. MOONHERD_ENOMEM: on_text was not called. */
int moonherd_mask(const moonherd *m, const char *text, size_t n,
                  void (*on_text)(void *user, const char *text, size_t n), void *user);

/* The parts of an error; "" where there is none. `kind` and `reason` are the fixed words scripts
 * compare, `message` is one line, `request` the call that failed in one line, `trace` several. `json`
 * holds all fields as one JSON object. */
const char *moonherd_error_kind(const moonherd_error *error);
const char *moonherd_error_reason(const moonherd_error *error);
const char *moonherd_error_message(const moonherd_error *error);
const char *moonherd_error_hint(const moonherd_error *error);
const char *moonherd_error_request(const moonherd_error *error);
const char *moonherd_error_trace(const moonherd_error *error);
const char *moonherd_error_json(const moonherd_error *error);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
